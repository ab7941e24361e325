"""What the phases of its runs mean for a batch, told from the records as they are at that moment."""

from pathlib import Path

from core.domain.errors import ErrorClass
from core.domain.timeouts import Limits
from core.manager.batch_time import BatchTime
from core.manager.flights import Flights
from core.manager.settling import Settling
from core.runner.outcome import Failed
from tests.support.dispatching import ANA, House

GONE = Failed(error_class=ErrorClass.REMOVED, message="The video is gone.", hint="")


def settling(house: House, failures: int) -> Settling:
    parts = {"index": house.index, "writer": house.writer, "clock": house.stamps}
    time = BatchTime(flights=Flights(house.clock), limits=Limits(stage_s=1e6, run_s=1e6, batch_s=1e6), **parts)  # type: ignore[arg-type]
    return Settling(batch_time=time, failures=failures, **parts)  # type: ignore[arg-type]


def test_a_failed_run_that_is_to_be_retried_is_no_part_of_a_row(tmp_path: Path) -> None:
    house = House(tmp_path, network=1, cpu=1)
    runs = house.add(6)
    house.turn()
    house.end(runs[0], GONE)
    house.finish(runs[1])
    for run in runs[2:4]:
        house.end(run, GONE)
    house.end(runs[4], GONE)
    batch_id = house.run(runs[0]).batch_id
    due = settling(house, 3).due([batch_id], lambda _: house.index.runs_of(batch_id))
    assert [one for one, _ in due] == [batch_id], "three in a row"
    house.commands.run(runs[4], "retry", by=ANA)
    due = settling(house, 3).due([batch_id], lambda _: house.index.runs_of(batch_id))
    assert list(due) == [], "three failed, and two of them one after another: the last is as good as queued"
