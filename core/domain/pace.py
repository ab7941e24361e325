"""Whether an attempt comes on as it should: stalled, slow, or well; judged by what became new, never by its age. Pure.

All times are seconds of activity on a clock that stands still with the work.
"""

import statistics
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec
from msgspec.structs import replace

from core.domain.run import RunRecord, Verdict
from core.domain.spans import span
from core.domain.states import AttemptOutcome, Phase, Want

STALL_UNITS = 5.0
SLOW_SHARE = 0.25
SLOW_S = 120.0
REMEMBERED = 50
MIN_ACTIVE_S = 0.5  # what took no time at all tells nothing about how long such work takes

Kind = tuple[str, str]


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What finished attempts of one kind teach: seconds for one unit, and work done in one second; None if unknown."""

    unit_s: float | None = None
    rate: float | None = None


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How an attempt comes on: seconds without anything new, seconds for one of its own units, and work a second.

    `rate` is that of the last two minutes; None while it is too early to say, or the work cannot be counted yet.
    """

    quiet_s: float
    unit_s: float | None = None
    rate: float | None = None


def kind_of(run: RunRecord, stage: str) -> Kind:
    """Work that takes about as long: of one stage, and of transcribing with one model."""
    model = run.settings.model if run.settings is not None and stage == "transcribe" else ""
    return stage, model


def baselines(runs: Iterable[RunRecord]) -> dict[Kind, Baseline]:
    """What the latest attempts teach about each kind of work."""
    units: dict[Kind, list[tuple[datetime, float]]] = {}
    rates: dict[Kind, list[tuple[datetime, float]]] = {}
    for run in runs:
        for attempt in run.attempts:
            if attempt.ended_at is None or attempt.active_s is None or attempt.active_s < MIN_ACTIVE_S:
                continue
            kind = kind_of(run, attempt.stage)
            if attempt.units_done > 0:
                units.setdefault(kind, []).append((attempt.ended_at, attempt.active_s / attempt.units_done))
            stage = run.stages.get(attempt.stage)
            done = stage.work.done if stage is not None and stage.work is not None else 0.0
            alone = sum(one.stage == attempt.stage for one in run.attempts) == 1
            if attempt.outcome == AttemptOutcome.COMMITTED and alone and done > 0 and not (stage and stage.reused):
                rates.setdefault(kind, []).append((attempt.ended_at, done / attempt.active_s))
    return {
        kind: Baseline(unit_s=_usual(units.get(kind, [])), rate=_usual(rates.get(kind, [])))
        for kind in {*units, *rates}
    }


def _usual(samples: list[tuple[datetime, float]]) -> float | None:
    latest = sorted(samples)[-REMEMBERED:]
    return statistics.median(value for _, value in latest) if latest else None


def stall_limit_s(pace: Pace, baseline: Baseline, stall_s: float) -> float:
    """How long nothing new may come: `stall_s`, or five of the units that this stage and this attempt take longest for."""
    return max(stall_s, STALL_UNITS * max(baseline.unit_s or 0.0, pace.unit_s or 0.0))


def judge(pace: Pace, baseline: Baseline, stall_s: float) -> Literal["stalled", "slow"] | None:
    """The verdict on an attempt; None when it comes on as it should."""
    if pace.quiet_s > stall_limit_s(pace, baseline, stall_s):
        return "stalled"
    if pace.rate is not None and baseline.rate is not None and pace.rate < SLOW_SHARE * baseline.rate:
        return "slow"
    return None


def message(verdict: Literal["stalled", "slow"], stage: str, pace: Pace, baseline: Baseline) -> str:
    """The verdict as a sentence."""
    if verdict == "stalled":
        usual_s = max(baseline.unit_s or 0.0, pace.unit_s or 0.0)
        usual = f"; a unit usually takes {span(usual_s)}" if usual_s else ""
        return f"{stage.capitalize()} has made nothing new for {span(round(pace.quiet_s))}{usual}."
    share = (pace.rate or 0.0) / baseline.rate if baseline.rate else 0.0
    return f"{stage.capitalize()} has come on at {share:.0%} of its usual speed for {span(SLOW_S)}."


def with_verdict(run: RunRecord, verdict: Verdict) -> RunRecord:
    """`run` with a verdict on its open attempt; unchanged when another is open, or it is not being worked on."""
    attempt = run.open_attempt
    if attempt is None or attempt.id != verdict.attempt or run.phase != Phase.RUNNING:
        return run
    return replace(run, verdict=verdict)


def cleared(run: RunRecord) -> RunRecord:
    """`run` without a verdict."""
    return run if run.verdict is None else replace(run, verdict=None)


def is_stalled(run: RunRecord) -> bool:
    """Whether the open attempt of `run` is stalled, as far as the service has found."""
    return _holds(run, "stalled")


def is_slow(run: RunRecord) -> bool:
    """Whether the open attempt of `run` is slow, as far as the service has found."""
    return _holds(run, "slow")


def _holds(run: RunRecord, kind: str) -> bool:
    attempt, verdict = run.open_attempt, run.verdict
    if attempt is None or verdict is None or run.phase != Phase.RUNNING:
        return False
    pausing = run.intent.want != Want.RUN and not run.intent.drain
    return not pausing and verdict.attempt == attempt.id and verdict.kind == kind
