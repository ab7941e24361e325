"""What happened, as the journal has it: transitions for `history`, everything for `audit`, every field of every event."""

from collections.abc import Callable
from typing import Any

from core.domain.access import Actor, Scope
from core.manager.index import Index
from core.store.journal import Journal

FIELDS = (
    *("seq", "t", "type", "actor", "via", "address", "batch_id", "run_id", "stage", "attempt", "gen", "from", "to"),
    "data",
)
TRANSITIONS = ("run.", "batch.")


class History:
    """Reads the journal, of it what `actor` may know; never writes."""

    def __init__(self, journal: Journal, index: Index, actor: Actor) -> None:
        self._journal, self._index, self._actor = journal, index, actor

    def events(
        self, *, kinds: tuple[str, ...] = (), run_id: str | None = None, batch_id: str | None = None, limit: int = 200
    ) -> dict[str, Any]:
        """The last `limit` events whose type begins with one of `kinds` (none: all), oldest first; unknown is null."""
        found: list[dict[str, Any]] = []
        sees = self._sees()
        for line in self._journal.lines():
            if run_id not in (None, line.get("run_id")) or batch_id not in (None, line.get("batch_id")):
                continue
            if kinds and not str(line.get("type")).startswith(kinds):
                continue
            if not sees(line):
                continue
            event = {"actor": "service", "data": {}} | {name: line[name] for name in FIELDS if name in line}
            found.append(event if self._knows(line) else event | {"address": None})
            if len(found) >= limit:
                break
        return {"events": [{name: event.get(name) for name in FIELDS} for event in reversed(found)]}

    def _knows(self, line: dict[str, Any]) -> bool:
        """Whether the actor may know where somebody was: themselves, or anybody for an administrator."""
        return self._actor.may(Scope.ADMIN) or line.get("actor") == self._actor.name

    def _sees(self) -> Callable[[dict[str, Any]], bool]:
        """Whether a line is about what the actor has, or about nobody's and by the actor; an administrator sees all."""
        if self._actor.may(Scope.ADMIN):
            return lambda line: True
        runs, batches, actor = self._index.runs, self._index.batches, self._actor.name

        def sees(line: dict[str, Any]) -> bool:
            batch_id, run_id = line.get("batch_id"), line.get("run_id")
            if batch_id is None and run_id is None:
                # That somebody tried an id is told to whom it belongs: who tried would know that it exists.
                return bool(line.get("actor") == actor and line.get("type") != "access.foreign")
            return batch_id in batches or run_id in runs

        return sees
