"""What deaths, stalls and damage do to a run: it goes on, and not for ever. Pure, called by the service only.

Every function takes `now` (UTC) and returns a new record.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.attempts import close_attempt, end_attempt
from core.domain.batch import Pause
from core.domain.errors import ErrorClass
from core.domain.moves import move
from core.domain.retry import retry_delay_s
from core.domain.run import Failure, RunRecord
from core.domain.states import AttemptOutcome, FailureKind, Phase, StageStatus, Want

CRASH_WINDOW = timedelta(hours=72)
MAX_CRASHES = 3
MAX_SERVICE_CRASHES = 6
MAX_DAMAGES = 3


def invalidate_input(run: RunRecord, stage: str, now: datetime) -> RunRecord:
    """`run` after its attempt found the artifact of an earlier `stage` damaged: that stage is to be done again.

    Counted by itself, and a commit does not clear that, so that a disk that damages everything ends in a failed run and
    not in a circle.
    """
    changes = close_attempt(run, AttemptOutcome.INTERRUPTED, now)
    state = run.stages[stage]
    again = replace(state, status=StageStatus.PENDING, damages=state.damages + 1)
    failure = None
    if again.damages >= MAX_DAMAGES and run.intent.want in (Want.RUN, Want.PAUSE):
        failure = Failure(
            kind=FailureKind.POISON,
            error_class=ErrorClass.LOCAL_IO,
            message=f"What {stage} published was damaged {again.damages} times.",
            hint="Check the disk of the storage folder (./reprise check), then retry.",
        )
        again = replace(again, failure=failure)
    changes["stages"] = {**changes.get("stages", run.stages), stage: again}
    if failure is None:
        return replace(run, updated_at=now, **changes)
    return move(run, "fail", Phase.FAILED, now, why=failure.message, failure=failure, completed_at=now, **changes)


def recover(
    run: RunRecord, now: datetime, *, max_recoveries: int = 3, units_done: int = 0, held: Pause | None = None
) -> RunRecord:
    """A stalled `run` after its processes were killed (R16): queued again at the front of its batch.

    It fails when it was recovered `max_recoveries` times in this stage already; tries are not touched. What somebody
    ended or paused meanwhile is no stall any more.
    """
    attempt = run.open_attempt
    working = attempt is not None and run.phase == Phase.RUNNING and run.intent.want in (Want.RUN, Want.PAUSE)
    if attempt is None or not working:
        outcome = _OTHERWISE.get(run.intent.want, AttemptOutcome.PAUSED)
        return end_attempt(run, outcome, now, units_done=units_done, held=held)
    if run.stages[attempt.stage].stalls < max_recoveries:
        return end_attempt(run, AttemptOutcome.STALLED, now, units_done=units_done, held=held)
    failure = Failure(
        kind=FailureKind.STALLED,
        message=f"{attempt.stage.capitalize()} stopped making progress {max_recoveries + 1} times.",
        hint=f"./reprise log {run.run_id} shows its last lines; "
        f"./reprise retry {run.run_id} goes on where it was once the cause is gone.",
    )
    changes = close_attempt(
        run, AttemptOutcome.STALLED, now, failure=failure, units_done=units_done, status=StageStatus.FAILED
    )
    return move(run, "stall", Phase.FAILED, now, why=failure.message, failure=failure, completed_at=now, **changes)


_OTHERWISE = {Want.CANCEL: AttemptOutcome.CANCELLED, Want.STOP: AttemptOutcome.STOPPED}


def crashed(
    run: RunRecord,
    now: datetime,
    *,
    new_units: int,
    held: Pause | None = None,
    service_died: bool = False,
    place: str = "",
) -> RunRecord:
    """`run` after its owner was found dead (R17, R18).

    `new_units` is how many units became durable in the attempt; any of them clears both counts of crashes. A death
    together with the service (`service_died`) says little of the run: it is counted by itself, and takes more of them.
    The first worker that died alone is replaced at once, later ones after 2, 4, … seconds. `place` says how far the stage
    was, in words.
    """
    wanted = run.intent.want in (Want.RUN, Want.PAUSE)
    working = run.open_attempt is not None and run.phase == Phase.RUNNING and wanted

    def counted(before: list[datetime], *, one_more: bool) -> list[datetime]:
        recent = [] if new_units else [at for at in before if now - at < CRASH_WINDOW]
        return [*recent, now] if one_more and working and not new_units else recent

    crashes = counted(run.crashes, one_more=not service_died)
    of_service = counted(run.service_crashes, one_more=service_died)
    limit = MAX_SERVICE_CRASHES if service_died else MAX_CRASHES
    deaths = len(of_service if service_died else crashes)
    if working and deaths >= limit:
        who = "service" if service_died else "worker"
        failure = Failure(
            kind=FailureKind.POISON,
            error_class=ErrorClass.CRASH,
            message=f"The {who} died {deaths} times at the same place of {run.next_stage}{place}.",
            hint=f"./reprise log {run.run_id} shows its last lines; "
            f"./reprise retry {run.run_id} goes on where it was once the cause is gone.",
        )
        changes = close_attempt(run, AttemptOutcome.INTERRUPTED, now, failure=failure, status=StageStatus.FAILED)
        return move(
            run,
            "poison",
            Phase.FAILED,
            now,
            why=failure.message,
            failure=failure,
            crashes=crashes,
            service_crashes=of_service,
            completed_at=now,
            **changes,
        )
    again = replace(run, crashes=crashes, service_crashes=of_service, resumed=True, resumed_count=run.resumed_count + 1)
    after = end_attempt(again, AttemptOutcome.INTERRUPTED, now, units_done=new_units, held=held)
    if after.phase == Phase.QUEUED and len(crashes) > 1 and not service_died:
        wait_s = retry_delay_s(len(crashes) - 1)
        return replace(after, wait_s=wait_s, next_at=now + timedelta(seconds=wait_s))
    return after
