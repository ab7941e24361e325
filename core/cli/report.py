"""`report`: what a batch cost, what was taken over or done twice, and what that saved."""

import click

from core.cli.output import duration, printable, show_json, table
from core.cli.session import Session, verb
from core.domain.report import amount

STAGE_COLUMNS = (
    ("stage", "STAGE", 12),
    ("done", "DONE", 16),
    ("reused", "TAKEN OVER", 16),
    ("redone", "DONE TWICE", 16),
    ("cpu", "PROCESSOR", 12),
    ("memory", "MEMORY", 10),
)
RUN_COLUMNS = (
    ("run_id", "RUN", 28),
    ("phase", "PHASE", 10),
    ("attempts", "ATTEMPTS", 8),
    ("retries", "RETRIES", 7),
    ("resumes", "RESUMES", 7),
    ("worked", "WORKED", 12),
    ("title", "TITLE", 40),
)


@verb("report")
@click.argument("batch_id", metavar="BATCH")
def report(session: Session, batch_id: str) -> None:
    """Say what a batch cost: done, taken over and done twice, and what resuming saved."""
    told = session.manager.views.report(batch_id)
    if session.as_json:
        show_json(told)
        return
    click.echo(f"{printable(told['name'])}: {told['phase']}" + (f", {told['outcome']}" if told["outcome"] else ""))
    click.echo(told["sentence"])
    paused = f", {duration(told['paused_s'])} paused" if told["paused_s"] else ""
    click.echo(f"{duration(told['worked_s'])} of work{paused}")
    if told["work"]:
        table([_stage(name, work, told["uses"].get(name)) for name, work in told["work"].items()], STAGE_COLUMNS)
    rows = [
        run | {"attempts": sum(run["attempt_counts"].values()), "worked": duration(run["worked_s"])}
        for run in told["runs"]
    ]
    if rows:
        table(rows, RUN_COLUMNS)
    for run in told["runs"]:
        if run["last_error"]:
            click.echo(
                f"{run['run_id']}: last error in {run['last_error']['stage']}: {printable(run['last_error']['message'])}"
            )
    for suggestion in told["suggestions"]:
        click.echo(f"Suggestion: {printable(suggestion['message'])}")


def _stage(name: str, work: dict[str, float | str | None], uses: dict[str, float] | None) -> dict[str, str]:
    unit = str(work["unit"])
    told = {field: work[field] for field in ("done", "reused", "redone")}
    sizes = {field: amount(float(size), unit) if size is not None else "unknown" for field, size in told.items()}
    cost = {"cpu": duration(uses["cpu_s"]), "memory": amount(uses["memory_bytes"], "bytes")} if uses else {}
    return {"stage": name, **sizes, "cpu": "unknown", "memory": "unknown", **cost}


COMMANDS = (report,)
