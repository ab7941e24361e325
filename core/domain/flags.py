"""The flags a run is shown with: stalled, slow, resumed, adopted."""

from core.domain.run import RunRecord
from core.domain.states import Phase, Want

STALL_UNITS = 5.0
SLOW_SHARE = 0.25
SLOW_S = 120.0


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
