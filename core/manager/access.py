"""What one actor may do, asked where it is done; who is refused, or asks for what is another's, is written down."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from core.domain.access import Actor, Scope
from core.domain.errors import NotAllowed
from core.system.clock import Clock

Note = Callable[..., None]
AGAIN_S = 60.0
MOST_IN_A_MINUTE = 60
MOST_REMEMBERED = 1000


class Notices:
    """Writes refusals down, each at most once a minute and not more than so many of one actor: nobody fills the disk."""

    def __init__(self, note: Note, clock: Clock) -> None:
        self._note, self._clock, self._guard = note, clock, threading.Lock()
        self._told: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def tell(self, kind: str, actor: str, about: str, **event: Any) -> None:
        """Note that `actor` was refused `about`; `event` are fields of `Event`."""
        now = self._clock.monotonic()
        with self._guard:
            while self._told and (
                len(self._told) > MOST_REMEMBERED or now - next(iter(self._told.values())) >= AGAIN_S
            ):
                self._told.popitem(last=False)
            known = (kind, actor, about)
            if known in self._told or sum(who == actor for _, who, _ in self._told) >= MOST_IN_A_MINUTE:
                return
            self._told[known] = now
        self._note(kind, actor=actor, **event)


class Gate:
    """Asked before anything is done for its actor."""

    def __init__(self, actor: Actor, notices: Notices | None = None) -> None:
        self.actor, self._notices = actor, notices

    def need(self, scope: Scope, doing: str = "") -> None:
        """Raises `NotAllowed`, and writes it down, unless the actor's scope is enough."""
        try:
            self.actor.require(scope)
        except NotAllowed:
            if self._notices is not None:
                data = {"needs": scope, "has": self.actor.scope, "doing": doing}
                self._notices.tell("access.refused", self.actor.name, f"{scope} {doing}", data=data)
            raise

    def foreign(self, record_id: str) -> None:
        """Write down that the actor asked for what is another's, and is told that it does not exist."""
        if self._notices is None:
            return
        where = {"r_": "run_id", "b_": "batch_id"}.get(record_id[:2])
        event: dict[str, Any] = {where: record_id} if where is not None else {}
        self._notices.tell("access.foreign", self.actor.name, record_id, **event, data={"id": record_id})


# For who is nobody's deputy: the service, and tests of one part.
EVERYTHING = Gate(Actor(name="service", scope=Scope.ADMIN))
