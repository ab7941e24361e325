"""When the service takes a turn: for news, for what the engine tells and for what is due, not for what it wrote itself."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from core.domain.batch import PoolRecord
from core.manager.recovery import RecoveryReport
from core.manager.rescan import SLICE
from core.service.service import RUNG, Service, Wake
from core.system.clock import ManualClock

DUE_S = 20.0


class Part:
    """Stands for everything that a turn uses; `news` names the records that another process wrote."""

    def __init__(self) -> None:
        self.turns = 0
        self.news: set[str] = set()
        self.held: list[str] = []
        self.records: list[tuple[str, str]] = []
        self.runs: dict[str, Any] = {}
        self.draining = False

    def turn(self) -> float:
        self.turns += 1
        return DUE_S

    def refresh(self, kind: str, record_id: str) -> bool:
        return record_id in self.news

    def there(self) -> Iterator[tuple[str, str]]:
        return iter(self.records)

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any], PoolRecord]:
        return {}, {}, PoolRecord()

    def recover(self) -> RecoveryReport:
        return RecoveryReport()

    def nothing(self, *_: Any) -> None:
        return

    load = start = stop = warm = make_lost_again = look_again = close = nothing


class Rested:
    """Upkeep that has nothing to do."""

    def turn(self) -> float:
        return 3600.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
def service(part: Part, clock: ManualClock) -> Service:
    parts: dict[str, Any] = dict.fromkeys(("index", "dispatcher", "recovery", "engine", "watch"), part)
    service = Service(
        **parts, upkeep=Rested(), wake=Wake(), clock=clock, lanes={}, rescan_s=30.0, shutdown_s=1.0, on_ready=part.nothing
    )  # type: ignore[arg-type]  # fmt: skip
    service.begin()
    part.turns = 0
    return service


@pytest.mark.parametrize(
    ("changed", "turns"),
    [
        ([("run", "r_own")], 0),
        ([("run", "r_own"), ("run", "r_other")], 1),
        ([("run", "r_own"), RUNG], 1),
        ([("batch", "b_own")], 1),  # what was paused by the service itself has still to be signalled
        ([], 1),
    ],
)
def test_a_turn_is_taken_for_everything_but_the_runs_it_wrote(
    service: Service, part: Part, changed: Iterable[tuple[str, str]], turns: int
) -> None:
    part.news = {"r_other"}
    assert service.once(changed) == DUE_S
    assert part.turns == turns


def test_own_writes_put_off_nothing_that_is_due(service: Service, part: Part, clock: ManualClock) -> None:
    clock.advance(15.0)
    assert service.once([("run", "r_own")]) == DUE_S - 15.0
    clock.advance(5.0)
    service.once([("run", "r_own")])
    assert part.turns == 1


def test_in_the_middle_of_a_rescan_the_service_hears_what_happens_after_a_few_records(
    service: Service, part: Part, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    part.records = [("run", f"r_{number}") for number in range(2 * SLICE)]
    read: list[str] = []
    monkeypatch.setattr(part, "look", lambda kind, record_id: read.append(record_id), raising=False)
    clock.advance(30.0)
    assert service.once([]) == 0.0
    assert (len(read), part.turns) == (SLICE, 1)
    assert service.once([("pool", "pool")]) == 0.0
    assert (len(read), part.turns) == (2 * SLICE, 2), "a turn, and the signals in it, comes after each"
    assert service.once([]) == DUE_S
    assert len(read) == 2 * SLICE


def test_what_the_engine_rings_for_is_remembered_beside_the_records() -> None:
    wake = Wake()
    wake.ring()
    wake.changed("run", "r_1")
    assert wake.wait(0.0) == [RUNG, ("run", "r_1")]
    assert wake.wait(0.0) == []
