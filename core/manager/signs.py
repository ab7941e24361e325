"""The signs of life of an attempt: what it tells of its progress, and how many units it has made durable."""

from collections.abc import Callable

import msgspec

from core.domain.run import RunRecord
from core.store.layout import Layout
from core.store.progress import read_progress


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """How far an attempt is: two that are equal mean that nothing became new between them.

    `told` is what it last said, without the time at which it said it; `unit_bytes` is the size of its log of units;
    `done` counts work in the unit of its stage, and is None while that cannot be counted yet.
    """

    told: str = ""
    unit_bytes: int = 0
    done: float | None = None


Signs = Callable[[RunRecord], Sign]


def signs_in(layout: Layout) -> Signs:
    """Reads signs of life from the files that attempts write in a storage."""

    def look(run: RunRecord) -> Sign:
        attempt = run.open_attempt
        told = read_progress(layout, run.run_id) or {}
        if attempt is None or told.get("attempt") != attempt.id:
            return Sign()
        said = {name: told.get(name) for name in ("stage", "key", "done", "total", "note")}
        done = told.get("done") if told.get("total") is not None else None
        units = layout.work(str(told.get("stage")), str(told.get("key"))) / "units.jsonl"
        try:
            unit_bytes = units.stat().st_size
        except OSError:  # a stage without units
            unit_bytes = 0
        return Sign(told=str(said), unit_bytes=unit_bytes, done=float(done) if isinstance(done, int | float) else None)

    return look
