"""The commands that move runs, batches and the pool: each writes intent, durably, whether or not a service is there."""

import click

from core.cli.answers import answer, answer_many, read_changes
from core.cli.session import Session, verb
from core.manager.commands import Done

REASON = click.option("--reason", default="", metavar="TEXT", help="Why; kept, and shown wherever it matters.")


def _one(session: Session, id_: str, name: str, reason: str = "", drain: bool = False) -> Done:
    manager = session.manager
    ask = manager.commands.batch if id_.startswith("b_") else manager.commands.run
    return ask(id_, name, by=manager.actor, why=reason, drain=drain)


@verb("pause")
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--drain", is_flag=True, help="Let the stages that run go on to their end, and start no others.")
@REASON
def pause(session: Session, id_: str | None, drain: bool, reason: str) -> None:
    """Pause a run, a batch, or without an id everything.

    Running work stands still at once and goes on later where it stood; with --drain it ends its stage first. A plain
    pause after one with --drain makes that stand still too.
    """
    manager = session.manager
    if id_:
        answer(session, _one(session, id_, "pause", reason, drain), "pause")
    else:
        answer(
            session, manager.commands.pool("pause", by=manager.actor, why=reason, drain=drain), "pause", at_once=True
        )


@verb("resume")
@click.argument("id_", metavar="[ID]", required=False)
def resume(session: Session, id_: str | None) -> None:
    """Let a paused run, batch, or without an id everything, go on.

    A batch that paused itself after failures tries those again and starts with one run. What was paused by itself stays
    paused when its batch goes on.
    """
    manager = session.manager
    if id_:
        answer(session, _one(session, id_, "resume"), "resume")
    else:
        answer(session, manager.commands.pool("resume", by=manager.actor), "resume", at_once=True)


@verb("start")
@click.argument("batch_id", metavar="BATCH")
def start(session: Session, batch_id: str) -> None:
    """Start a draft, or resume a paused batch."""
    answer(session, session.manager.commands.batch(batch_id, "start", by=session.manager.actor), "start")


@verb("stop")
@click.argument("run_id", metavar="[RUN]", required=False)
@REASON
def stop(session: Session, run_id: str | None, reason: str) -> None:
    """Stop a run, or without an id every running run of yours: it is failed, keeps what it has, and can be retried."""
    manager = session.manager
    if run_id:
        answer(session, manager.commands.run(run_id, "stop", by=manager.actor, why=reason), "stop")
    else:
        answer_many(session, manager.commands.stop_all(by=manager.actor, why=reason), "stop")


@verb("cancel")
@click.argument("id_", metavar="ID")
@REASON
def cancel(session: Session, id_: str, reason: str) -> None:
    """Cancel a run or a batch. What is finished stays; a cancelled run can be retried."""
    answer(session, _one(session, id_, "cancel", reason), "cancel")


@verb("skip")
@click.argument("run_id", metavar="RUN")
@REASON
def skip(session: Session, run_id: str, reason: str) -> None:
    """Leave a run out for good; it counts as done. `unskip` takes it back."""
    answer(session, session.manager.commands.run(run_id, "skip", by=session.manager.actor, why=reason), "skip")


@verb("unskip")
@click.argument("run_id", metavar="RUN")
def unskip(session: Session, run_id: str) -> None:
    """Take a skipped run in again."""
    answer(session, session.manager.commands.run(run_id, "unskip", by=session.manager.actor), "unskip")


@verb("recover")
@click.argument("run_id", metavar="[RUN]", required=False)
@REASON
def recover(session: Session, run_id: str | None, reason: str) -> None:
    """End the attempt of a stalled run and begin it anew, or without an id those of every stalled run.

    Its processes are killed, its units are kept, and it goes on at the front of the queue. `list` and `show` say which
    runs are stalled.
    """
    manager = session.manager
    if run_id:
        answer(session, manager.commands.run(run_id, "recover", by=manager.actor, why=reason), "recover")
    else:
        answer_many(session, manager.commands.recover_all(by=manager.actor, why=reason), "recover")


@verb("retry")
@click.argument("id_", metavar="RUN", required=False)
@click.option("--failed", "batch_id", metavar="BATCH", help="Every failed run of this batch.")
@click.option("--from", "from_stage", metavar="STAGE", help="Make this stage and what rests on it once more.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="With this setting changed.")
@REASON
def retry(
    session: Session,
    id_: str | None,
    batch_id: str | None,
    from_stage: str | None,
    changes: tuple[str, ...],
    reason: str,
) -> None:
    """Try a failed or cancelled run once more; it goes on at the first unit that is not done.

    With --from or --set every run that has ended can be made again, and only what that touches is.
    """
    manager = session.manager
    if (id_ is None) == (batch_id is None):
        raise click.UsageError("Give either a run, or --failed BATCH.", click.get_current_context())
    given = read_changes(changes)
    if batch_id is not None:
        done = manager.commands.retry_failed(
            batch_id, by=manager.actor, why=reason, from_stage=from_stage, changes=given
        )
        answer_many(session, done, "retry")
        return
    assert id_ is not None
    one = manager.commands.run(id_, "retry", by=manager.actor, why=reason, from_stage=from_stage, changes=given)
    answer(session, one, "retry")


COMMANDS = (start, pause, resume, stop, cancel, retry, skip, unskip, recover)
