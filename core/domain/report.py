"""What a batch cost and what was saved: sums over work receipts and ledgers, and seconds by measured speeds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from core.domain.run import Attempt, RunRecord, Work
from core.domain.states import AttemptOutcome

LOST = (AttemptOutcome.ERROR, AttemptOutcome.STALLED)


def worked_s(attempt: Attempt) -> float | None:
    """How long an attempt worked: measured without pauses where that is known, else from its start to its end.

    None while it is open, and when it was interrupted unmeasured: its end is then written whenever a service starts again.
    """
    if attempt.active_s is not None:
        return attempt.active_s
    if attempt.ended_at is None or attempt.outcome == AttemptOutcome.INTERRUPTED:
        return None
    return max(0.0, (attempt.ended_at - attempt.started_at).total_seconds())


def took_s(attempts: Iterable[Attempt]) -> float:
    """How long a run or a stage took in seconds: all that its attempts worked, no pauses, waits or days between retries."""
    return round(sum(worked_s(attempt) or 0.0 for attempt in attempts), 1)


def committing(run: RunRecord, stage: str) -> Attempt | None:
    """The attempt that committed `stage` last."""
    found = (one for one in reversed(run.attempts) if one.stage == stage and one.outcome == AttemptOutcome.COMMITTED)
    return next(found, None)


def work_sums(runs: Iterable[RunRecord]) -> dict[str, Work]:
    """The work receipts of `runs`, added up for each stage; what was done twice is unknown if it is of any of them."""
    sums: dict[str, Work] = {}
    for run in runs:
        for name, stage in run.stages.items():
            work, had = stage.work, sums.get(name)
            if work is None:
                continue
            redone = None if None in (work.redone, had.redone if had else 0.0) else (work.redone or 0.0)
            sums[name] = Work(
                unit=work.unit,
                done=round(work.done + (had.done if had else 0.0), 3),
                reused=round(work.reused + (had.reused if had else 0.0), 3),
                redone=None if redone is None else round(redone + ((had.redone or 0.0) if had else 0.0), 3),
            )
    return sums


def speeds(runs: Iterable[RunRecord]) -> dict[str, float]:
    """How much of its unit each stage makes in a second of work.

    By the attempt that finished a stage; by all of its attempts where that one had little left to do.
    """
    made: dict[str, float] = {}
    seconds_of: dict[str, float] = {}
    for run in runs:
        for name, stage in run.stages.items():
            if stage.work is None or stage.reused:
                continue
            size, attempts = stage.work.done, [committing(run, name)]
            if size < stage.work.reused:
                size, attempts = size + stage.work.reused, [one for one in run.attempts if one.stage == name]
            times = [worked_s(attempt) if attempt is not None else None for attempt in attempts]
            seconds = sum(time or 0.0 for time in times)
            if size and seconds and None not in times:
                made[name] = made.get(name, 0.0) + size
                seconds_of[name] = seconds_of.get(name, 0.0) + seconds
    return {name: made[name] / seconds_of[name] for name in made}


def saved_s(work: Work, speed: float | None) -> float | None:
    """The seconds it would have taken to make what was taken over; None when the speed of that was never measured."""
    if not work.reused:
        return 0.0
    return round(work.reused / speed, 1) if speed else None


def retries(run: RunRecord) -> int:
    """How many attempts of `run` were made because the one before of that stage had an error or stalled."""
    before: dict[str, AttemptOutcome | None] = {}
    again = 0
    for attempt in run.attempts:
        again += before.get(attempt.stage) in LOST
        before[attempt.stage] = attempt.outcome
    return again


class Step(msgspec.Struct, frozen=True):
    """One transition: when, from which phase, to which."""

    at: datetime
    source: str
    target: str


def seconds_in(steps: Sequence[Step], created_at: datetime, now: datetime) -> dict[str, float]:
    """How long something that was created at that time was in each phase until `now`, by its transitions in order.

    A wall clock that was set back counts as no time at all.
    """
    spent: dict[str, float] = {}
    at, phase = created_at, steps[0].source if steps else ""
    for step in [*steps, Step(now, "", "")]:
        if phase:
            spent[phase] = round(spent.get(phase, 0.0) + max(0.0, (step.at - at).total_seconds()), 3)
        at, phase = step.at, step.target
    return spent


_NOT_AGAIN = {
    "audio_s": "{} of audio were not transcribed again",
    "export": "{} of video were not coded again",
    "bytes": "{} were not fetched again",
    "tokens": "{} were not spent again",
}


def saved_sentence(sums: Mapping[str, Work], seconds_saved: float | None) -> str:
    """What taking over what was there already saved, as people say it."""
    reused: dict[str, float] = {}
    units: dict[str, str] = {}
    for stage, work in sums.items():
        if work.reused:
            said = _NOT_AGAIN.get(stage) or _NOT_AGAIN.get(work.unit, "{} were not made again")
            reused[said], units[said] = reused.get(said, 0.0) + work.reused, work.unit
    if not reused:
        return "Nothing was there already, so nothing was saved by taking it over."
    parts = [said.format(amount(size, units[said])) for said, size in reused.items()]
    saved = "work of unknown length" if seconds_saved is None else f"about {roughly(seconds_saved)} of work"
    return f"Resuming saved {saved} ({', '.join(parts)})."


def amount(size: float, unit: str) -> str:
    """So much in the unit of a stage: 52 min, 12.5 MB, 1,200 tokens."""
    if unit == "audio_s":
        return roughly(size)
    return f"{size / 1e6:,.1f} MB" if unit == "bytes" else f"{size:,.0f} {unit}"


def roughly(seconds: float) -> str:
    """A duration no more exactly than it is worth: 41 s, 14 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
