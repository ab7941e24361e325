"""Who may sign in, in one file that is read again whenever it changed: who is removed is out at the next click."""

from collections.abc import Callable, Mapping

import msgspec

from core.domain.access import Actor, Scope
from core.domain.errors import BadInput, Damaged, NotFound
from core.domain.people import People, Person, entry
from core.domain.tiers import TIERS, Tier, check_known
from core.manager.access import EVERYTHING, Gate
from core.manager.writer import Writer
from core.store.layout import Layout
from core.store.locks import Lock
from core.system import files

MAX_BYTES = 1024 * 1024
_LOCK_S = 10.0


class Register:
    """The people of one storage."""

    def __init__(
        self, layout: Layout, writer: Writer, gate: Gate = EVERYTHING, tiers: Mapping[str, Tier] = TIERS
    ) -> None:
        self._layout, self._gate, self._tiers = layout, gate, tiers
        self._path, self._lock = layout.people_list(), layout.people_lock()
        self._writer = writer
        self._read: tuple[tuple[int, int, int], People] | None = None

    def actor(self, email: str) -> Actor:
        """Whom a verified address stands for now; raises `NotAllowed`, or `Damaged` when the list cannot be read."""
        return self.all().actor(email)

    def within(self, gate: Gate) -> "Register":
        """The same for somebody else: only an administrator sees and changes the list."""
        return Register(self._layout, self._writer, gate, self._tiers)

    def all(self) -> People:
        """Everybody. Raises `Damaged` when the list cannot be believed: then nobody is let in; `NotAllowed`."""
        self._gate.need(Scope.ADMIN, "the list of people")
        with files.explained(f"reading {self._path}"):
            try:
                seen = self._path.stat()
            except FileNotFoundError:
                return People()
            mark = (seen.st_mtime_ns, seen.st_ino, seen.st_size)
            if self._read is None or self._read[0] != mark:
                self._read = (mark, self._parsed(files.read_regular(self._path, MAX_BYTES)))
            return self._read[1]

    def allow(self, person: Person, *, by: str) -> Person:
        """Let somebody sign in, or change what they may; durable. Raises `BadInput` for what is no address, `NotAllowed`."""
        self._gate.need(Scope.ADMIN, "the list of people")
        check_known(self._tiers, person.tier)
        person = msgspec.structs.replace(person, who=entry(person.who))
        self._change(lambda people: people.with_(person))
        data = {"who": person.who, "scope": person.scope, "tier": person.tier}
        self._writer.note("person.allowed", actor=by, data=data)
        return person

    def remove(self, who: str, *, by: str) -> None:
        """Let them in no more; raises `NotFound` when they are not listed."""
        self._gate.need(Scope.ADMIN, "the list of people")
        who = entry(who)
        if self.all().find(who) is None:
            raise NotFound(f"{who} is not listed.", hint="./reprise person list shows who is.")
        self._change(lambda people: people.without(who))
        self._writer.note("person.removed", actor=by, data={"who": who})

    def _change(self, change: Callable[[People], People]) -> None:
        with Lock(self._lock).holding(_LOCK_S):
            made = msgspec.json.format(msgspec.json.encode(change(self.all())))
            with files.explained(f"writing {self._path}"):
                files.write_durably(self._path, made)

    def _parsed(self, data: bytes) -> People:
        try:
            found = msgspec.json.decode(data, type=People)
            for one in found.people:
                if entry(one.who) != one.who:
                    raise BadInput(f"“{one.who}” is not written as an entry is.")
        except (msgspec.MsgspecError, UnicodeDecodeError, BadInput) as error:
            raise Damaged(
                f"The list of people {self._path.name} cannot be read: {error}.",
                hint="Correct it, or move it away and allow people anew: ./reprise person allow",
            ) from None
        return found
