"""Tokens: whom a program acts for. Made by an administrator, shown once, known again by a hash; each is read anew when it
is used, so that one that was just made, changed or revoked counts at once, in every process.
"""

import hashlib
import hmac
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from core.domain.access import Actor, Scope, TokenRecord, check_owner, check_token_name
from core.domain.errors import BadInput, NotFound, NotSignedIn, Refused, StorageError, TooMany
from core.domain.spans import wait
from core.domain.tiers import TIERS, Tier, check_known
from core.manager.access import Gate, Note
from core.store.layout import Layout
from core.store.secret import Secret
from core.store.tokens import TokenStore
from core.system.clock import Clock, rfc3339
from core.system.logs import Log

SECRET_BYTES = 32
MOST_TOKENS = 1000
NOTED_EVERY_S = 60.0
_TOKEN = re.compile(r"rt_([0-9a-f]{12})_([0-9a-f]{64})\Z")
_NOTHING = "0" * 64
log = Log("access")


class Wrong:
    """Counts wrong tokens by where they came from, in this process.

    So many lines are written of them in a minute at most: who has many addresses does not fill the disk either.
    """

    MOST = 10
    WITHIN_S = 60.0
    MOST_SOURCES = 10_000
    MOST_NOTED = 60

    def __init__(self, clock: Clock, note: Note) -> None:
        self._clock, self._note, self._guard = clock, note, threading.Lock()
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()  # since when, how many
        self._noted = (0.0, 0)  # the same for all together, of what was written down

    def refuse(self, why: NotSignedIn, source: str) -> Exception:
        """What is raised for one more: `why`, or `TooMany` for a source that guesses. The first and the last are audited."""
        now = self._clock.monotonic()
        with self._guard:
            since, count = self._seen.pop(source, (now, 0))
            if now - since >= self.WITHIN_S:
                since, count = now, 0
            self._seen[source] = (since, count + 1)
            while len(self._seen) > self.MOST_SOURCES:
                self._seen.popitem(last=False)
            told = count in (0, self.MOST) and self._may_note(now)
        if told:
            kind = "access.wrong_token" if count == 0 else "access.too_many_wrong_tokens"
            self._note(kind, actor="unknown", data={"source": source, "message": why.message})
        if count < self.MOST:
            return why
        left_s = self.WITHIN_S - (now - since)
        return TooMany(f"Too many wrong tokens came from here; ask again in {wait(left_s)}.", retry_after_s=left_s)

    def _may_note(self, now: float) -> bool:
        since, count = self._noted
        if not count or now - since >= self.WITHIN_S:
            since, count = now, 0
        self._noted = since, min(count + 1, self.MOST_NOTED)
        return count < self.MOST_NOTED


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """A new token: what is kept of it, and the token itself, which is nowhere else."""

    record: TokenRecord
    token: str


class Tokens:
    """Knows whose a token is. The first is made by itself, for `admin`, in a file that only this user reads.

    What is asked here for other tokens needs an administrator (`gate`).
    """

    def __init__(
        self, layout: Layout, admin: Actor, clock: Clock, note: Note, tiers: Mapping[str, Tier] = TIERS
    ) -> None:
        self._tiers = tiers
        self._admin, self._clock, self._note = admin, clock, note
        self._first, self._store = Secret(layout.admin_token(), text=True), TokenStore(layout)
        self._cookies = Secret(layout.cookie_key(), text=True)
        self._wrong = Wrong(clock, note)
        self._gate = Gate(admin)

    def within(self, gate: Gate) -> "Tokens":
        """The same for somebody else."""
        other = object.__new__(Tokens)
        other.__dict__.update(self.__dict__, _gate=gate)
        return other

    def cookie_secret(self) -> str:
        """What the dashboard's sign-in cookies are signed with, the same after a restart. Raises `StorageError`."""
        self._gate.need(Scope.ADMIN, "the secret of cookies")
        return self._cookies.get().decode("ascii", "replace")

    def first(self) -> str:
        """The administrator's own token, made when it is first asked for. Raises `StorageError`."""
        self._gate.need(Scope.ADMIN, "the first token")
        return self._first.get().decode("ascii", "replace")

    def actor(self, token: str, source: str = "") -> Actor:
        """Whom `token` stands for, read anew each time.

        Raises `NotSignedIn` for one that is not known, has expired or was revoked, and `TooMany` for those of a `source`
        that sent many such just before. One that is good is always taken.
        """
        if hmac.compare_digest(self._first.get(), token.encode()):
            return self._admin
        found = _TOKEN.match(token)
        record = self._read(found[1]) if found else None
        kept = record.sha256 if record is not None else _NOTHING
        same = hmac.compare_digest(kept, hashlib.sha256(token.encode()).hexdigest())
        if record is None or not same:
            raise self._wrong.refuse(NotSignedIn("This token is not known."), source)
        now = self._clock.now()
        match record.state(now):
            case "revoked":
                raise self._wrong.refuse(NotSignedIn("This token was revoked."), source)
            case "expired":
                raise self._wrong.refuse(NotSignedIn("This token has expired."), source)
        self._note_use(record.id, now)
        return record.actor

    def holds(self, actor: Actor) -> bool:
        """Whether what `actor` asked with is still good: for streams, which are open for long."""
        if not actor.token:
            return True
        record = self._read(actor.token)
        return record is not None and record.actor == actor and record.state(self._clock.now()) == "good"

    def create(
        self, name: str, *, owner: str, scope: Scope, tier: str = "", expires_at: datetime | None = None
    ) -> Created:
        """A new token that acts for `owner`; the only time it is shown.

        Raises `NotAllowed`, `BadInput` for a name, owner or time that cannot be, `Refused` when a token of that name is
        good, `StorageError`.
        """
        self._gate.need(Scope.ADMIN, "creating tokens")
        name, owner, now = check_token_name(name), check_owner(owner), self._clock.now()
        check_known(self._tiers, tier)
        if expires_at is not None and expires_at <= now:
            raise BadInput("That time is over already.", hint="Give one that is to come.")
        there = self._store.all()
        if any(one.name == name and one.state(now) == "good" for one in there):
            raise Refused(f"There is a token “{name}” already.", hint="Choose another name, or revoke that one first.")
        if len(there) >= MOST_TOKENS:
            raise Refused(f"There are {MOST_TOKENS} tokens already.", hint="Remove files of revoked ones.")
        token_id = secrets.token_hex(6)
        token = f"rt_{token_id}_{secrets.token_hex(SECRET_BYTES)}"
        record = TokenRecord(
            id=token_id,
            name=name,
            owner=owner,
            scope=scope,
            tier=tier,
            sha256=hashlib.sha256(token.encode()).hexdigest(),
            created_at=now,
            created_by=self._gate.actor.name,
            expires_at=expires_at,
        )
        self._store.put(record)
        self._note("command.token_create", actor=self._gate.actor.name, data=_said(record))
        return Created(record=record, token=token)

    def all(self) -> list[dict[str, Any]]:
        """Every token without what it is known by, the oldest first. Raises `NotAllowed`, `StorageError`."""
        self._gate.need(Scope.ADMIN, "listing tokens")
        return [self.told(record) for record in self._store.all()]

    def revoke(self, which: str) -> dict[str, Any]:
        """Let a token, by its id or name, count no more; one that was revoked stays so. Raises `NotAllowed`, `NotFound`."""
        self._gate.need(Scope.ADMIN, "revoking tokens")
        now = self._clock.now()
        named = [one for one in self._store.all() if which in (one.id, one.name)]
        good = [one for one in named if one.state(now) == "good"]
        record = next(iter(good or named), None)
        if record is None:
            raise NotFound(f"There is no token “{which[:100]}”.", hint="./reprise token list shows them.")
        if record.revoked_at is None:
            record = replace(record, revoked_at=now, revoked_by=self._gate.actor.name)
            self._store.put(record)
            self._note("command.token_revoke", actor=self._gate.actor.name, data=_said(record))
        return self.told(record)

    def told(self, record: TokenRecord) -> dict[str, Any]:
        """A token as it is shown."""
        used, expires, revoked = self._store.used_at(record.id), record.expires_at, record.revoked_at
        return {
            "id": record.id,
            "name": record.name,
            "owner": record.owner,
            "scope": record.scope,
            "tier": record.tier or None,
            "state": record.state(self._clock.now()),
            "created_at": rfc3339(record.created_at),
            "created_by": record.created_by,
            "expires_at": rfc3339(expires) if expires is not None else None,
            "revoked_at": rfc3339(revoked) if revoked is not None else None,
            "revoked_by": record.revoked_by or None,
            "last_used_at": rfc3339(used) if used is not None else None,
        }

    def _read(self, token_id: str) -> TokenRecord | None:
        try:
            return self._store.get(token_id)
        except NotFound:
            return None

    def _note_use(self, token_id: str, now: datetime) -> None:
        """Lazily: what is a minute old is not written again."""
        before = self._store.used_at(token_id)
        if before is not None and 0 <= (now - before).total_seconds() < NOTED_EVERY_S:
            return
        try:
            self._store.used(token_id, now)
        except StorageError as error:
            log.error("token_use_not_noted", token=token_id, error=error.message)


def _said(record: TokenRecord) -> dict[str, Any]:
    return {"name": record.name, "id": record.id, "owner": record.owner, "scope": record.scope, "tier": record.tier}
