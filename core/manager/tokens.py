"""Tokens: whom a program acts for."""

import hmac

from core.domain.access import Actor, Scope
from core.domain.errors import NotSignedIn
from core.store.layout import Layout
from core.store.secret import Secret


class Tokens:
    """Knows whose a token is. The first is made by itself, for `admin`, in a file that only this user reads."""

    def __init__(self, layout: Layout, admin: str) -> None:
        self._admin, self._first = admin, Secret(layout.admin_token(), text=True)
        self._cookies = Secret(layout.cookie_key(), text=True)

    def cookie_secret(self) -> str:
        """What the dashboard's sign-in cookies are signed with, the same after a restart. Raises `StorageError`."""
        return self._cookies.get().decode("ascii", "replace")

    def first(self) -> str:
        """The administrator's own token, made when it is first asked for. Raises `StorageError`."""
        return self._first.get().decode("ascii", "replace")

    def actor(self, token: str) -> Actor:
        """Whom `token` stands for; raises `NotSignedIn` for one that is not known, has expired or was revoked."""
        if hmac.compare_digest(self.first().encode(), token.encode()):
            return Actor(name=self._admin, scope=Scope.ADMIN)
        raise NotSignedIn("This token is not known.")
