"""The workers of the service on this machine: in which lane, on which run, and what each of them uses."""

import msgspec

from core.domain.run import RunRecord
from core.manager.index import Index
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock
from core.system.identity import is_alive
from core.system.processes import Usage, groups_below


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process with the tools it started; `lane` is `merger` for what merges videos.

    `load` is how many processors it kept busy since it was looked at before, None the first time.
    """

    pid: int
    lane: str
    memory_bytes: int
    cpu_s: float
    load: float | None = None
    processes: int = 1
    run_id: str | None = None
    stage: str | None = None


class Workers:
    """Looks at the service's children; `spent_s` remembers their processor time beyond their death, by lane."""

    def __init__(self, index: Index, layout: Layout, clock: Clock) -> None:
        self._index, self._layout, self._clock = index, layout, clock
        self._known: dict[tuple[int, int], tuple[float, float]] = {}  # processor time, and when that was seen
        self.spent_s: dict[str, float] = {}

    def look(self) -> list[Worker]:
        """Every worker as it is now; none while no service of this machine lives."""
        now_s, working = self._clock.monotonic(), self._working()
        found, known = [], {}
        for group in groups_below(service) if (service := self._service()) is not None else []:
            lane = lane_of(group)
            if lane is None:
                continue
            place = (group.pid, group.start_ticks)
            before = self._known.get(place)
            spent_s = max(0.0, group.cpu_s - (before[0] if before is not None else 0.0))
            self.spent_s[lane] = self.spent_s.get(lane, 0.0) + spent_s
            known[place] = (max(group.cpu_s, before[0] if before is not None else 0.0), now_s)
            run = working.get(place)
            attempt = run.open_attempt if run is not None else None
            found.append(
                Worker(
                    pid=group.pid,
                    lane=lane,
                    memory_bytes=group.memory_bytes,
                    cpu_s=group.cpu_s,
                    load=spent_s / (now_s - before[1]) if before is not None and now_s > before[1] else None,
                    processes=group.processes,
                    run_id=run.run_id if run is not None else None,
                    stage=attempt.stage if attempt is not None else None,
                )
            )
        self._known = known
        return found

    def _service(self) -> int | None:
        lock = Lock(self._layout.service_lock())
        holder = lock.holder() if lock.held_by_other() else None
        return holder.pid if holder is not None and is_alive(holder) else None

    def _working(self) -> dict[tuple[int, int], RunRecord]:
        """The run that each worker is at, by process id and start."""
        runs = ((run, run.open_attempt) for run in self._index.snapshot()[0].values() if run.attempts)
        return {
            (attempt.owner.pid, attempt.owner.start_ticks): run
            for run, attempt in runs
            if attempt is not None and attempt.owner is not None
        }


def lane_of(group: Usage) -> str | None:
    """The lane of a worker by its command (`… -m core worker LANE PID`); None for what is none."""
    words = group.command
    for place, word in enumerate(words[:-1]):
        if word == "core" and words[place - 1] == "-m":
            kind = words[place + 1]
            return (
                words[place + 2] if kind == "worker" and len(words) > place + 2 else kind if kind == "merger" else None
            )
    return None
