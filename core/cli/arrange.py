"""The commands that arrange what there is: who comes first, what a batch is called and asks for, and what goes away."""

import sys

import click

from core.cli.answers import answer, read_changes
from core.cli.control import REASON
from core.cli.output import is_terminal, printable
from core.cli.session import Session, verb


@verb("priority", context_settings={"ignore_unknown_options": True})  # -1 is a wrong number, no option
@click.argument("id_", metavar="ID")
@click.argument("number", metavar="N|batch", type=click.UNPROCESSED)
def priority(session: Session, id_: str, number: str) -> None:
    """Give a waiting run, or a batch, another priority: 0 (last) to 10 (first).

    A run without a priority of its own has that of its batch; `batch` instead of a number takes its own away again.
    """
    answer(session, session.manager.commands.priority(id_, number, by=session.manager.actor), "priority", at_once=True)


@verb("reorder")
@click.argument("batch_id", metavar="BATCH")
@click.argument("run_ids", nargs=-1, required=True, metavar="RUN…")
def reorder(session: Session, batch_id: str, run_ids: tuple[str, ...]) -> None:
    """Let the queued runs of a batch start in this order.

    Name each queued run once; `list --batch BATCH --phase queued` has them in their present order. When the batch has
    moved on meanwhile, the runs that do not fit are named and the order stays.
    """
    answer(
        session, session.manager.commands.reorder(batch_id, run_ids, by=session.manager.actor), "reorder", at_once=True
    )


@verb("edit")
@click.argument("batch_id", metavar="BATCH")
@click.option("--name", help="What it is called, 100 characters at most.")
@click.option("--description", help="What it is about, 2000 characters at most; empty takes it away.")
@click.option("--concurrency", metavar="N", help="How many of its runs at once, 1 to 5.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="One setting; may be repeated.")
def edit(
    session: Session,
    batch_id: str,
    name: str | None,
    description: str | None,
    concurrency: str | None,
    changes: tuple[str, ...],
) -> None:
    """Change a draft, running or paused batch.

    Settings hold for the runs that nobody has begun to work on; the others keep theirs (`retry --set` changes those).
    """
    if (name, description, concurrency, changes) == (None, None, None, ()):
        raise click.UsageError("Say what to change: --name, --description, --concurrency or --set.")
    done = session.manager.commands.edit(
        batch_id,
        by=session.manager.actor,
        name=name,
        description=description,
        concurrency=concurrency,
        changes=read_changes(changes),
    )
    answer(session, done, "edit", at_once=True)


@verb("remove")
@click.argument("run_id", metavar="RUN")
@REASON
def remove(session: Session, run_id: str, reason: str) -> None:
    """Take a queued run that has not begun out of its batch. To have it again, add its source again."""
    answer(
        session,
        session.manager.commands.run(run_id, "remove", by=session.manager.actor, why=reason),
        "remove",
        at_once=True,
    )


@verb("delete")
@click.argument("batch_id", metavar="BATCH")
@click.option("--hard", is_flag=True, help="For good: its results, logs and uploads are removed from the disk.")
@click.option("--yes", is_flag=True, help="Do not ask before --hard.")
@REASON
def delete(session: Session, batch_id: str, hard: bool, yes: bool, reason: str) -> None:
    """Hide a draft, or a batch that has ended; `restore` brings it back.

    With --hard it cannot be brought back. Results that a run of another batch shares are kept.
    """
    manager = session.manager
    if hard and not yes and not _agreed(session, batch_id):
        click.echo("Nothing was deleted.")
        return
    answer(session, manager.commands.delete(batch_id, by=manager.actor, hard=hard, why=reason), "delete", at_once=True)


def _agreed(session: Session, batch_id: str) -> bool:
    batch = session.manager.views.batch(batch_id)
    if session.as_json or not (is_terminal() and sys.stdin.isatty()):
        raise click.UsageError("Deleting for good cannot be undone: say --yes.", click.get_current_context())
    runs = "1 run" if batch["total"] == 1 else f"{batch['total']} runs"
    return click.confirm(f"Remove “{printable(batch['name'])}” with {runs} and all results for good?", err=True)


@verb("restore")
@click.argument("batch_id", metavar="BATCH")
def restore(session: Session, batch_id: str) -> None:
    """Bring a deleted batch back as it was."""
    answer(
        session, session.manager.commands.batch(batch_id, "restore", by=session.manager.actor), "restore", at_once=True
    )


COMMANDS = (priority, reorder, edit, remove, delete, restore)
