"""The views: what there is, how far it is, why it waits, what it said."""

from typing import Any

import click

from core.cli.output import duration, printable, show_json, table
from core.cli.session import Session, verb
from core.domain import breaker as breaking
from core.domain.errors import BadInput, NotFound
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.domain.tries import summary
from core.domain.words import gigabytes
from core.manager.history import TRANSITIONS

PAUSED_SHOWN = 5
RUN_COLUMNS = (
    ("run_id", "RUN", 28),
    ("shown", "PHASE", 10),
    ("stage", "STAGE", 10),
    ("progress", "DONE", 5),
    ("title", "TITLE", 40),
)


@verb("status")
def status(session: Session) -> None:
    """What the pool does: workers, queue, throughput, and whether a service runs."""
    now = session.manager.views.status()
    if session.as_json:
        show_json(now)
        return
    service = now["service"]
    running = f"process {service['pid']}, since {service['since']}" if service["alive"] else "not running"
    click.echo(f"{now['status']}; service {running}")
    click.echo(
        f"{now['processing']} processing ({now['active_workers']} at work), {now['pending']} pending, {now['paused']} paused, "
        f"{now['completed']} completed, {now['failed']} failed"
    )
    if now["pause"]:
        click.echo(printable(now["pause"]["sentence"]))
    for batch_id in now["paused_batches"][:PAUSED_SHOWN]:
        click.echo(f"Batch {batch_id} is paused; ./reprise show {batch_id} says why")
    if len(now["paused_batches"]) > PAUSED_SHOWN:
        click.echo(f"… and {len(now['paused_batches']) - PAUSED_SHOWN} more are paused")
    if now["disk"]["low"]:
        free, needed = gigabytes(now["disk"]["free"]), gigabytes(now["disk"]["needed"])
        click.echo(
            f"The disk is full: {free} are free, {needed} are needed; work goes on by itself once there is more."
        )
    for breaker in now["breakers"]:
        if breaker["state"] != "closed":
            click.echo(
                f"{printable(breaking.what(breaker['name']))} is left alone for now: {printable(breaker['why'])}"
            )
    if now["damaged"]:
        click.echo(f"{now['damaged']} damaged; ./reprise list names them, ./reprise check says more")
    if now["stalled"]:
        click.echo(f"{now['stalled']} stalled; ./reprise list shows which, ./reprise recover begins them anew")
    show_left(now["eta_s"], paused=now["status"] == "paused")


def show_left(eta_s: dict[str, float] | None, *, paused: bool) -> None:
    """How long it still takes, where that is known."""
    if eta_s:
        resumed = " once resumed" if paused else ""
        low, high = duration(eta_s["low"]), duration(eta_s["high"])
        about = f"Up to {high}" if eta_s["low"] < 1 else f"About {high}" if low == high else f"About {low} to {high}"
        click.echo(f"{about} left{resumed}")


@verb("list")
@click.option("--phase", type=click.Choice([str(phase) for phase in Phase]), help="Only runs in this phase.")
@click.option("--user", help="Only runs of this owner.")
@click.option("--batch", "batch_id", help="Only runs of this batch.")
def list_(session: Session, phase: str | None, user: str | None, batch_id: str | None) -> None:
    """List runs, the newest batch first."""
    found = session.manager.views.runs(phase=phase, user=user, batch_id=batch_id)
    if session.as_json:
        show_json(found)
        return
    if found["runs"]:
        _table_runs(found["runs"])
    elif not found["damaged"]:
        narrowed = phase or user or batch_id
        click.echo("No run matches." if narrowed else "There are no runs yet. ./reprise add SOURCE… makes some.")
    for damaged in found["damaged"]:
        click.echo(f"{damaged['id']:<28}  {printable(damaged['problem'])} ./reprise check says more.")


def _table_runs(runs: list[dict[str, Any]]) -> None:
    """Runs under headings; one that makes nothing new is shown as stalled, one between two stages as waiting."""
    table([run | {"shown": _shown(run)} for run in runs], RUN_COLUMNS)


def _shown(run: dict[str, Any]) -> str:
    if "stalled" in run["flags"]:
        return "stalled"
    return "waiting" if run["phase"] == Phase.RUNNING and run["blocked_reason"] else str(run["phase"])


@verb("show")
@click.argument("id_", metavar="ID")
def show(session: Session, id_: str) -> None:
    """Show one run (r_…) or batch (b_…) with everything about it."""
    views = session.manager.views
    if not id_.startswith(("r_", "b_")):
        raise NotFound(f"“{printable(id_)}” is no id: runs begin with r_, batches with b_.")
    document = views.batch(id_) if id_.startswith("b_") else views.run(id_)
    if session.as_json:
        show_json(document)
    elif id_.startswith("b_"):
        _show_batch(document, everything=views.status()["pause"])
    else:
        _show_run(views.record(id_), document, views.why(id_)["message"])


def _show_batch(batch: dict[str, Any], everything: dict[str, Any] | None) -> None:
    """A batch for people; `everything` is the pause of the pool, if there is one."""
    id_, pause, runs = batch["batch_id"], batch["pause"], batch["runs"]
    click.echo(f"{printable(batch['name'])}: {batch['phase']}, {batch['progress']:.0%}")
    if batch["description"]:
        click.echo(printable(batch["description"]))
    click.echo(printable(f"{id_} of {batch['owner']}; priority {batch['priority']}, {batch['concurrency']} at a time"))
    if batch["phase"] == BatchPhase.DELETED:
        click.echo(
            "Its files are being removed; it cannot be brought back."
            if batch["purging"]
            else f"./reprise restore {id_} brings it back."
        )
    if batch["phase"] == BatchPhase.DRAFT:
        click.echo(f"./reprise start {id_} starts it.")
    if pause:
        click.echo(printable(pause["sentence"]))
    if pause and pause["runs"]:
        names = [run["title"] or run["source"] for run in runs if run["run_id"] in pause["runs"]]
        click.echo(f"They are {printable(', '.join(names))}; ./reprise resume {id_} tries them again, one at first.")
    elif pause and pause["reason"] == "operator":
        click.echo(f"./reprise resume {id_} lets it go on.")
    held = everything is not None and any(run["phase"] not in TERMINAL for run in runs)
    if held and everything is not None:
        click.echo(f"Everything: {printable(everything['sentence'])}")
    show_left(batch["eta_s"], paused=held or pause is not None)
    _table_runs(runs)
    for run in runs:
        if run["failure"] and run["phase"] == Phase.FAILED:
            click.echo(printable(f"{run['run_id']}: {run['failure']['message']} {run['failure']['hint']}"))


def _show_run(record: RunRecord, run: dict[str, Any], said: str) -> None:
    """A run for people; `said` is why it is where it is."""
    click.echo(f"{printable(run['title'])}\n{run['run_id']} in {run['batch_id']}, {_shown(run)}, {run['progress']:.0%}")
    if run["removed"]:
        click.echo("removed from its batch")
    if run["pause"]:
        click.echo(printable(run["pause"]["sentence"]))
        if run["intent"] == Want.PAUSE:
            click.echo(f"./reprise resume {run['run_id']} lets it go on.")
    show_left(run["eta_s"], paused=run["pause"] is not None)
    for flag in run["flags"]:
        click.echo(f"flag: {flag}")
    if "stalled" in run["flags"]:
        click.echo(f"{printable(said)} ./reprise recover {run['run_id']} begins it anew; what is done is kept.")
    elif "slow" in run["flags"] or run["phase"] == Phase.CANCELLED:
        click.echo(printable(said))
    if run["phase"] == Phase.CANCELLED and not run["removed"]:
        click.echo(f"./reprise retry {run['run_id']} takes it up again.")
    if run["blocked_reason"] and not run["pause"]:
        click.echo(f"waits: {printable(run['blocked_reason'])}")
    if run["failure"]:
        what = "failed" if run["phase"] == Phase.FAILED else "last error"
        click.echo(f"{what}: {printable(run['failure']['message'])} {printable(run['failure']['hint'])}")
    for name, stage in run["stages"].items():
        tried = summary([attempt for attempt in record.attempts if attempt.stage == name])
        click.echo(f"  {name:<17} {stage['status']:<10} {tried}")
        for file in stage["files"]:
            click.echo(f"    {file['name']}  {file['size']:,} bytes")
        if stage["error"] and stage["status"] != "committed":
            click.echo(f"    last error: {printable(stage['error']['message'])}")


@verb("why")
@click.argument("run_id", metavar="RUN")
def why(session: Session, run_id: str) -> None:
    """Say the one reason why a run does not move."""
    reason = session.manager.views.why(run_id)
    if session.as_json:
        show_json(reason)
    else:
        click.echo(printable(reason["message"]))


@verb("log")
@click.argument("run_id", metavar="RUN")
@click.option("--stage", help="Only this stage.")
def log(session: Session, run_id: str, stage: str | None) -> None:
    """Print what the stages of a run said."""
    views = session.manager.views
    run = views.record(run_id)
    if stage is not None and stage not in run.stages:
        raise BadInput(f"There is no stage “{printable(stage)}”.", hint=f"Stages: {', '.join(run.stages)}.")
    lines = views.logs.lines(run, stage)
    if session.as_json:
        show_json({"lines": lines})
        return
    for line in lines:
        click.echo(f"{line['t'][11:19]}  {line['stage']:<11} {printable(line['text'])}")
    if not lines:
        click.echo("Nothing was said yet.")


@verb("history")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The last so many.")
def history(session: Session, limit: int) -> None:
    """What happened to runs and batches, oldest first."""
    _events(session, TRANSITIONS, limit)


@verb("audit")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="The last so many.")
def audit(session: Session, limit: int) -> None:
    """Who did what, when, and through which way in."""
    _events(session, (), limit)


def _events(session: Session, kinds: tuple[str, ...], limit: int) -> None:
    found = session.manager.views.history.events(kinds=kinds, limit=limit)
    if session.as_json:
        show_json(found)
        return
    for event in found["events"]:
        what = event["run_id"] or event["batch_id"] or ""
        moved = f"{event['from']} → {event['to']}" if event["to"] else ""
        data = event["data"]
        if event["type"].startswith("command."):
            why = f"{_given(data)} {printable(data.get('why') or '')}".strip()
        else:
            told = (data.get(name) for name in ("name", "why", "problem", "message"))
            why = printable(": ".join(word for word in told if word))
        line = f"{event['t']}  {printable(event['actor']):<16} {event['type']:<22} {what:<28} {moved:<22} {why}"
        click.echo(line.rstrip())
    if not found["events"]:
        click.echo("Nothing has happened yet.")


def _given(data: dict[str, Any]) -> str:
    """What a command was given beside its reason: `drain`, `priority=9`, `model=base`."""
    told: list[str] = []
    for name, value in data.items():
        if isinstance(value, dict):
            told.append(_given(value))
        elif name != "why":
            words = ",".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
            told.append(name if value is True else f"{name}={printable(words)}")
    return " ".join(told)


COMMANDS = (status, list_, show, why, log, history, audit)
