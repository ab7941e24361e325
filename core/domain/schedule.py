"""Who is next: which attempts may start now, decided for all runs in one pass."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from core.domain.batch import BatchRecord, PoolRecord
from core.domain.fairness import in_turn
from core.domain.lines import Lines, Outside, lines_of, nothing_outside
from core.domain.run import RunRecord
from core.domain.waiting import Waiting

Hold = Literal["shared_work", "wait", "breaker", "trial", "quota", "minutes", "batch"]
LeftS = Callable[[str, datetime | None, float], float]


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that may start now; `probe` names the breakers, with blanks between, whose one trial it is."""

    run_id: str
    stage: str
    lane: str
    probe: str | None = None


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that schedule and diagnosis decide on.

    `free` and `lanes` tell how many slots each lane has free and in all, `lane_of` the lane of each stage, `outside`
    the breakers of what a stage needs; `shared_busy` names the `stage/key` that are being made just now. `throttled`
    says of lanes that begin nothing now why, in words. `spent` are batches whose owners have used up what their tier has.
    `max_runs_per_user` of 0 sets no limit. `left_s` tells how long
    a wait still is (of what, until when, how long it is in all); by the wall clock where nobody measures it better.
    """

    runs: Mapping[str, RunRecord]
    batches: Mapping[str, BatchRecord]
    pool: PoolRecord
    free: Mapping[str, int]
    lanes: Mapping[str, int]
    lane_of: Mapping[str, str]
    now: datetime
    outside: Outside = nothing_outside
    draining: bool = False
    disk_low: bool = False
    disk_free: int | None = None
    disk_needed: int = 0
    shared_busy: frozenset[str] = frozenset()
    throttled: Mapping[str, str] = msgspec.field(default_factory=dict)
    max_runs_per_user: int = 0
    spent: frozenset[str] = frozenset()
    left_s: LeftS | None = None

    def left(self, key: str, until: datetime | None, wait_s: float) -> float:
        """Seconds until `until`, never more than `wait_s` and never less than 0."""
        if until is None:
            return 0.0
        if self.left_s is not None:
            return self.left_s(key, until, wait_s)
        return max(0.0, min((until - self.now).total_seconds(), wait_s))

    def breaker_left_s(self, name: str) -> float | None:
        """Seconds until what `name` stands for may be tried; None when its breaker is closed."""
        breaker = self.pool.breakers.get(name)
        if breaker is None or breaker.opened_at is None:
            return None
        return self.left(breaker_key(name), breaker.until, breaker.open_s)

    def make_lines(self) -> Lines:
        """The lines of these records."""
        return lines_of(self.runs.values(), self.batches, self.lane_of, self.outside)


def breaker_key(name: str) -> str:
    """What the wait of a breaker is called where waits are measured."""
    return f"breaker:{name}"


class Rules:
    """What keeps a run that stands in a line from starting, but for its turn; `take` notes each that starts."""

    def __init__(self, situation: Situation, lines: Lines) -> None:
        self._now, self._lines = situation, lines
        self._batches: dict[str, int] = {}  # begun in this pass
        self._users: dict[str, int] = {}
        self._woken: set[str] = set()
        self._trials: set[str] = set()
        self._opened = {
            name: left_s for name in situation.pool.breakers if (left_s := situation.breaker_left_s(name)) is not None
        }

    def hold(self, one: Waiting) -> tuple[Hold, str] | None:
        """What holds `one`, and its name; None when nothing but its turn or a slot does."""
        now = self._now
        if one.new and self.is_full(one.batch_id):
            return "batch", one.batch_id
        if one.waits_for is not None and (one.waits_for in now.shared_busy or one.waits_for in self._woken):
            return "shared_work", one.waits_for
        if one.next_at is not None and now.left(one.run_id, one.next_at, one.wait_s) > 0:
            return "wait", one.run_id
        if self._opened:
            needs = self._lines.needs(one)
            for name in needs:
                if self._opened.get(name, 0.0) > 0:
                    return "breaker", name
            for name in needs:
                if name in self._opened and (name in self._trials or self._lines.probes[name] > 0):
                    return "trial", name
        if one.new and 0 < now.max_runs_per_user <= self.running_of(one.user):
            return "quota", one.user
        if one.new and one.batch_id in now.spent:
            return "minutes", one.batch_id
        return None

    def again(self) -> "Rules":
        """The same rules before anyone started."""
        return Rules(self._now, self._lines)

    def may(self, one: Waiting) -> bool:
        """Whether nothing but its turn or a slot keeps `one` from starting."""
        return self.hold(one) is None

    def is_full(self, batch_id: str) -> bool:
        """Whether as many runs of the batch work as may."""
        return self._lines.is_full(self._now.batches[batch_id], self._batches.get(batch_id, 0))

    def running_of(self, user: str) -> int:
        """How many runs of `user` work."""
        return self._lines.running_of_user[user] + self._users.get(user, 0)

    def take(self, one: Waiting) -> Claim:
        """`one` starts: it counts from now on, and is the trial of every breaker it needs that is half-open."""
        trials = [name for name in self._lines.needs(one) if name in self._opened] if self._opened else []
        self._trials.update(trials)
        if one.new:
            self._batches[one.batch_id] = self._batches.get(one.batch_id, 0) + 1
            self._users[one.user] = self._users.get(one.user, 0) + 1
        if one.waits_for is not None:
            self._woken.add(one.waits_for)
        return Claim(run_id=one.run_id, stage=one.stage, lane=one.lane, probe=" ".join(trials) or None)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass of the schedule found: who starts, and what the rules say of the others after that."""

    claims: list[Claim]
    lines: Lines
    rules: Rules

    def order(self) -> list[Waiting]:
        """All that stand in a line, in the order in which they would start if none ended and slots had no end.

        First those that only wait for a slot or their turn, then those that something else holds.
        """
        lanes = list(self.lines.lanes)
        given_s = {lane: self.lines.given_s(lane) for lane in lanes}
        rules = self.rules.again()
        ready: list[Waiting] = []
        for one in in_turn(self.lines, lanes, rules.may, given_s):
            rules.take(one)
            ready.append(one)
        chosen = {one.run_id for one in ready}
        held = in_turn(self.lines, lanes, lambda one: one.run_id not in chosen, given_s)
        return [*ready, *held]


def standing(situation: Situation, lines: Lines | None = None) -> Standing:
    """One pass of the schedule; `lines` are those of the same records, where somebody keeps them."""
    lines = situation.make_lines() if lines is None else lines
    rules = Rules(situation, lines)
    claims: list[Claim] = []
    free = {lane: slots for lane, slots in situation.free.items() if slots > 0 and lane not in situation.throttled}
    if situation.draining or situation.disk_low or situation.pool.pause is not None or not free:
        return Standing(claims=claims, lines=lines, rules=rules)
    for one in in_turn(lines, free, rules.may, {lane: lines.given_s(lane) for lane in free}):
        claims.append(rules.take(one))
        free[one.lane] -= 1
        if not free[one.lane]:
            del free[one.lane]
    return Standing(claims=claims, lines=lines, rules=rules)


def schedule(situation: Situation, lines: Lines | None = None) -> list[Claim]:
    """The attempts to start now, in order, at most one a run.

    A claim takes a free slot of its lane and, when the run is new, one of the places of its batch and of its user; of
    several runs waiting for one piece of shared work only the first is woken, and what is in trouble outside gets one
    trial. No slot stays free that somebody could use.
    """
    return standing(situation, lines).claims
