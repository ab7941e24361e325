"""What people are told of: which lines of the journal are news, and the sentence for each. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

import msgspec

from core.domain.batch import BatchRecord
from core.domain.errors import BadInput
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from core.domain.words import runs_in_words

# What is older when it is read is history: a journal that was lost and made again tells nobody anything.
FRESH = timedelta(hours=24)
MAX_TITLE, MAX_TEXT = 120, 600


class Kind(StrEnum):
    """What happened."""

    BATCH_COMPLETED = "batch_completed"
    BATCH_FAILED = "batch_failed"
    BATCH_PAUSED = "batch_paused"
    RUN_STALLED = "run_stalled"
    RUN_POISONED = "run_poisoned"


Tone = Literal["good", "warn", "bad"]


class News(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the journal that people are told of; `event` is its name for ever, in whatever line it stands."""

    event: str
    kind: Kind
    at: datetime
    batch_id: str
    run_id: str | None = None
    why: str = ""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that its `owner` is told: `title` (text of others) and `what` are its headline, `text` says more.

    `number` grows with every notice of a storage and is never given twice.
    """

    number: int
    event: str
    kind: Kind
    tone: Tone
    at: datetime
    owner: str
    batch_id: str
    run_id: str | None = None
    title: str = ""
    what: str = ""
    text: str = ""

    @property
    def headline(self) -> str:
        """One line that says it all."""
        return f"{self.title} {self.what}"


_LINES = {
    ("batch.settle", "completed"): Kind.BATCH_COMPLETED,
    ("batch.settle", "failed"): Kind.BATCH_FAILED,
    ("batch.auto_pause", "paused"): Kind.BATCH_PAUSED,
    ("run.stall", "failed"): Kind.RUN_STALLED,
    ("run.poison", "failed"): Kind.RUN_POISONED,
    ("run.stalled", None): Kind.RUN_STALLED,
}


def news_in(line: Mapping[str, Any], now: datetime) -> News | None:
    """What a line of the journal tells people; None for one that tells nobody anything, or that is history by `now`."""
    kind = _LINES.get((str(line.get("type")), line.get("to")))
    data, batch_id, run_id = line.get("data", {}), line.get("batch_id"), line.get("run_id")
    if kind is None or not isinstance(batch_id, str):
        return None
    # An attempt is said to have stalled once, however often it comes on and stops again.
    event = data.get("transition") or f"{line.get('attempt')}.stalled"
    try:
        at = datetime.fromisoformat(str(data.get("at") or line.get("t")))
    except ValueError:
        return None
    if now - at > FRESH:
        return None
    why = str(data.get("why") or data.get("message") or "")
    return News(event=str(event), kind=kind, at=at, batch_id=batch_id, run_id=run_id, why=why)


def told(news: News, batch: BatchRecord, runs: Iterable[RunRecord], number: int) -> Notice:
    """The notice for `news` of `batch`, whose `runs` are as they are now."""
    runs = list(runs)
    run = next((run for run in runs if run.run_id == news.run_id), None)
    title = batch.name if run is None else run.title or run.source.value
    tone, what, text = _said(news, batch, runs)
    return Notice(
        number=number,
        event=news.event,
        kind=news.kind,
        tone=tone,
        at=news.at,
        owner=batch.owner,
        batch_id=batch.batch_id,
        run_id=news.run_id,
        title=cut(title, MAX_TITLE),
        what=what,
        text=cut(text, MAX_TEXT),
    )


def _said(news: News, batch: BatchRecord, runs: list[RunRecord]) -> tuple[Tone, str, str]:
    match news.kind:
        case Kind.BATCH_COMPLETED:
            whole = all(run.phase in (Phase.COMPLETED, Phase.SKIPPED) for run in runs)
            return ("good", "is completed", _counts(runs)) if whole else ("warn", "is partly completed", _counts(runs))
        case Kind.BATCH_FAILED:
            return "bad", "failed", _counts(runs)
        case Kind.BATCH_PAUSED:
            over = "" if batch.phase == BatchPhase.PAUSED else " It goes on since."
            return "bad", "paused itself", news.why + over
        case Kind.RUN_STALLED if news.event.endswith(".stalled"):
            return "warn", "does not come on", news.why
        case Kind.RUN_STALLED:
            return "bad", "stalled too often", news.why
        case Kind.RUN_POISONED:
            return "bad", "ended its worker too often", news.why


def _counts(runs: list[RunRecord]) -> str:
    """How the runs of a batch ended, and what the first failure was."""
    phases = [run.phase for run in runs]
    words = {
        Phase.COMPLETED: "completed",
        Phase.SKIPPED: "skipped",
        Phase.FAILED: "failed",
        Phase.CANCELLED: "cancelled",
    }
    parts = [f"{phases.count(phase)} {word}" for phase, word in words.items() if phase in phases]
    said = f"{runs_in_words(len(runs))}: {', '.join(parts)}." if parts else f"{runs_in_words(len(runs))}."
    failed = next((run.failure for run in runs if run.needs_attention and run.failure is not None), None)
    return f"{said} {failed.message}" if failed is not None and failed.message else said


def cut(text: str, longest: int) -> str:
    """`text` in one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def kinds_in(text: str) -> frozenset[Kind]:
    """The kinds in a comma list; raises `BadInput` naming one that there is not."""
    named = [one.strip() for one in text.split(",") if one.strip()]
    unknown = [one for one in named if one not in list(Kind)]
    if unknown:
        raise BadInput(f"There is no event “{unknown[0][:40]}” in notify_events.", hint=f"There are {', '.join(Kind)}.")
    return frozenset(Kind(one) for one in named)
