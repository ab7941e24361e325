"""`doctor` and `check`: is the set-up sound, is the storage sound."""

import click
import msgspec

from core.cli.output import printable, show_json
from core.cli.session import Session, verb
from core.manager.doctor import examine
from core.manager.rebuild import check_and_rebuild
from core.system.clock import SystemClock


@verb("doctor")
def doctor(session: Session) -> int:
    """Check the set-up: tools, models, disk, ports, secrets, clock, mail, units and more; each with what to do about it."""
    checks = examine(session.config, SystemClock())
    ok = all(one.ok for one in checks)
    if session.as_json:
        show_json({"ok": ok, "checks": msgspec.to_builtins(checks)})
        return 0 if ok else 1
    for one in checks:
        click.echo(
            f"{click.style('ok  ', fg='green') if one.ok else click.style('bad ', fg='red')} {one.name}: {printable(one.message)}"
        )
        if one.hint and not one.ok:
            click.echo(f"      {printable(one.hint)}")
    return 0 if ok else 1


@verb("check")
@click.option("--repair", is_flag=True, help="Repair what can be repaired; nothing is deleted, only set aside.")
def check(session: Session, repair: bool) -> int:
    """Check the storage: every state file, receipt, published file and unit, bit by bit."""
    storage = session.storage
    findings = check_and_rebuild(storage.store, storage.catalog, storage.clock, repair)
    left = [finding for finding in findings if not finding.repaired]
    if session.as_json:
        show_json({"ok": not left, "findings": msgspec.to_builtins(findings)})
        return 6 if left else 0
    for finding in findings:
        click.echo(f"{printable(finding.path)}: {printable(finding.problem)} ({printable(finding.action)})")
    if not findings:
        click.echo("Everything is as it was written.")
    elif left and not repair:
        click.echo("./reprise check --repair repairs what can be repaired.")
    return 6 if left else 0


COMMANDS = (doctor, check)
