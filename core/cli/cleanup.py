"""`cleanup` and `archive`: what is old or needed by nothing goes, after it was shown; what batches were stays."""

from typing import Any

import click

from core.cli.output import clip, is_terminal, printable, show_json, table
from core.cli.session import Session, verb
from core.domain.errors import BadInput
from core.manager.cleanup import Old, Plan, document


@verb("cleanup")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def cleanup(session: Session, dry_run: bool, yes: bool) -> int:
    """Archive and remove batches that ended long ago, and remove what nothing needs any more.

    The service does so once a day. How long things are kept: archive_after_s and unused_kept_s in the configuration.
    """
    manager = session.manager
    plan = manager.cleanup.plan()
    if dry_run:
        if session.as_json:
            show_json(document(plan) | {"done": False})
        else:
            _tell(plan)
        return 0
    if plan.batches and not yes:
        if session.as_json or not is_terminal():
            raise BadInput("This removes batches for good.", hint="Look with --dry-run, then confirm with --yes.")
        _tell(plan)
        if not click.confirm("Remove all this for good?", err=True):
            return 1
    done = manager.cleanup.clean(manager.actor)
    if session.as_json:
        show_json(document(done) | {"done": True})
    else:
        numbers = {"batches": len(done.batches), "exports": len(done.exports), "unneeded results": len(done.unused)}
        click.echo(", ".join(f"{number} {what}" for what, number in numbers.items()) + " removed.")
        click.echo(f"{_size(done.freed)} at most were freed. ./reprise archive tells what the batches were.")
    return 0


@verb("archive")
@click.argument("batch_id", required=False, metavar="[BATCH]")
def archive(session: Session, batch_id: str | None) -> int:
    """The batches that were cleaned up, or what one of them was."""
    kept = session.manager.cleanup.archive
    if batch_id:
        show_json(kept.get(batch_id))
        return 0
    found = kept.all()
    if session.as_json:
        show_json({"archived": found})
    elif found:
        columns = [
            ("batch_id", "BATCH", 28),
            ("archived_at", "ARCHIVED", 24),
            ("runs", "RUNS", 4),
            ("name", "NAME", 40),
        ]
        table(found, columns)
    else:
        click.echo("Nothing has been archived yet.")
    return 0


def _tell(plan: Plan) -> None:
    """What a clean-up would do, for a person."""
    for one in plan.batches:
        click.echo(f"archived and removed: {_old(one)}")
    for export in plan.exports:
        name = clip(printable(export.name), 50)
        click.echo(f"archived and removed: {export.export_id} {name}, an export, of use until {export.since:%Y-%m-%d}")
    for unused in plan.unused:
        click.echo(f"needed by nothing: {unused.stage}/{unused.key}, {_size(unused.bytes)}")
    for one in plan.soon:
        click.echo(f"due within a week: {_old(one)}")
    if plan.hindered:
        click.echo(plan.hindered)
    if plan.is_empty:
        click.echo("There is nothing to clean up.")
    else:
        click.echo(f"{_size(plan.freed)} at most would be freed.")


def _old(one: Old) -> str:
    runs = f"{one.runs} {'run' if one.runs == 1 else 'runs'}"
    name = clip(printable(one.name), 50)
    return f"{one.batch_id} {name}, {runs}, {_size(one.bytes)}, untouched since {one.since:%Y-%m-%d}"


def _size(number: float) -> str:
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


COMMANDS: tuple[Any, ...] = (cleanup, archive)
