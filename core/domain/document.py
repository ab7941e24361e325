"""Writes `docs/states.md` from the tables: `python -m core.domain.document > docs/states.md`."""

import sys

from core.domain.errors import CLASSES, ErrorClass
from core.domain.plan import NEEDS, PIPELINE, READ_BY
from core.domain.retry import RATE_LIMIT_S, decide
from core.domain.states import (
    BATCH_TABLE,
    RUN_TABLE,
    STAGE_TABLE,
    AttemptOutcome,
    BatchPhase,
    FailureKind,
    Phase,
    Row,
    StageStatus,
    Want,
)

HEAD = """# States

<!-- Made by `python -m core.domain.document > docs/states.md`; do not edit. The rows are those of `core/domain/states.py`. -->

A run and a batch have a **phase** (what is) and a run also an **intent** (what the operator wants). Commands change only
the intent, durably, whether a service runs or not; the service moves the phase towards it. What is shown as pausing,
stopping or cancelling is a phase and an intent that differ. No other transition than these is possible.
"""


def document() -> str:
    """The whole document, as Markdown."""
    parts = [
        HEAD,
        "## Words\n",
        _words("Phases of a run", Phase),
        _words("Intents of a run", Want),
        _words("Statuses of a stage", StageStatus),
        _words("Outcomes of an attempt", AttemptOutcome),
        _words("Kinds of failure", FailureKind),
        _words("Phases of a batch", BatchPhase),
        "\n## Run\n",
        _table(RUN_TABLE),
        "```mermaid\nstateDiagram-v2\n" + _picture(RUN_TABLE) + "```\n",
        "## Batch\n",
        _table(BATCH_TABLE),
        "## Stage\n",
        _table(STAGE_TABLE),
        "## Pipeline\n",
        "| stage | needs | settings that may change its result |\n|---|---|---|",
        *(_pipeline_line(stage) for stage in PIPELINE),
        "\n## Errors and retries\n",
        "Waits double and get up to a fifth of jitter on top; the fourth counted try is the last with the default of 3"
        f" retries. A rate limit waits as long as the site asks, else {RATE_LIMIT_S / 60:.0f} minutes.\n",
        "| class | waits before tries 2, 3, 4 | uses a try | what to do |\n|---|---|---|---|",
        *(_error_line(error_class) for error_class in ErrorClass),
    ]
    return "\n".join(parts) + "\n"


def _words(title: str, words: type[Phase | Want | StageStatus | AttemptOutcome | FailureKind | BatchPhase]) -> str:
    return f"- {title}: " + ", ".join(f"`{word}`" for word in words)


def _table(rows: tuple[Row, ...]) -> str:
    lines = ["| # | event | from | to | guard and effect |", "|---|---|---|---|---|"]
    lines += [f"| {row.id} | {row.event} | {_list(row.sources)} | {_list(row.targets)} | {row.note} |" for row in rows]
    return "\n".join(lines) + "\n"


def _list(words: tuple[str, ...]) -> str:
    return ", ".join(words) or "—"


def _picture(rows: tuple[Row, ...]) -> str:
    """The lines of a Mermaid state diagram, the events between two phases gathered on one arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for source in row.sources or ("[*]",):
            for target in row.targets:
                arrows.setdefault((source, target), []).append(row.event)
    return "".join(f"    {source} --> {target}: {', '.join(events)}\n" for (source, target), events in arrows.items())


def _pipeline_line(stage: str) -> str:
    settings = tuple(name for name, stages in READ_BY.items() if stage in stages)
    return f"| {stage} | {_list(NEEDS[stage])} | {_list(settings)} |"


def _error_line(error_class: ErrorClass) -> str:
    decisions = [decide(error_class, tries, 3) for tries in range(3)]
    waits = ", ".join(f"{decision.wait_s:.0f} s" for decision in decisions if decision.wait_s is not None)
    counts = "yes" if decisions[0].counts else "no"
    return f"| {error_class} | {waits or 'never tried again'} | {counts} | {CLASSES[error_class].hint} |"


if __name__ == "__main__":
    sys.stdout.write(document())
