"""A lane with its queue and no disk: runs come, are claimed by the schedule, take as long as their media, and are gone.

Everything is decided from the records each time, as a service does it that has just been started.
"""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.run import Attempt, RunRecord
from core.domain.schedule import Situation, schedule
from core.domain.states import AttemptOutcome, Phase
from tests.support.records import NOW, a_batch, a_run

STAGES = ("download", "transcribe", "quotes", "summary")
LANE = "cpu"


class Lane:
    """A lane with `slots` workers; `now` moves from the end of one attempt to that of the next."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.now: datetime = NOW
        self.runs: dict[str, RunRecord] = {}
        self.batches: dict[str, BatchRecord] = {}
        self.begun: list[str] = []
        self.begun_at: dict[str, float] = {}
        self._ends: dict[str, datetime] = {}

    def add(self, user: str, *lengths_s: float, priority: int = 5, **fields: Any) -> list[str]:
        """A batch of `user` with runs of these lengths, each ready for the lane."""
        number = len(self.batches)
        batch = a_batch(
            batch_id=f"b_{number}", owner=user, created_at=self.now, concurrency=1000, priority=priority, **fields
        )
        self.batches[batch.batch_id] = batch
        runs = [
            a_run(
                run_id=f"r_{number}_{place}",
                batch_id=batch.batch_id,
                position=place,
                owner=user,
                duration_s=length_s,
                created_at=self.now,
                done=("download",),
            )
            for place, length_s in enumerate(lengths_s)
        ]
        self.runs |= {run.run_id: run for run in runs}
        return [run.run_id for run in runs]

    def situation(self) -> Situation:
        """All that is known just now."""
        return Situation(
            runs=self.runs,
            batches=self.batches,
            pool=PoolRecord(),
            free={LANE: self.slots - len(self._ends)},
            lanes={LANE: self.slots},
            lane_of={"transcribe": LANE},
            now=self.now,
        )

    def claim(self) -> list[str]:
        """Begin what the schedule says."""
        claims = schedule(self.situation())
        for claim in claims:
            run = self.runs[claim.run_id]
            attempt = Attempt(id=f"a_{run.run_id}", stage=claim.stage, epoch=1, started_at=self.now)
            self.runs[run.run_id] = replace(run, phase=Phase.RUNNING, attempts=[attempt])
            self._ends[run.run_id] = self.now + timedelta(seconds=run.duration_s or 1.0)
            self.begun.append(run.run_id)
            self.begun_at[run.run_id] = (self.now - NOW).total_seconds()
        return [claim.run_id for claim in claims]

    def end_next(self) -> str | None:
        """Let the attempt that ends first end."""
        if not self._ends:
            return None
        run_id = min(self._ends, key=lambda run_id: (self._ends[run_id], run_id))
        self.now = self._ends.pop(run_id)
        run = self.runs[run_id]
        ended = replace(run.attempts[-1], ended_at=self.now, outcome=AttemptOutcome.COMMITTED)
        self.runs[run_id] = replace(run, phase=Phase.COMPLETED, attempts=[ended], completed_at=self.now)
        return run_id

    def work(self, times: int = 10_000) -> None:
        """Claim and end until nothing is left, or so many have ended."""
        self.claim()
        while times and self.end_next():
            times -= 1
            self.claim()

    def given_s(self, user: str, since: datetime = NOW) -> float:
        """Seconds of media that `user` was given from `since` on, with what was in work at that moment."""
        return sum(
            run.duration_s or 0.0
            for run in self.runs.values()
            if run.owner == user and run.attempts and (ended := run.attempts[0].ended_at or self.now) >= since
            if ended > since or run.attempts[0].ended_at is None
        )
