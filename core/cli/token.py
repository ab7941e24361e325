"""`token`: whom programs act for."""

import click

from core.cli.output import printable, show_json, table
from core.cli.session import Session, verb
from core.domain.access import Scope
from core.domain.expiry import parse_expiry

COLUMNS = (
    ("id", "ID", 12),
    ("name", "NAME", 20),
    ("owner", "OWNER", 20),
    ("scope", "SCOPE", 7),
    ("tier", "TIER", 7),
    ("state", "STATE", 7),
    ("last_used_at", "LAST USED", 24),
    ("expires_at", "EXPIRES", 24),
)


@click.group("token")
def token() -> None:
    """Tokens for programs that use the API: `create`, `list`, `revoke`."""


@verb("create")
@click.argument("name")
@click.option("--owner", help="Whom it acts for; you, unless said otherwise.")
@click.option(
    "--scope",
    type=click.Choice([str(scope) for scope in Scope]),
    default=str(Scope.OPERATE),
    show_default=True,
    help="read: look at what is the owner's; operate: also give commands; admin: everything of everybody.",
)
@click.option("--tier", default="", help="What its owner may use up; no limit, unless given.")
@click.option("--expires", default="never", show_default=True, metavar="WHEN", help="30d, 12h, 2027-01-31 or never.")
def create(session: Session, name: str, owner: str | None, scope: str, tier: str, expires: str) -> int:
    """Make a token. It is shown this once: what is kept is only enough to know it again."""
    manager = session.manager
    made = manager.tokens.create(
        name,
        owner=manager.actor if owner is None else owner,
        scope=Scope(scope),
        tier=tier,
        expires_at=parse_expiry(expires, manager.storage.clock.now()),
    )
    if session.as_json:
        show_json(manager.tokens.told(made.record) | {"token": made.token})
        return 0
    click.echo(made.token)
    click.echo("It is not shown again. A program sends it as: Authorization: Bearer TOKEN", err=True)
    return 0


@verb("list")
def list_(session: Session) -> int:
    """Every token there is, also those that are good no more."""
    found = session.manager.tokens.all()
    if session.as_json:
        show_json({"tokens": found})
        return 0
    if found:
        table(found, COLUMNS)
    else:
        click.echo("There are none yet, but for the administrator's own in access/admin.token of the storage.")
    return 0


@verb("revoke")
@click.argument("token_", metavar="ID|NAME")
def revoke(session: Session, token_: str) -> int:
    """Let a token count no more, at once, also with a service that runs."""
    gone = session.manager.tokens.revoke(token_)
    if session.as_json:
        show_json(gone)
    else:
        click.echo(f"{printable(gone['name'])} ({gone['id']}) of {printable(gone['owner'])} is revoked.")
    return 0


for sub in (create, list_, revoke):
    token.add_command(sub)
COMMANDS = (token,)
