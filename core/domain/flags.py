"""The flags a run is shown with: stalled, slow, resumed, adopted."""

from core.domain.pace import is_slow, is_stalled
from core.domain.run import RunRecord


def flags(run: RunRecord) -> tuple[str, ...]:
    """The flags of `run` among stalled, slow, resumed and adopted, in that order.

    Stalled and slow are what the service found about the attempt being worked on; nothing that rests is either.
    """
    there = {"stalled": is_stalled(run), "slow": is_slow(run), "resumed": run.resumed, "adopted": run.adopted}
    return tuple(flag for flag, is_there in there.items() if is_there)
