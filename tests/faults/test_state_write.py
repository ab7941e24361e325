"""Kill -9, and errors of the disk, at every call to the kernel of everything the store writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.durability import Disk
from tests.support.fault_cases import CASES, Case, copied, template
from tests.support.strace import Outcome, Victims, changes, points
from tests.support.victim import KEY, REFUSED, STAGE

pytestmark = pytest.mark.strace

MUST_REPORT = frozenset({"write", "fsync", "rename", "linkat", "openat", "ftruncate", "mkdir"})


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    with Victims(tmp_path_factory.mktemp("victims")) as victims:
        yield victims


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


class Bench:
    """One act on fresh copies of one storage."""

    def __init__(self, victims: Victims, case: Case, folder: Path, sabotage: str = "") -> None:
        self.victims = victims
        self.case = case
        self.sabotage = sabotage
        self.template = template(folder / "template", case.act)
        self.target = folder / "copy"

    def run(self, fault: str = "") -> Outcome:
        root = copied(self.template, self.target)
        return self.victims.run(self.case.act, root, fault=fault, sabotage=self.sabotage)

    def survived(self, outcome: Outcome) -> None:
        assert "crashed" not in outcome.said, outcome.said
        self.case.verify(self.target, outcome.acks)

    def kill_everywhere(self, *, all_calls: bool) -> int:
        """Kill before each call of the act; gives at how many."""
        undisturbed = self.run()
        assert undisturbed.status == 0, undisturbed.said
        self.survived(undisturbed)
        count = 0
        found = [point for point, _ in points(undisturbed.calls, self.target) if all_calls or changes(point)]
        for point in found[:: self.case.stride]:
            outcome = self.run(f"{point.call}:signal=SIGKILL:when={point.number}")
            assert outcome.killed, f"{point} was not reached again"
            self.survived(outcome)
            count += 1
        return count


def test_killed_at_any_call_nothing_acknowledged_is_lost_and_nothing_is_half(
    victims: Victims, case: Case, fast_folder: Path
) -> None:
    bench = Bench(victims, case, fast_folder)
    assert bench.kill_everywhere(all_calls=case.act == "update") > 10


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EMFILE"])
def test_an_error_of_any_call_is_reported_and_nothing_acknowledged_is_lost(
    victims: Victims, case: Case, fast_folder: Path, error: str
) -> None:
    bench = Bench(victims, case, fast_folder)
    undisturbed = bench.run()
    total = len(undisturbed.acks)
    found = points(undisturbed.calls, bench.target)
    fitting = [pair for pair in found if (pair[0].call == "openat" if error == "EMFILE" else changes(pair[0]))]
    for point, line in fitting[:: case.stride]:
        outcome = bench.run(f"{point.call}:error={error}:when={point.number}")
        assert outcome.status in (0, REFUSED), f"{point}: {outcome.said}"
        assert "stayed locked" not in outcome.said, f"{error} was taken for a held lock"
        if case.reports and point.call in MUST_REPORT and "O_EXCL" not in line and "= -1" not in line:
            assert outcome.status == REFUSED, f"{error} at {line} was not reported"
            assert len(outcome.acks) < total
        bench.survived(outcome)
    assert fitting


def test_nothing_is_published_or_acknowledged_before_it_is_durable(
    victims: Victims, case: Case, fast_folder: Path
) -> None:
    assert promised_too_early(victims, case, fast_folder) == []


def promised_too_early(victims: Victims, case: Case, folder: Path, sabotage: str = "") -> list[str]:
    bench = Bench(victims, case, folder, sabotage)
    there = [
        str(bench.target / path.relative_to(bench.template)) for path in bench.template.rglob("*") if path.is_file()
    ]
    work = bench.target / "work" / STAGE / KEY / "tmp.a1"
    made = [str(work / name) for name in ("text", "sub/more")] if case.act == "publish" else []
    outcome = bench.run()
    assert outcome.status == 0, outcome.said
    return Disk(str(bench.target), str(victims.acks), durable=there, dirty=made).replay(outcome.calls)


# --- the harness proves itself: each planted fault is found -------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "act", "found"),
    [
        ("publish before fsync", "update", "before its bytes were durable"),
        ("publish before fsync", "publish", "before its bytes were durable"),
        ("no folder fsync", "update", "before the name"),
        ("no folder fsync", "create", "before the name"),
        ("no folder fsync", "publish", "before the name"),
        ("forget units.jsonl", "units", "acknowledged before the bytes"),
        ("forget units.jsonl", "journal", "acknowledged before the bytes"),
    ],
)
def test_a_planted_missing_fsync_is_found(
    victims: Victims, fast_folder: Path, fault: str, act: str, found: str
) -> None:
    assert any(found in wrong for wrong in promised_too_early(victims, CASES[act], fast_folder, fault))


def test_a_planted_write_in_place_is_found(victims: Victims, fast_folder: Path) -> None:
    with pytest.raises(AssertionError):
        Bench(victims, CASES["update"], fast_folder, "write in place").kill_everywhere(all_calls=False)


def test_planted_errors_that_are_swallowed_are_found(victims: Victims, fast_folder: Path) -> None:
    bench = Bench(victims, CASES["update"], fast_folder, "ack after errors")
    assert bench.run("fsync:error=EIO:when=1").status == 0, "the test above would have failed"
