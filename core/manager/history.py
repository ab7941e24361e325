"""What happened, as the journal has it: transitions for `history`, everything for `audit`, every field of every event."""

from typing import Any

from core.store.journal import Journal

FIELDS = ("seq", "t", "type", "actor", "via", "batch_id", "run_id", "stage", "attempt", "gen", "from", "to", "data")
TRANSITIONS = ("run.", "batch.")


class History:
    """Reads the journal; never writes."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def events(
        self, *, kinds: tuple[str, ...] = (), run_id: str | None = None, batch_id: str | None = None, limit: int = 200
    ) -> dict[str, Any]:
        """The last `limit` events whose type begins with one of `kinds` (none: all), oldest first; unknown is null."""
        found: list[dict[str, Any]] = []
        for line in self._journal.lines():
            if run_id not in (None, line.get("run_id")) or batch_id not in (None, line.get("batch_id")):
                continue
            if kinds and not str(line.get("type")).startswith(kinds):
                continue
            found.append({"actor": "service", "data": {}} | {name: line[name] for name in FIELDS if name in line})
            if len(found) >= limit:
                break
        return {"events": [{name: event.get(name) for name in FIELDS} for event in reversed(found)]}
