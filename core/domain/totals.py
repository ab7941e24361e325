"""What runs have cost since somebody began to count: totals that only grow, from ledgers that only grow.

A record that is removed takes nothing away, and one that is seen for the first time brings only what happened since
the counting began: a counter that fell would be read as one that began anew, and all it says be counted twice. So what
was seen of a run is remembered even when that is gone: it may come back.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

import msgspec

from core.domain.report import LOST, worked_s
from core.domain.run import Attempt, RunRecord
from core.domain.states import TERMINAL, AttemptOutcome

STAGE_BUCKETS_S = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)


class Histogram:
    """How many values lay at or below each of the `bounds`, beyond them all, and what they add up to."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, int]]:
        """Each bound as Prometheus writes it, and how many values lay at or below it; `+Inf` has them all."""
        said, reached = [], 0
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            reached += count
            said.append((bound, reached))
        return said


class Seen(msgspec.Struct, frozen=True):
    """What was counted of a run: its latest attempt and whether that had ended, its end, and its latest stall."""

    attempt: str = ""
    ended: bool = False
    completed_at: datetime | None = None
    stalled: str = ""


class Totals:
    """Counts what runs did from `began` on, by stage, outcome and kind; never by run, batch, host or person."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._seen: dict[str, Seen] = {}
        self.attempts: defaultdict[tuple[str, str], int] = defaultdict(int)  # stage, outcome
        self.errors: defaultdict[str, int] = defaultdict(int)  # class
        self.retries: defaultdict[str, int] = defaultdict(int)  # stage
        self.stalls: defaultdict[str, int] = defaultdict(int)  # stage
        self.recoveries: defaultdict[str, int] = defaultdict(int)  # of what: a crash, a stall
        self.work: defaultdict[tuple[str, str, str], float] = defaultdict(float)  # stage, unit, done|reused|redone
        self.finished: defaultdict[str, int] = defaultdict(int)  # phase
        self.media_s = 0.0
        self.stage_s: dict[str, Histogram] = {}

    def count(self, run: RunRecord) -> None:
        """Count what is new of a run since it was counted last."""
        seen = self._seen.get(run.run_id, Seen())
        last = run.attempts[-1] if run.attempts else None
        stalled = run.verdict.attempt if run.verdict is not None and run.verdict.kind == "stalled" else seen.stalled
        now = Seen(
            attempt=last.id if last is not None else "",
            ended=last is not None and last.outcome is not None,
            completed_at=run.completed_at,
            stalled=stalled,
        )
        if now == seen:
            return
        self._seen[run.run_id] = now
        self._count_attempts(run, seen)
        if run.verdict is not None and stalled != seen.stalled and run.verdict.at >= self._began and last is not None:
            self.stalls[last.stage] += 1
        ended_at = run.completed_at
        if run.phase in TERMINAL and ended_at is not None and ended_at != seen.completed_at and ended_at >= self._began:
            self.finished[run.phase] += 1
            self.media_s += run.duration_s or 0.0

    def _count_attempts(self, run: RunRecord, seen: Seen) -> None:
        before: dict[str, AttemptOutcome | None] = {}
        known = bool(seen.attempt)  # everything up to that attempt was counted
        for attempt in run.attempts:
            again = before.get(attempt.stage) in LOST
            before[attempt.stage] = attempt.outcome
            was_open = attempt.id == seen.attempt and not seen.ended
            if known and not was_open:
                known = attempt.id != seen.attempt
                continue
            known = False
            if again and not was_open and attempt.started_at >= self._began:
                self.retries[attempt.stage] += 1
            if attempt.ended_at is not None and attempt.ended_at >= self._began:
                self._count_end(run, attempt)

    def _count_end(self, run: RunRecord, attempt: Attempt) -> None:
        assert attempt.outcome is not None
        self.attempts[attempt.stage, attempt.outcome] += 1
        if attempt.failure is not None:
            self.errors[attempt.failure.error_class] += 1
        if attempt.outcome == AttemptOutcome.INTERRUPTED:
            self.recoveries["crash"] += 1
        elif attempt.outcome == AttemptOutcome.STALLED:
            self.recoveries["stall"] += 1
        elif attempt.outcome == AttemptOutcome.COMMITTED:
            self._count_work(run, attempt)

    def _count_work(self, run: RunRecord, attempt: Attempt) -> None:
        stage = run.stages.get(attempt.stage)
        took_s = worked_s(attempt)
        if stage is None or stage.key is None:
            return  # it is to be made again already
        if took_s is not None and not stage.reused:
            self.stage_s.setdefault(attempt.stage, Histogram(STAGE_BUCKETS_S)).add(took_s)
        if (work := stage.work) is not None:
            for how, amount in (("done", work.done), ("reused", work.reused), ("redone", work.redone)):
                self.work[attempt.stage, work.unit, how] += amount or 0.0
