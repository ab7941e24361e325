"""The queue: who waits for what, in which order, and what outside is in trouble."""

import click
import msgspec

from core.cli.output import duration, printable, show_json, table
from core.cli.session import Session, verb

COLUMNS = (
    ("place", "#", 4),
    ("run_id", "RUN", 28),
    ("owner", "USER", 16),
    ("stage", "STAGE", 10),
    ("reason", "WHY", 40),
)


@verb("queue")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="So many runs at most.")
@click.option("--reset", metavar="NAME", help="Close this breaker (host:…, llm, network) on your word.")
def queue(session: Session, limit: int, reset: str | None) -> None:
    """Show what waits, in its order, and why; the lanes and users; and what outside is in trouble."""
    manager = session.manager
    if reset is not None:
        done = manager.commands.breaker_reset(reset, by=manager.actor)
        if session.as_json:
            show_json(msgspec.to_builtins(done))
        else:
            click.echo(f"{printable(done.id)}: closed; what it held goes on")
        return
    shown = manager.views.queue(limit=limit)
    if session.as_json:
        show_json(shown)
        return
    for lane in shown["lanes"]:
        held = f"; {lane['held']}" if lane["held"] else ""
        click.echo(
            printable(f"{lane['name']}: {lane['busy']} of {lane['total']} at work, {lane['waiting']} waiting{held}")
        )
    for user in shown["users"]:
        lengths = f"{duration(user['waiting_s'])} of media waiting, {duration(user['served_s'])} given"
        click.echo(printable(f"{user['user']}: {user['running']} at work, {user['waiting']} waiting; {lengths}"))
    for breaker in shown["breakers"]:
        state = breaker["state"].replace("_", " ")
        failures = "1 failure" if breaker["failures"] == 1 else f"{breaker['failures']} failures"
        click.echo(printable(f"{breaker['name']}: {state} after {failures}: {breaker['why']}"))
        if breaker["state"] == "open":
            click.echo(printable(f"  ./reprise queue --reset {breaker['name']} tries it at once"))
    if not shown["runs"]:
        click.echo("Nothing waits.")
        return
    table([run | {"reason": run["why"]["message"]} for run in shown["runs"]], COLUMNS)
    if shown["total"] > len(shown["runs"]):
        click.echo(f"… and {shown['total'] - len(shown['runs'])} more; --limit shows more of them.")


COMMANDS = (queue,)
