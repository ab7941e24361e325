"""`person`: who may sign in to the dashboard, where it has a sign-in."""

import click
import msgspec

from core.cli.output import printable, show_json
from core.cli.session import Session, verb
from core.domain.access import Scope
from core.domain.people import Person


@click.group("person")
def person() -> None:
    """Who may sign in to the dashboard: exact e-mail addresses, or `@example.org` for everybody of a domain."""


@verb("list")
def list_(session: Session) -> int:
    """Everybody who may sign in, and what they may do."""
    found = session.manager.people.all().people
    if session.as_json:
        show_json({"people": msgspec.to_builtins(found)})
        return 0
    for one in found:
        click.echo(f"{printable(one.who)}: {one.scope}{f', tier {printable(one.tier)}' if one.tier else ''}")
    if not found:
        click.echo("Nobody yet: ./reprise person allow ana@example.org")
    return 0


@verb("allow")
@click.argument("who")
@click.option(
    "--scope",
    type=click.Choice([one.value for one in Scope]),
    default=Scope.OPERATE.value,
    show_default=True,
    help="What they may do.",
)
@click.option("--tier", default="", metavar="NAME", help="How much they may use; without one, as much as they like.")
def allow(session: Session, who: str, scope: str, tier: str) -> int:
    """Let WHO sign in, or change what they may: read looks, operate also gives commands, admin sees everybody's."""
    manager = session.manager
    made = manager.people.allow(Person(who=who, scope=Scope(scope), tier=tier), by=manager.actor)
    if session.as_json:
        show_json(made)
    else:
        click.echo(f"{printable(made.who)} may sign in ({made.scope}).")
    return 0


@verb("remove")
@click.argument("who")
def remove(session: Session, who: str) -> int:
    """Let WHO in no more, from their next click on."""
    manager = session.manager
    manager.people.remove(who, by=manager.actor)
    if session.as_json:
        show_json({"who": who, "removed": True})
    else:
        click.echo(f"{printable(who)} may not sign in any more.")
    return 0


for command in (list_, allow, remove):
    person.add_command(command)
COMMANDS = (person,)
