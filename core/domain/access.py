"""Who asks, and what that allows: everything below the API and the pages acts for an `Actor`."""

import re
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum

import msgspec

from core.domain.errors import BadInput, NotAllowed
from core.domain.limits import MAX_NAME, check_text

# The network address that what is done now was asked from; empty for what nobody asked from elsewhere.
asked_from: ContextVar[str] = ContextVar("asked_from", default="")


class Scope(StrEnum):
    """What somebody may do: look, give commands for what is theirs, or everything for everybody."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


_RANK = {scope: rank for rank, scope in enumerate(Scope)}
# Letters that are themselves in the name of a file, so that two owners never share one.
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@:+-]{0,62}[A-Za-z0-9])?\Z")


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks: `name` is what records call their owner, `tier` the name of what they may use (none: no limit).

    `token` is the id of the token they asked with; empty for a person at this machine.
    """

    name: str
    scope: Scope = Scope.OPERATE
    tier: str = ""
    token: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether this is enough for what needs `scope`."""
        return _RANK[self.scope] >= _RANK[scope]

    def sees(self, owner: str) -> bool:
        """Whether what belongs to `owner` exists for this one."""
        return self.scope == Scope.ADMIN or owner == self.name

    def require(self, scope: Scope) -> None:
        """Raise `NotAllowed` unless this is enough for what needs `scope`."""
        if not self.may(scope):
            raise NotAllowed(f"{self.name} may only {_MAY[self.scope]}; this needs “{scope}”.")


_MAY = {Scope.READ: "look", Scope.OPERATE: "command what is theirs", Scope.ADMIN: "do everything"}


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a token: whom it acts for and how long, and a hash by which it is known again."""

    id: str
    name: str
    owner: str
    scope: Scope
    sha256: str
    created_at: datetime
    created_by: str
    tier: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str = ""

    def state(self, now: datetime) -> str:
        """`good`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "good"

    @property
    def actor(self) -> Actor:
        """Whom it acts for."""
        return Actor(name=self.owner, scope=self.scope, tier=self.tier, token=self.id)


def check_owner(owner: str) -> str:
    """`owner` if it can be the name of somebody: letters, digits and `._@:+-`, 64 at most. Raises `BadInput`."""
    if not _OWNER.match(owner):
        raise BadInput(
            f"“{owner[:64]}” is no name of an owner.", hint="Use letters, digits and . _ @ : + -, 64 at most."
        )
    return owner


def check_token_name(name: str) -> str:
    """`name` if it can be the name of a token. Raises `BadInput`."""
    name = check_text("name of the token", name, MAX_NAME, required=True)
    if not name.isprintable():
        raise BadInput("The name of the token has letters that cannot be seen.", hint="Use others.")
    return name
