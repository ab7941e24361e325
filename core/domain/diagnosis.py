"""Why a run does not move: exactly one reason, as a sentence."""

from collections import Counter
from datetime import datetime
from functools import cached_property
from typing import Literal

import msgspec

from core.domain.batch import BatchRecord, Pause
from core.domain.breaker import NETWORK, what
from core.domain.errors import ErrorClass
from core.domain.lines import Lines
from core.domain.moves import sentences
from core.domain.run import RunRecord
from core.domain.schedule import Situation, Standing, standing
from core.domain.spans import wait
from core.domain.states import TERMINAL, BatchPhase, Phase, Want
from core.domain.tiers import used_up
from core.domain.waiting import Waiting
from core.domain.words import ahead_of_it, gigabytes, lowered, moment, person, runs_in_words

# fmt: off
Code = Literal[
    "none", "slot", "turn", "quota", "backoff", "breaker", "paused", "disk", "shared_work", "dependency", "service_down", "terminal",
]
# fmt: on
_DOING = {Want.PAUSE: "paused", Want.STOP: "stopped", Want.CANCEL: "cancelled", Want.SKIP: "skipped"}
_PAUSE_CODES: dict[str, Code] = {"disk": "disk", "quota": "quota"}


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The one reason: a code of the outside contract, a sentence, and until when if that is known."""

    code: Code
    message: str
    until: datetime | None = None


class Reasons:
    """Answers for any number of runs of one situation; what all answers need is worked out once.

    `lines` are those of the same records, where somebody keeps them. Without `names` no other user is named.
    """

    def __init__(
        self, situation: Situation, *, service_alive: bool = True, lines: Lines | None = None, names: bool = True
    ) -> None:
        self._now, self._alive, self._given, self._names = situation, service_alive, lines, names

    @cached_property
    def standing(self) -> Standing:
        """Who starts now, and what the rules say of the others."""
        return standing(self._now, self._given)

    @cached_property
    def order(self) -> list[Waiting]:
        """All that stand in a line, in order."""
        return self.standing.order()

    @cached_property
    def _claimed(self) -> frozenset[str]:
        return frozenset(claim.run_id for claim in self.standing.claims)

    @cached_property
    def _lanes(self) -> dict[str, list[Waiting]]:
        lanes: dict[str, list[Waiting]] = {}
        for one in self.order:
            lanes.setdefault(one.lane, []).append(one)
        return lanes

    @cached_property
    def _places(self) -> dict[str, int]:
        """The place of each in the line of its lane, from 0."""
        return {one.run_id: place for line in self._lanes.values() for place, one in enumerate(line)}

    def why(self, run: RunRecord) -> Why:
        """Why `run` is where it is; code `none` when it moves or will within a moment."""
        batch = self._now.batches.get(run.batch_id)
        return (
            _ended(run)
            or _never_added(batch)
            or self._paused_itself(run)
            or self._no_service(run, batch)
            or self._on_its_way(run)
            or self._held_with_others(batch)
            or self._held_by_disk(run)
            or self._stands_still(run, batch)
            or self._waits_for_a_time(run)
            or self._stands_in_line(run)
        )

    def _paused_itself(self, run: RunRecord) -> Why | None:
        if run.intent.want != Want.PAUSE or (run.phase == Phase.RUNNING and run.open_attempt is not None):
            return None
        intent = run.intent
        return Why(code="paused", message=self._paused("Paused", Pause(by=intent.by, why=intent.why, at=intent.at)))

    def _no_service(self, run: RunRecord, batch: BatchRecord | None) -> Why | None:
        """No service, unless a person holds the run as well: starting one would not help then."""
        idle = run.intent.want == Want.RUN and run.open_attempt is None
        if not self._alive and not (idle and self._held_by_a_person(batch)):
            return Why(code="service_down", message="No service is running; start one with ./reprise serve.")
        if self._now.draining:
            return Why(
                code="service_down", message="The service is stopping; the run goes on when it is started again."
            )
        return None

    def _held_by_a_person(self, batch: BatchRecord | None) -> bool:
        pauses = (self._now.pool.pause, batch.pause if batch is not None else None)
        draft = batch is not None and batch.phase == BatchPhase.DRAFT
        return draft or any(pause is not None and pause.reason not in _PAUSE_CODES for pause in pauses)

    def _on_its_way(self, run: RunRecord) -> Why | None:
        """Work in hand, or an intent that is just being carried out."""
        attempt = run.open_attempt
        if run.intent.want in _DOING:
            return Why(code="none", message=f"It is being {_DOING[run.intent.want]}.")
        if run.phase == Phase.RUNNING and attempt is not None:
            said = run.verdict.message if run.verdict is not None and run.verdict.attempt == attempt.id else ""
            return Why(code="none", message=said or f"It is being worked on: {attempt.stage}.")
        if run.phase == Phase.RECEIVING:
            return Why(code="dependency", message="Waits for its upload to be whole.")
        return None

    def _held_with_others(self, batch: BatchRecord | None) -> Why | None:
        if batch is None:
            return None
        pause = self._now.pool.pause
        if pause is not None:
            return Why(
                code=_PAUSE_CODES.get(pause.reason, "paused"), message=self._paused("Everything is paused", pause)
            )
        match batch.phase:
            case BatchPhase.DRAFT:
                return Why(code="paused", message="Its batch is a draft and has not been started.")
            case BatchPhase.PAUSED:
                reason = batch.pause.reason if batch.pause is not None else ""
                message = self._paused("Its batch is paused", batch.pause)
                return Why(code=_PAUSE_CODES.get(reason, "paused"), message=message)
            case BatchPhase.CANCELLED:
                return Why(code="none", message="Its batch is being cancelled.")
            case BatchPhase.DELETED:
                return Why(code="terminal", message="Its batch is deleted.")
            case BatchPhase.COMPLETED | BatchPhase.FAILED:
                return Why(code="none", message="Its batch is opened again within a moment.")
        return None

    def _held_by_disk(self, run: RunRecord) -> Why | None:
        if run.phase != Phase.PAUSED or not self._now.disk_low:
            return None
        said = f"There is too little free disk space; it goes on by itself once there is more. {self._space()}"
        return Why(code="disk", message=said.strip())

    def _paused(self, whatever: str, pause: Pause | None) -> str:
        """Who paused it, since when, and why."""
        if pause is None:
            return f"{whatever}."
        who = f" by {person(pause.by)}" if pause.by else ""
        since = f" since {moment(pause.at, self._now.now)}" if pause.at is not None else ""
        return f"{whatever}{who}{since}" + (f": {pause.why}" if pause.why else ".")

    def _waits_for_a_time(self, run: RunRecord) -> Why | None:
        """A back-off, in the words of what it waits for."""
        wait_s = self._now.left(run.run_id, run.next_at, run.wait_s or 0.0)
        failure = run.failure
        if wait_s <= 0 or run.phase == Phase.PAUSED:
            return None
        if failure is not None and failure.error_class == ErrorClass.DISK_FULL:
            return Why(
                code="disk", message=f"The disk is full; it goes on once there is space. {self._space()}".strip()
            )
        stage = run.next_stage
        batch = self._now.batches.get(run.batch_id)
        if stage is not None and batch is not None:
            for name in self._now.outside(stage, run.source, run.settings or batch.settings):
                if (self._now.breaker_left_s(name) or 0.0) > wait_s:
                    return self._breaker(name)
        after = f" after: {failure.message}" if failure is not None and failure.message else "."
        return Why(code="backoff", message=f"Tries again in {wait(wait_s)}{after}", until=run.next_at)

    def _stands_still(self, run: RunRecord, batch: BatchRecord | None) -> Why | None:
        """It was paused in the middle of its work and is wanted again, but others have its place."""
        if run.phase != Phase.PAUSED or run.open_attempt is None or batch is None:
            return None
        lines = self.standing.lines
        if lines.is_full(batch):
            return self._batch_is_full(batch, 0)
        if 0 < self._now.max_runs_per_user <= lines.running_of_user[run.owner]:
            return self._has_enough(run.owner, 0)
        return None

    def _stands_in_line(self, run: RunRecord) -> Why:
        stage, now = run.next_stage, self._now
        if stage is None or run.phase not in (Phase.QUEUED, Phase.RUNNING):
            return Why(code="none", message="It goes on within a moment.")
        lane = now.lane_of.get(stage)
        if lane is None or not now.lanes.get(lane, 0):
            return Why(code="dependency", message=f"This service has no worker for {stage}.")
        one = self.standing.lines.waiting(run.run_id)
        if run.run_id in self._claimed:
            return Why(code="none", message=f"Its {stage} starts within a moment.")
        if now.disk_low:
            return Why(
                code="disk", message=f"There is too little free disk space to start anything. {self._space()}".strip()
            )
        if one is None:  # the lines were read a moment before or after this record
            return Why(code="turn", message="Waits for its turn.")
        return self._held(one) or self._not_yet(one)

    def _held(self, one: Waiting) -> Why | None:
        """What a rule holds it for."""
        match self.standing.rules.hold(one):
            case ("breaker", name):
                return self._breaker(name)
            case ("trial", name):
                said = f"Another run tries whether {lowered(what(name))} answers again; this one goes on if it does."
                return Why(code="breaker", message=said)
            case ("shared_work", shared):
                said = f"Another run does the same {shared.partition('/')[0]} just now; its result will be taken over."
                return Why(code="shared_work", message=said)
            case ("quota", user):  # what others wait for does not keep it waiting
                return self._has_enough(user, sum(other.user == user for other in self._before(one)))
            case ("minutes", batch_id):
                return Why(code="quota", message=used_up(self._now.batches[batch_id]))
            case ("batch", batch_id):
                ahead = sum(other.batch_id == batch_id and other.new for other in self._before(one))
                return self._batch_is_full(self._now.batches[batch_id], ahead)
        return None

    def _has_enough(self, user: str, ahead: int) -> Why:
        said = f"{person(user)} has {runs_in_words(self._now.max_runs_per_user)} at work, as many as one user may have"
        return Why(code="quota", message=f"{said}; {ahead_of_it(ahead)}.")

    def _not_yet(self, one: Waiting) -> Why:
        """Nothing holds it but that others are before it."""
        if one.lane in self._now.throttled:
            return Why(code="slot", message=self._now.throttled[one.lane])
        if self._now.free.get(one.lane, 0) <= 0:
            return Why(code="slot", message=f"Waits for a free {one.lane} worker; {self._ahead(one)}.")
        return Why(code="turn", message=f"Waits for its turn; {self._ahead(one)}.")

    def _breaker(self, name: str) -> Why:
        breaker = self._now.pool.breakers[name]
        left_s = self._now.breaker_left_s(name) or 0.0
        begin = "The network seems to be down" if name == NETWORK else f"{what(name)} is in trouble"
        named = breaker.why.startswith(what(name))  # then the sentence says both
        said = breaker.why if named else f"{begin}: {breaker.why}" if breaker.why else f"{begin}."
        return Why(code="breaker", message=f"{said} It is tried again in {wait(left_s)}.", until=breaker.until)

    def _batch_is_full(self, batch: BatchRecord, ahead: int) -> Why:
        limit = self.standing.lines.limit(batch)
        said = f"Its batch works on {'one' if limit == 1 else limit} of its runs at a time"
        if limit < batch.concurrency:
            said = "Its batch tries one run first, to see whether it works again"
        return Why(code="turn", message=f"{said}; {ahead_of_it(ahead)} in the batch.")

    def _before(self, one: Waiting) -> list[Waiting]:
        return self._lanes[one.lane][: self._places[one.run_id]]

    def _ahead(self, one: Waiting) -> str:
        """How many are before it in its lane, and whose."""
        before = self._before(one)
        others = Counter(other.user for other in before if other.user != one.user)
        if not others:
            return ahead_of_it(len(before))
        count = sum(others.values())
        one_named = person(next(iter(others))) if self._names else "another user"
        whose = one_named if len(others) == 1 else f"{len(others)} other users"
        part = "" if count == len(before) else f"{count} of them "
        return f"{ahead_of_it(len(before))}, {part}of {whose}"

    def _space(self) -> str:
        if self._now.disk_free is None:
            return ""
        return f"{gigabytes(self._now.disk_free)} are free, {gigabytes(self._now.disk_needed)} are needed."


def why(run: RunRecord, situation: Situation, *, service_alive: bool = True) -> Why:
    """Why one `run` is where it is; whoever asks for many asks `Reasons`."""
    return Reasons(situation, service_alive=service_alive).why(run)


def _ended(run: RunRecord) -> Why | None:
    if run.phase not in TERMINAL:
        return None
    if run.intent.again:
        return Why(code="none", message="It will be retried within a moment.")
    if run.failure is not None and run.phase == Phase.FAILED:
        return Why(code="terminal", message=f"It failed: {run.failure.message}")
    if run.phase == Phase.CANCELLED and run.transitions:
        last = run.transitions[-1]
        return Why(code="terminal", message=sentences(f"Cancelled by {person(last.by)}", last.why))
    return Why(code="terminal", message=f"It is {run.phase}.")


def _never_added(batch: BatchRecord | None) -> Why | None:
    never = Why(code="dependency", message="Its batch was never completely added; add it again.")
    return never if batch is None else None
