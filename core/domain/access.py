"""Who asks, and what that allows: everything below the API and the pages acts for an `Actor`."""

from enum import StrEnum

import msgspec


class Scope(StrEnum):
    """What somebody may do: look, give commands for what is theirs, or everything for everybody."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


_RANK = {scope: rank for rank, scope in enumerate(Scope)}


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who asks: `name` is what records call their owner, `tier` the name of what they may use."""

    name: str
    scope: Scope = Scope.OPERATE
    tier: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether this is enough for what needs `scope`."""
        return _RANK[self.scope] >= _RANK[scope]

    def sees(self, owner: str) -> bool:
        """Whether what belongs to `owner` exists for this one."""
        return self.scope == Scope.ADMIN or owner == self.name
