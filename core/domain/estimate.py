"""How long it will still take, from what was measured: seconds of work per second of media, per stage."""

from collections.abc import Iterable, Mapping

import msgspec

from core.domain.report import committing, worked_s
from core.domain.run import RunRecord, StageState
from core.domain.states import TERMINAL, Phase, StageStatus

REMEMBERED_RUNS = 50
LOW_SHARE, HIGH_SHARE = 0.2, 0.8
# One measurement says little about the spread: half to twice is claimed then.
LONE_FACTOR = 2.0
# What an attempt that took over the rest made is too little to judge the whole by.
LEAST_SHARE = 0.2
# An attempt's own speed counts once it came so far in so long; it is believed within a third.
OWN_SHARE, OWN_S = 0.02, 5.0
OWN_LOW, OWN_HIGH = 0.75, 1.33


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, in seconds: probably between `low_s` and `high_s`."""

    low_s: float
    high_s: float


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The span in which most measurements of something lay."""

    low: float
    high: float


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What finished runs teach: seconds of work per second of media for each stage, and how long the media were."""

    stages: dict[str, Spread] = msgspec.field(default_factory=dict)
    media_s: Spread | None = None


def measured_rates(runs: Iterable[RunRecord]) -> Rates:
    """The rates of the latest finished `runs`, by the time that the attempts really worked.

    A stage that was taken over teaches nothing; of one that was interrupted the last attempt counts for what it made.
    """
    finished = [run for run in runs if run.phase == Phase.COMPLETED and run.duration_s]
    finished.sort(key=lambda run: run.completed_at or run.updated_at)
    samples: dict[str, list[float]] = {}
    lengths: list[float] = []
    for run in finished[-REMEMBERED_RUNS:]:
        media_s = run.duration_s or 0.0
        lengths.append(media_s)
        for name, stage in run.stages.items():
            attempt = committing(run, name)
            took_s, share = worked_s(attempt) if attempt is not None else None, _made_share(run, name, stage)
            if took_s is not None and share >= LEAST_SHARE:
                samples.setdefault(name, []).append(took_s / (media_s * share))
    stages = {name: _spread(values) for name, values in samples.items()}
    return Rates(stages=stages, media_s=_spread(lengths) if lengths else None)


def _made_share(run: RunRecord, name: str, stage: StageState) -> float:
    """How much of the stage the attempt that committed it made itself, from 0 to 1."""
    if stage.reused:
        return 0.0
    work = stage.work
    if work is None or not work.done + work.reused:  # not known, so only one that was alone is believed
        return float(sum(attempt.stage == name for attempt in run.attempts) == 1)
    return work.done / (work.done + work.reused)


def own_left(share: float, began_share: float, worked: float) -> Spread | None:
    """The seconds an attempt still needs by its own speed; None while that is not known well enough.

    It came from `began_share` to `share` of its stage in `worked` seconds, without those in which it stood still.
    """
    gained = share - began_share
    if gained < OWN_SHARE or worked < OWN_S:
        return None
    left_s = max(0.0, 1.0 - share) * worked / gained
    return Spread(low=left_s * OWN_LOW, high=left_s * OWN_HIGH)


def _spread(values: list[float]) -> Spread:
    ordered = sorted(values)
    if len(ordered) == 1:
        return Spread(low=ordered[0] / LONE_FACTOR, high=ordered[0] * LONE_FACTOR)
    last = len(ordered) - 1
    return Spread(low=ordered[int(LOW_SHARE * last)], high=ordered[-1 - int((1.0 - HIGH_SHARE) * last)])


def estimate_run(run: RunRecord, rates: Rates, progress: float = 0.0, own: Spread | None = None) -> Estimate | None:
    """What is left of `run` once it works without waiting; `progress` (0..1) is how much of its next stage is done.

    `own` is what the attempt at that stage needs by its own speed, where that is known. None when a stage it still needs was never measured, or nothing is known about the length of its media.
    """
    if run.phase in TERMINAL:
        return Estimate(low_s=0.0, high_s=0.0)
    left = _left(run, rates, progress, own)
    if left is None:
        return None
    return Estimate(low_s=sum(part.low for part in left.values()), high_s=sum(part.high for part in left.values()))


def _left(run: RunRecord, rates: Rates, progress: float, own: Spread | None) -> dict[str, Spread] | None:
    """The seconds of work left in each stage."""
    media = Spread(low=run.duration_s, high=run.duration_s) if run.duration_s else rates.media_s
    left: dict[str, Spread] = {}
    for name, stage in run.stages.items():
        if stage.status in (StageStatus.COMMITTED, StageStatus.NOT_NEEDED):
            continue
        if own is not None and name == run.next_stage:
            left[name] = own
            continue
        rate = rates.stages.get(name)
        if rate is None or media is None:
            return None
        share = 1.0 - min(max(progress, 0.0), 1.0) if name == run.next_stage else 1.0
        left[name] = Spread(low=rate.low * media.low * share, high=rate.high * media.high * share)
    return left


def estimate_runs(
    runs: Iterable[RunRecord],
    rates: Rates,
    *,
    lane_of: Mapping[str, str],
    lanes: Mapping[str, int],
    concurrency: int | None = None,
    progress: Mapping[str, float] | None = None,
    own: Mapping[str, Spread] | None = None,
) -> Estimate | None:
    """What is left of several runs (a batch, or all of the pool) that share the lanes.

    `lanes` is how many workers each lane has, `concurrency` how many of the runs may go at once, `progress` how far the
    next stage of each run is (0..1), `own` what the attempt at it needs by its own speed. At best the busiest lane is never idle and nothing is shorter than its longest
    run; at worst the first and the last run also overlap with nothing. None when it is unknown for any run.
    """
    per_lane: dict[str, tuple[float, float]] = {}
    longest = total = Estimate(low_s=0.0, high_s=0.0)
    for run in runs:
        if run.phase in TERMINAL:
            continue
        left = _left(run, rates, (progress or {}).get(run.run_id, 0.0), (own or {}).get(run.run_id))
        if left is None:
            return None
        for stage, part in left.items():
            lane = lane_of.get(stage, stage)
            low_s, high_s = per_lane.get(lane, (0.0, 0.0))
            per_lane[lane] = (low_s + part.low, high_s + part.high)
        low_s, high_s = sum(part.low for part in left.values()), sum(part.high for part in left.values())
        longest = Estimate(low_s=max(longest.low_s, low_s), high_s=max(longest.high_s, high_s))
        total = Estimate(low_s=total.low_s + low_s, high_s=total.high_s + high_s)
    busiest_low_s = max((low_s / max(lanes.get(lane, 1), 1) for lane, (low_s, _) in per_lane.items()), default=0.0)
    busiest_high_s = max((high_s / max(lanes.get(lane, 1), 1) for lane, (_, high_s) in per_lane.items()), default=0.0)
    at_once = max(concurrency or sum(lanes.values()) or 1, 1)
    low_s = max(busiest_low_s, longest.low_s, total.low_s / at_once)
    high_s = min(max(busiest_high_s, total.high_s / at_once) + longest.high_s, total.high_s)
    return Estimate(low_s=low_s, high_s=max(high_s, low_s))
