"""Watches every attempt in flight for signs of life, says when it stalls or is slow, and ends what is to be recovered."""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from core.config import Config
from core.domain.pace import SLOW_S, Baseline, Kind, Pace, baselines, cleared, judge, kind_of, message, with_verdict
from core.domain.run import Attempt, RunRecord, Verdict
from core.domain.states import Phase
from core.manager.driving import IDLE_S
from core.manager.flights import Ending, Flight, Flights
from core.manager.index import Index
from core.manager.signs import Sign, Signs
from core.manager.writer import Writer
from core.system.clock import Clock

LOOK_S = 5.0
# A look that comes later than that came late because the service, or the whole machine, stood still.
LATE_LOOKS = 3.0
LEARN_S = 60.0


@dataclass
class _Watched:
    """What was seen of one attempt so far."""

    looked_at_s: float
    sign: Sign = field(default_factory=Sign)
    active_s: float = 0.0
    quiet_s: float = 0.0
    growths: int = 0  # how often its log of units was seen to have grown, since the first
    first_grown_s: float = 0.0  # at which activity that was first, and last
    last_grown_s: float = 0.0
    done: deque[tuple[float, float]] = field(default_factory=deque)  # at which activity, how much

    def pace(self) -> Pace:
        first = self.done[0] if self.done else None
        old_enough = first is not None and self.active_s - first[0] >= SLOW_S
        rate = None
        if first is not None and old_enough:
            rate = (self.done[-1][1] - first[1]) / (self.active_s - first[0])
        unit_s = (self.last_grown_s - self.first_grown_s) / self.growths if self.growths else None
        return Pace(quiet_s=self.quiet_s, unit_s=unit_s, rate=rate)


class StallWatch:
    """Takes a look at an attempt whenever a turn comes by and it is time."""

    def __init__(
        self, *, index: Index, writer: Writer, flights: Flights, clock: Clock, signs: Signs, config: Config
    ) -> None:
        self._index, self._writer, self._flights, self._clock, self._signs = index, writer, flights, clock, signs
        self._stall_s, self._automatic = config.stall_s, config.stall_recovery == "automatic"
        self.look_s = min(LOOK_S, config.stall_s / 4)
        self._watched: dict[str, _Watched] = {}
        self._learnt: dict[Kind, Baseline] = {}
        self._learnt_at_s: float | None = None

    def look(self, run: RunRecord) -> float:
        """Judge the open attempt of `run`; seconds until the next look. Raises what writing the run raises."""
        attempt = run.open_attempt
        flight = self._flights.get(attempt.id) if attempt is not None else None
        if attempt is None or flight is None:
            return IDLE_S
        if run.intent.recover == attempt.id:
            flight.ending = flight.ending or Ending(kind="stalled")
        now_s = self._clock.monotonic()
        watched = self._watched.setdefault(attempt.id, _Watched(now_s))
        due_s = watched.looked_at_s + self.look_s - now_s
        if due_s > 0 and watched.looked_at_s != now_s:
            return due_s if flight.signalled is None else IDLE_S
        passed_s = min(now_s - watched.looked_at_s, LATE_LOOKS * self.look_s)
        watched.looked_at_s = now_s
        if flight.signalled is None and run.phase == Phase.RUNNING:
            self._see(watched, self._signs(run), passed_s)
            self._judge(run, flight, watched.pace())
        return self.look_s if flight.signalled is None else IDLE_S

    def forget(self) -> None:
        """Forget the attempts that are over."""
        self._watched = {id_: seen for id_, seen in self._watched.items() if self._flights.get(id_) is not None}

    def _see(self, watched: _Watched, sign: Sign, passed_s: float) -> None:
        watched.active_s += passed_s
        watched.quiet_s = 0.0 if sign != watched.sign else watched.quiet_s + passed_s
        if sign.unit_bytes > watched.sign.unit_bytes:
            watched.last_grown_s = watched.active_s
            if watched.sign.unit_bytes > 0:
                watched.growths += 1
            else:
                watched.first_grown_s = watched.active_s
        watched.sign = sign
        if sign.done is None:
            watched.done.clear()
            return
        watched.done.append((watched.active_s, sign.done))
        while len(watched.done) > 1 and watched.active_s - watched.done[1][0] >= SLOW_S:
            watched.done.popleft()

    def _judge(self, run: RunRecord, flight: Flight, pace: Pace) -> None:
        attempt = run.open_attempt
        if attempt is None:
            return
        baseline = self._baselines().get(kind_of(run, attempt.stage), Baseline())
        found = judge(pace, baseline, self._stall_s)
        if found != (run.verdict.kind if run.verdict is not None else None):
            said = message(found, attempt.stage, pace, baseline) if found is not None else ""
            self._note(run, attempt, found, said)
        if found == "stalled" and self._automatic:
            flight.ending = flight.ending or Ending(kind="stalled")

    def _note(self, run: RunRecord, attempt: Attempt, kind: Literal["stalled", "slow"] | None, said: str) -> None:
        if kind is None:
            self._writer.run(run.run_id, cleared)
            return
        verdict = Verdict(kind=kind, attempt=attempt.id, at=self._clock.now(), message=said)
        after = self._writer.run(run.run_id, lambda run: with_verdict(run, verdict))
        if after.verdict == verdict:
            about = {"run_id": run.run_id, "batch_id": run.batch_id, "stage": attempt.stage, "attempt": attempt.id}
            self._writer.note(f"run.{kind}", **about, data={"message": said})

    def _baselines(self) -> dict[Kind, Baseline]:
        now_s = self._clock.monotonic()
        if self._learnt_at_s is None or now_s - self._learnt_at_s >= LEARN_S:
            runs, _, _ = self._index.snapshot()
            self._learnt, self._learnt_at_s = baselines(runs.values()), now_s
        return self._learnt
