"""Links that let somebody do one thing until a moment, and nothing else: signed with a secret of this storage."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

from core.domain.errors import Gone, NotFound
from core.store.secret import Secret

WHOLE = "whole"  # what is fetched: the export itself, or the number of one of its members
SEND = "send"  # what may be done with an upload, or in the place of one
ANEW = "Open the page Exports for a new one."


class Links:
    """Signs and checks; the secret is made when it is first needed, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self._secret = Secret(path)

    def sign(self, subject: str, what: str, until: datetime) -> tuple[int, str]:
        """The last second at which the link is good, and its signature. Raises `StorageError`."""
        last = int(until.timestamp())
        return last, _text(self._digest(subject, what, last))

    def check(self, subject: str, what: str, until: str, signature: str, now: datetime, anew: str = ANEW) -> None:
        """Raises `NotFound` for a link that was not made here, or not for this, and `Gone` for one whose time is over.

        `anew` says how to come by another.
        """
        unknown = NotFound("This link leads nowhere.", hint=anew, code="no_such_link")
        if not (until.isascii() and until.isdigit() and len(until) < 12):
            raise unknown
        last = int(until)
        if not hmac.compare_digest(self._digest(subject, what, last), _bytes(signature)):
            raise unknown
        if now.timestamp() > last:
            at = datetime.fromtimestamp(last, UTC)
            raise Gone(f"This link was good until {at:%Y-%m-%d %H:%M} UTC.", hint=anew)

    def _digest(self, subject: str, what: str, last: int) -> bytes:
        return hmac.new(self._secret.get(), f"{subject}\n{what}\n{last}".encode(), hashlib.sha256).digest()


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
