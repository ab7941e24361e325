"""Why a run does not move: exactly one reason, as a sentence; and the flags a run is shown with."""

from bisect import bisect_left
from datetime import datetime
from typing import Literal

import msgspec

from core.domain.batch import BatchRecord, Pause
from core.domain.errors import ErrorClass
from core.domain.moves import due
from core.domain.run import RunRecord
from core.domain.schedule import Order, Situation, can_start, order, running_per_batch
from core.domain.states import TERMINAL, BatchPhase, Phase, Want

Code = Literal[
    "none",
    "slot",
    "turn",
    "quota",
    "backoff",
    "breaker",
    "paused",
    "disk",
    "shared_work",
    "dependency",
    "service_down",
    "terminal",
]
STALL_UNITS = 5.0
SLOW_SHARE = 0.25
SLOW_S = 120.0


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The one reason: a code of the outside contract, a sentence, and until when if that is known."""

    code: Code
    message: str
    until: datetime | None = None


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """All that could start, in order: those of each lane and of each batch; and how many of each batch run."""

    lanes: dict[str, list[Order]]
    batches: dict[str, list[Order]]
    running: dict[str, int]


def lines_of(situation: Situation) -> Lines:
    """The lines in which runs wait; made once for many calls of `why`."""
    lanes: dict[str, list[Order]] = {}
    batches: dict[str, list[Order]] = {}
    for run in situation.runs.values():
        if can_start(run, situation):
            place = order(run, situation.batches[run.batch_id])
            lanes.setdefault(situation.lane_of[run.next_stage or ""], []).append(place)
            batches.setdefault(run.batch_id, []).append(place)
    for line in (*lanes.values(), *batches.values()):
        line.sort()
    return Lines(lanes=lanes, batches=batches, running=running_per_batch(situation))


def why(run: RunRecord, situation: Situation, *, service_alive: bool = True, lines: Lines | None = None) -> Why:
    """Why `run` is where it is; code `none` when it moves or will within a moment.

    Whoever asks for many runs at once passes `lines`, made by `lines_of` from the same situation.
    """
    batch = situation.batches.get(run.batch_id)
    return (
        _ended(run)
        or _paused_itself(run)
        or _no_service(situation, service_alive)
        or _on_its_way(run)
        or _paused_with_others(batch, situation)
        or _waits_for_something(run, situation)
        or _waits_for_its_turn(run, batch, situation, lines)
    )


def _ended(run: RunRecord) -> Why | None:
    if run.phase not in TERMINAL:
        return None
    if run.intent.again:
        return Why(code="none", message="It will be retried within a moment.")
    if run.failure is not None and run.phase == Phase.FAILED:
        return Why(code="terminal", message=f"It failed: {run.failure.message}")
    return Why(code="terminal", message=f"It is {run.phase}.")


def _paused_itself(run: RunRecord) -> Why | None:
    if run.intent.want != Want.PAUSE or (run.phase == Phase.RUNNING and run.open_attempt is not None):
        return None
    who = f" by {run.intent.by}" if run.intent.by else ""
    said = f": {run.intent.why}" if run.intent.why else "."
    return Why(code="paused", message=f"Paused{who}{said}")


def _no_service(situation: Situation, service_alive: bool) -> Why | None:
    if not service_alive:
        return Why(code="service_down", message="No service is running; start one with ./reprise serve.")
    if situation.draining:
        return Why(code="service_down", message="The service is stopping; the run goes on when it is started again.")
    return None


def _on_its_way(run: RunRecord) -> Why | None:
    """Work in hand, or an intent that is just being carried out."""
    doing = {Want.PAUSE: "paused", Want.STOP: "stopped", Want.CANCEL: "cancelled", Want.SKIP: "skipped"}
    if run.intent.want in doing:
        return Why(code="none", message=f"It is being {doing[run.intent.want]}.")
    if run.phase == Phase.RUNNING and run.open_attempt is not None:
        return Why(code="none", message=f"It is being worked on: {run.open_attempt.stage}.")
    if run.phase == Phase.RECEIVING:
        return Why(code="dependency", message="Waits for its upload to be whole.")
    return None


def _paused_with_others(batch: BatchRecord | None, situation: Situation) -> Why | None:
    if batch is None:
        return Why(code="dependency", message="Its batch was never completely added; add it again.")
    if situation.pool.pause is not None:
        return Why(code="paused", message=_sentence("Everything is paused", situation.pool.pause))
    match batch.phase:
        case BatchPhase.DRAFT:
            return Why(code="paused", message="Its batch is a draft and has not been started.")
        case BatchPhase.PAUSED:
            return Why(code="paused", message=_sentence("Its batch is paused", batch.pause))
        case BatchPhase.CANCELLED | BatchPhase.DELETED:
            return Why(code="none", message="Its batch is being cancelled.")
        case BatchPhase.COMPLETED | BatchPhase.FAILED:
            return Why(code="none", message="Its batch is opened again within a moment.")
    return None


def _sentence(what: str, pause: Pause | None) -> str:
    who = f" by {pause.by}" if pause is not None and pause.by else ""
    return what + who + (f": {pause.why}" if pause is not None and pause.why else ".")


def _waits_for_something(run: RunRecord, situation: Situation) -> Why | None:
    wait_s = due(run, situation.now)
    failure = run.failure
    if wait_s > 0:
        until = run.next_at
        if failure is not None and failure.error_class == ErrorClass.DISK_FULL:
            return Why(code="disk", message="The disk is full; it goes on once there is space.", until=until)
        if failure is not None and failure.error_class == ErrorClass.RATE_LIMITED:
            return Why(
                code="breaker", message=f"The site asks to slow down; tries again in {_span(wait_s)}.", until=until
            )
        after = f" after: {failure.message}" if failure is not None and failure.message else "."
        return Why(code="backoff", message=f"Tries again in {_span(wait_s)}{after}", until=until)
    if situation.disk_low:
        return Why(code="disk", message="There is too little free disk space to start anything.")
    if run.waits_for is not None and run.waits_for in situation.shared_busy:
        stage = run.waits_for.partition("/")[0]
        return Why(
            code="shared_work", message=f"Another run does the same {stage} just now; its result will be taken over."
        )
    return None


def _span(seconds: float) -> str:
    """A wait in words: `7 s`, `4 min`."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _waits_for_its_turn(run: RunRecord, batch: BatchRecord | None, situation: Situation, lines: Lines | None) -> Why:
    stage = run.next_stage
    if batch is None or stage is None or run.phase not in (Phase.QUEUED, Phase.RUNNING):
        return Why(code="none", message="It goes on within a moment.")
    lane = situation.lane_of.get(stage)
    if lane is None or not situation.lanes.get(lane, 0):
        return Why(code="dependency", message=f"This service has no worker for {stage}.")
    lines = lines or lines_of(situation)
    ahead_in_lane = bisect_left(lines.lanes.get(lane, []), order(run, batch))
    if run.phase == Phase.QUEUED and lines.running.get(run.batch_id, 0) >= batch.concurrency:
        ahead_in_batch = bisect_left(lines.batches.get(run.batch_id, []), order(run, batch))
        at_a_time = "one of its runs" if batch.concurrency == 1 else f"{batch.concurrency} of its runs"
        return Why(
            code="turn", message=f"Its batch works on {at_a_time} at a time; {_ahead(ahead_in_batch)} in the batch."
        )
    if situation.free.get(lane, 0) <= 0:
        return Why(code="slot", message=f"Waits for a free {lane} worker; {_ahead(ahead_in_lane)}.")
    if ahead_in_lane >= situation.free.get(lane, 0):
        return Why(code="turn", message=f"Waits for its turn; {_ahead(ahead_in_lane)}.")
    return Why(code="none", message=f"Its {stage} starts within a moment.")


def _ahead(count: int) -> str:
    return "it is next" if not count else "1 run is ahead of it" if count == 1 else f"{count} runs are ahead of it"


def flags(
    run: RunRecord,
    progress_age_s: float | None = None,
    expected_unit_s: float | None = None,
    stall_s: float = 300.0,
    *,
    rate: float | None = None,
    baseline_rate: float | None = None,
    rate_over_s: float = 0.0,
) -> tuple[str, ...]:
    """The flags of `run` among stalled, slow, resumed and adopted, in that order.

    `progress_age_s` is how long there was no new unit, in seconds of activity: whoever measures it leaves out pauses
    and a suspended host. A run that is not being worked on is never stalled or slow. `rate` is what it did in the last
    `rate_over_s` seconds, in the unit of `baseline_rate`.
    """
    found: list[str] = []
    if run.phase == Phase.RUNNING and run.intent.want == Want.RUN and run.open_attempt is not None:
        limit_s = max(stall_s, STALL_UNITS * (expected_unit_s or 0.0))
        known = rate is not None and baseline_rate is not None and rate_over_s >= SLOW_S
        if progress_age_s is not None and progress_age_s > limit_s:
            found.append("stalled")
        elif known and rate is not None and baseline_rate is not None and rate < SLOW_SHARE * baseline_rate:
            found.append("slow")
    if run.resumed:
        found.append("resumed")
    if run.adopted:
        found.append("adopted")
    return tuple(found)
