"""The commands: each writes intent, durably, whether or not a service is there to carry it out."""

import click
import msgspec

from core.cli.add import read_settings
from core.cli.output import show_json
from core.cli.session import Session, verb
from core.domain.settings import Settings
from core.manager.commands import Done


def _answer(session: Session, done: list[Done], many: bool = False) -> None:
    if session.as_json:
        show_json([msgspec.to_builtins(one) for one in done] if many else msgspec.to_builtins(done[0]))
        return
    for one in done:
        what = "nothing to change" if not one.changed else "asked for" if one.applied else "noted"
        click.echo(f"{one.id}: {one.intent}, {what} ({one.phase})")
    for hint in {one.hint for one in done if one.hint}:
        click.echo(click.style("Hint: ", bold=True) + hint, err=True)
    if not done:
        click.echo("There was nothing to do.")


def _one(session: Session, id_: str, name: str, reason: str = "") -> Done:
    manager = session.manager
    if id_.startswith("b_"):
        return manager.commands.batch(id_, name, by=manager.actor, why=reason)
    return manager.commands.run(id_, name, by=manager.actor, why=reason)


@verb("pause")
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--reason", default="", help="Why; shown wherever something waits because of it.")
def pause(session: Session, id_: str | None, reason: str) -> None:
    """Pause a run, a batch, or without an id everything. Running work stands still at once and goes on later."""
    manager = session.manager
    done = _one(session, id_, "pause", reason) if id_ else manager.commands.pool("pause", by=manager.actor, why=reason)
    _answer(session, [done])


@verb("resume")
@click.argument("id_", metavar="[ID]", required=False)
def resume(session: Session, id_: str | None) -> None:
    """Let a paused run, batch, or without an id everything, go on."""
    manager = session.manager
    _answer(session, [_one(session, id_, "resume") if id_ else manager.commands.pool("resume", by=manager.actor)])


@verb("start")
@click.argument("batch_id", metavar="BATCH")
def start(session: Session, batch_id: str) -> None:
    """Start a draft, or resume a paused batch."""
    _answer(session, [session.manager.commands.batch(batch_id, "start", by=session.manager.actor)])


@verb("stop")
@click.argument("run_id", metavar="[RUN]", required=False)
@click.option("--reason", default="", help="Why; kept with the run.")
def stop(session: Session, run_id: str | None, reason: str) -> None:
    """Stop a run, or without an id every running run of yours: it is failed, keeps what it has, and can be retried."""
    manager = session.manager
    if run_id:
        _answer(session, [manager.commands.run(run_id, "stop", by=manager.actor, why=reason)])
    else:
        _answer(session, manager.commands.stop_all(by=manager.actor, why=reason), many=True)


@verb("cancel")
@click.argument("id_", metavar="ID")
@click.option("--reason", default="", help="Why; kept with the run.")
def cancel(session: Session, id_: str, reason: str) -> None:
    """Cancel a run or a batch. What is finished stays; a cancelled run can be retried."""
    _answer(session, [_one(session, id_, "cancel", reason)])


@verb("skip")
@click.argument("run_id", metavar="RUN")
def skip(session: Session, run_id: str) -> None:
    """Leave a run out for good; it counts as done. `unskip` takes it back."""
    _answer(session, [session.manager.commands.run(run_id, "skip", by=session.manager.actor)])


@verb("unskip")
@click.argument("run_id", metavar="RUN")
def unskip(session: Session, run_id: str) -> None:
    """Take a skipped run in again."""
    _answer(session, [session.manager.commands.run(run_id, "unskip", by=session.manager.actor)])


@verb("retry")
@click.argument("id_", metavar="RUN", required=False)
@click.option("--failed", "batch_id", metavar="BATCH", help="Every failed run of this batch.")
@click.option("--from", "from_stage", metavar="STAGE", help="Make this stage and what rests on it once more.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="With this setting changed.")
def retry(
    session: Session, id_: str | None, batch_id: str | None, from_stage: str | None, changes: tuple[str, ...]
) -> None:
    """Try a failed or cancelled run once more; it goes on at the first unit that is not done."""
    manager = session.manager
    if (id_ is None) == (batch_id is None):
        raise click.UsageError("Give either a run, or --failed BATCH.", click.get_current_context())
    if batch_id is not None:
        _answer(session, manager.commands.retry_failed(batch_id, by=manager.actor), many=True)
        return
    assert id_ is not None
    changed = read_settings(None, changes, None)
    given = {
        name: getattr(changed, name)
        for name in Settings.__struct_fields__
        if any(c.startswith(f"{name}=") for c in changes)
    }
    done = manager.commands.run(id_, "retry", by=manager.actor, from_stage=from_stage, changes=given)
    _answer(session, [done])


COMMANDS = (start, pause, resume, stop, cancel, retry, skip, unskip)
