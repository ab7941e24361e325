"""Kill -9, and errors of the disk, at every call to the kernel of everything the store writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fault_cases import CASES, Case
from tests.support.strace import Victims
from tests.support.trial import Trial

pytestmark = pytest.mark.strace


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    with Victims(tmp_path_factory.mktemp("victims")) as victims:
        yield victims


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def test_killed_at_any_call_nothing_acknowledged_is_lost_and_nothing_is_half(
    victims: Victims, case: Case, fast_folder: Path
) -> None:
    trial = Trial(victims, case, fast_folder)
    assert trial.kill_everywhere(all_calls=case.act == "update", stride=case.stride) > 10


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EMFILE"])
def test_an_error_of_any_call_is_reported_and_nothing_acknowledged_is_lost(
    victims: Victims, case: Case, fast_folder: Path, error: str
) -> None:
    trial = Trial(victims, case, fast_folder)
    assert trial.fail_everywhere(error, stride=case.stride) > 0


def test_nothing_is_published_or_acknowledged_before_it_is_durable(
    victims: Victims, case: Case, fast_folder: Path
) -> None:
    assert Trial(victims, case, fast_folder).promised_too_early() == []


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
    assert any(found in wrong for wrong in Trial(victims, CASES[act], fast_folder, fault).promised_too_early())


def test_a_planted_write_in_place_is_found(victims: Victims, fast_folder: Path) -> None:
    with pytest.raises(AssertionError):
        Trial(victims, CASES["update"], fast_folder, "write in place").kill_everywhere(all_calls=False)


def test_planted_errors_that_are_swallowed_are_found(victims: Victims, fast_folder: Path) -> None:
    trial = Trial(victims, CASES["update"], fast_folder, "ack after errors")
    with pytest.raises(AssertionError, match="was not reported"):
        trial.fail_everywhere("EIO")
