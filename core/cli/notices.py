"""`notices` and `notify`: what you are told, and whether telling works."""

from typing import Any

import click
import msgspec

from core.cli.output import printable, show_json
from core.cli.session import Session, verb
from core.domain.errors import BadInput
from core.manager.notices import Told, document
from core.system.clock import local


@verb("notices")
@click.option("--unread", is_flag=True, help="Only what you have not read.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="How many at most.")
@click.option("--read", "read", metavar="N|all", help="Mark one as read, or all.")
def notices(session: Session, unread: bool, limit: int, read: str | None) -> int:
    """What you are told: batches that ended or paused themselves, runs that stalled or were given up."""
    board = session.manager.notices
    if read is not None:
        if read != "all" and not (read.isascii() and read.isdigit() and len(read) < 10):
            raise BadInput(f"“{read[:40]}” is no number of a notice.", hint="Give its number, or all.")
        board.mark_read(None if read == "all" else [int(read)])
    found = board.all(unread=unread, limit=limit)
    left = board.unread()
    if session.as_json:
        show_json({"notices": [document(one) for one in found], "unread": left})
        return 0
    for one in found:
        _tell(one)
    if not found:
        click.echo("There is nothing new." if unread else "Nothing has happened yet that you would be told of.")
    elif left:
        click.echo(f"{left} unread; ./reprise notices --read all marks them as read.")
    return 0


def _tell(one: Told) -> None:
    notice = one.notice
    mark = " " if one.read else "•"
    when = f"{local(notice.at):%Y-%m-%d %H:%M}"
    click.echo(f"{mark} {notice.number:>4}  {when}  {printable(notice.headline)}")
    click.echo(f"{'':26}{printable(notice.text)}")
    click.echo(f"{'':26}./reprise show {notice.run_id or notice.batch_id}")


@click.group("notify")
def notify() -> None:
    """E-mail and webhooks: `test` sends a message by each, `status` says how sending goes."""


@verb("test")
def test(session: Session) -> int:
    """Send a test message by every way that is configured; exit code 1 when one of them does not work."""
    tried = session.manager.notices.test()
    if session.as_json:
        show_json({"tried": msgspec.to_builtins(tried)})
    else:
        for one in tried:
            click.echo(f"{'✓' if one.ok else '✗'} {one.label} to {printable(one.target)}: {printable(one.message)}")
            if one.hint and not one.ok:
                click.echo(f"  {printable(one.hint)}")
    return 0 if all(one.ok for one in tried) else 1


@verb("status")
def status(session: Session) -> int:
    """How sending goes: what waits, what was sent, and what is wrong; exit code 1 when something is."""
    found = session.manager.notices.sending()
    if session.as_json:
        show_json({"sending": [msgspec.to_builtins(one) | {"ok": one.is_well} for one in found]})
    elif not found:
        click.echo("No e-mail and no webhook is configured; the dashboard and ./reprise notices tell what happens.")
    else:
        for one in found:
            said = one.problem or one.error or "works"
            click.echo(f"{'✓' if one.is_well else '✗'} {one.label} to {printable(one.target)}: {printable(said)}")
            click.echo(f"  {one.sent} sent, {one.pending} waiting, {one.dropped} not told")
    return 0 if all(one.is_well for one in found) else 1


for sub in (test, status):
    notify.add_command(sub)
COMMANDS: tuple[Any, ...] = (notices, notify)
