"""Who waits in which lane, kept up to date record by record, so that a turn of the service looks at heads of lines only.

Everything here follows from the records: a service, a command and a page that read the same records have the same lines.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from core.domain.batch import BatchRecord, places
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, Phase
from core.domain.waiting import Line, Rank, Waiting, place_of, waiting

UNKNOWN_MEDIA_S = 600.0
Outside = Callable[[str, Source, Settings], tuple[str, ...]]


class _Known(msgspec.Struct):
    """What a record put into the books, so that it can be taken out again."""

    run: RunRecord
    batch: BatchRecord | None
    waiting: Waiting | None
    running: bool
    lanes: tuple[str, ...]
    probes: tuple[str, ...]


def nothing_outside(stage: str, source: Source, settings: Settings) -> tuple[str, ...]:
    """For stages that need nothing outside this machine."""
    return ()


class Lines:
    """The lines of all lanes, and what they are served by: how many runs work, for whom, and what each was given."""

    def __init__(self, lane_of: Mapping[str, str], outside: Outside = nothing_outside) -> None:
        self._lane_of, self._outside = lane_of, outside
        self._known: dict[str, _Known] = {}
        self._batches: dict[str, BatchRecord] = {}
        self._members: dict[str, set[str]] = {}
        self._places: dict[str, dict[str, int]] = {}
        self._given: dict[tuple[str, str], dict[str, tuple[datetime | None, ...]]] = {}
        self._commits: dict[str, datetime] = {}
        self._needs: dict[str, tuple[str, ...]] = {}
        self._media_s, self._media = 0.0, 0
        self.lanes: dict[str, dict[Rank, dict[str, Line]]] = {}
        self.running_of_batch: Counter[str] = Counter()
        self.running_of_user: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()
        self._shared: Counter[str] = Counter()

    # --- keeping them up to date ---------------------------------------------------------------------------------

    def update(self, runs: Iterable[RunRecord], batches: Iterable[BatchRecord] = ()) -> None:
        """Take in runs and batches that are new or have changed; the runs of a batch are looked at again with it.

        What was removed from its batch has no place in its order any more.
        """
        read: dict[str, RunRecord] = {}
        again = set[str]()
        for run in runs:
            if not run.removed:
                read[run.run_id] = run
            elif self._forget(run.run_id) and run.batch_id in self._places:
                again.add(run.batch_id)
        for batch in batches:
            self._batches[batch.batch_id] = batch
            again.add(batch.batch_id)
        for run in read.values():
            members = self._members.setdefault(run.batch_id, set())
            if run.run_id not in members:
                members.add(run.run_id)
                if run.batch_id in self._places:
                    again.add(run.batch_id)
        self._look_again(again, read)

    def _forget(self, run_id: str) -> _Known | None:
        known = self._known.pop(run_id, None)
        if known is not None:
            self._members[known.run.batch_id].discard(run_id)
            self._take_out(known)
        return known

    def _look_again(self, batch_ids: set[str], read: dict[str, RunRecord]) -> None:
        """Put the runs that were `read` in their lines, with all others of these batches."""
        for batch_id in batch_ids:
            for run_id in self._members.get(batch_id, ()):
                if run_id not in read:
                    read[run_id] = self._known[run_id].run
            self._order(self._batches[batch_id], read)
        for run in read.values():
            self._put(run)

    def drop_run(self, run_id: str) -> None:
        """Forget a run that is gone."""
        known = self._forget(run_id)
        if known is not None and known.run.batch_id in self._places:
            self._look_again({known.run.batch_id}, {})

    def drop_batch(self, batch_id: str) -> None:
        """Forget a batch that is gone; its runs stand in no line any more."""
        self._batches.pop(batch_id, None)
        self._places.pop(batch_id, None)
        for run_id in self._members.get(batch_id, ()):
            self._put(self._known[run_id].run)

    def _order(self, batch: BatchRecord, read: Mapping[str, RunRecord]) -> None:
        self._places.pop(batch.batch_id, None)
        if batch.order:
            runs = [read[run_id] for run_id in self._members.get(batch.batch_id, ())]
            self._places[batch.batch_id] = places(batch, runs)

    def _put(self, run: RunRecord) -> None:
        old = self._known.get(run.run_id)
        if old is not None:
            self._take_out(old)
        batch = self._batches.get(run.batch_id)
        attempt = run.open_attempt
        place = self._places.get(run.batch_id, {}).get(run.run_id, run.position)
        known = _Known(
            run=run,
            batch=batch,
            waiting=waiting(run, batch, place, self._lane_of) if batch is not None and attempt is None else None,
            running=run.phase == Phase.RUNNING,
            lanes=self._note_given(run) if run.attempts else (),
            probes=tuple(attempt.probe.split()) if attempt is not None and attempt.probe else (),
        )
        self._known[run.run_id] = known
        if known.running:
            self.running_of_batch[run.batch_id] += 1
            self.running_of_user[run.owner] += 1
        self.probes.update(known.probes)
        if run.duration_s:
            self._media_s, self._media = self._media_s + run.duration_s, self._media + 1
        if known.waiting is not None:
            one = known.waiting
            if one.waits_for is not None:
                self._shared[one.waits_for] += 1
            users = self.lanes.setdefault(one.lane, {}).setdefault(one.rank, {})
            insort(users.setdefault(one.user, []), one, key=place_of)

    def _take_out(self, known: _Known) -> None:
        run, one = known.run, known.waiting
        self._needs.pop(run.run_id, None)
        if known.running:
            self.running_of_batch[run.batch_id] -= 1
            self.running_of_user[run.owner] -= 1
        self.probes.subtract(known.probes)
        if run.duration_s:
            self._media_s, self._media = self._media_s - run.duration_s, self._media - 1
        for lane in known.lanes:
            self._given[lane, run.owner].pop(run.run_id, None)
        if one is not None:
            if one.waits_for is not None:
                self._shared[one.waits_for] -= 1
            users = self.lanes[one.lane][one.rank]
            line = users[one.user]
            line.pop(bisect_left(line, one.place, key=place_of))
            if not line:
                del users[one.user]
            if not users:
                del self.lanes[one.lane][one.rank]

    def _note_given(self, run: RunRecord) -> tuple[str, ...]:
        """Note the ends of the attempts a run was given in each lane; those that only waited for another's cost nothing."""
        ends: dict[str, list[datetime | None]] = {}
        for attempt in run.attempts:
            lane = self._lane_of.get(attempt.stage)
            if lane is not None and (attempt.outcome != AttemptOutcome.WAITED or attempt.failure is not None):
                ends.setdefault(lane, []).append(attempt.ended_at)
            if attempt.outcome == AttemptOutcome.COMMITTED and attempt.ended_at is not None:
                latest = self._commits.get(run.batch_id)
                self._commits[run.batch_id] = max(latest or attempt.ended_at, attempt.ended_at)
        for lane, theirs in ends.items():
            self._given.setdefault((lane, run.owner), {})[run.run_id] = tuple(theirs)
        return tuple(ends)

    # --- what they tell ------------------------------------------------------------------------------------------

    def waiting(self, run_id: str) -> Waiting | None:
        """The place of a run in its line; None when it stands in none."""
        known = self._known.get(run_id)
        return known.waiting if known is not None else None

    def needs(self, one: Waiting) -> tuple[str, ...]:
        """The breakers of all it needs outside for its stage; worked out when something is in trouble, and kept."""
        needs = self._needs.get(one.run_id)
        if needs is None:
            run = self._known[one.run_id].run
            settings = run.settings or self._batches[one.batch_id].settings
            needs = self._needs[one.run_id] = self._outside(one.stage, run.source, settings)
        return needs

    @property
    def shared(self) -> list[str]:
        """The shared work, as `stage/key`, that somebody waits for."""
        return [shared for shared, count in self._shared.items() if count > 0]

    def cost_s(self, one: Waiting) -> float:
        """The length of its media in seconds; where that is unknown the mean of what is known, else ten minutes."""
        return one.media_s if one.media_s else self.mean_s

    @property
    def mean_s(self) -> float:
        """The mean length of the media that are known, in seconds."""
        return self._media_s / self._media if self._media else UNKNOWN_MEDIA_S

    def limit(self, batch: BatchRecord) -> int:
        """How many runs of `batch` may work at once: one while it is being tried whether it works again."""
        if batch.probing_since is None:
            return batch.concurrency
        committed = self._commits.get(batch.batch_id)
        return batch.concurrency if committed is not None and committed > batch.probing_since else 1

    def is_full(self, batch: BatchRecord, begun: int = 0) -> bool:
        """Whether as many runs of `batch` work as may, with `begun` more than the records know."""
        return self.running_of_batch[batch.batch_id] + begun >= self.limit(batch)

    def given_s(self, lane: str) -> dict[str, float]:
        """Seconds of media each user who waits in `lane` was given there, since all of them have been waiting.

        What was still in work at that moment counts too: it is what they share the lane with.
        """
        since: dict[str, datetime] = {}
        for users in self.lanes.get(lane, {}).values():
            for user, line in users.items():
                first = min(one.since for one in line)
                since[user] = min(first, since.get(user, first))
        if len(since) < 2:
            return dict.fromkeys(since, 0.0)
        return {user: self.served_s(lane, user, max(since.values())) for user in since}

    def served_s(self, lane: str, user: str, since: datetime) -> float:
        """Seconds of media that attempts of `user` in `lane` have had which ended after `since`, or work still."""
        total_s, mean_s = 0.0, self.mean_s
        for run_id, ends in self._given.get((lane, user), {}).items():
            count = sum(end is None or end > since for end in ends)
            if count:
                total_s += count * (self._known[run_id].run.duration_s or mean_s)
        return total_s


def lines_of(
    runs: Iterable[RunRecord],
    batches: Mapping[str, BatchRecord],
    lane_of: Mapping[str, str],
    outside: Outside = nothing_outside,
) -> Lines:
    """The lines of these records, made from nothing."""
    lines = Lines(lane_of, outside)
    lines.update(runs, batches.values())
    return lines
