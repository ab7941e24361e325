"""The trials of `test_process_kills` find faults that are planted into the product's own processes."""

from pathlib import Path

import pytest

from tests.support.transcription_kills import Killed, Reference, first_cores, several_cores

pytestmark = pytest.mark.speech


def trial(folder: Path, reference: Reference, fault: str, victim: str = "everything", cores: int = 0) -> None:
    """A kill in the third window, when at least one is whole; resumed on one core when some were asked for."""
    with Killed(folder, reference, fault=fault, cpus=first_cores(cores) if cores else None) as run:
        run.serve()
        run.until_decoding(3)
        run.kill(victim)
        run.finish(first_cores(1) if cores else None)
        run.judge()


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("forget units.jsonl", "not one a window"),
        ("believe no units", "s were in flight"),
        ("write units twice", "not one a window"),
        ("round scores by the process", "other bytes than undisturbed"),
    ],
)
def test_a_planted_fault_turns_the_trial_red(tmp_path: Path, reference: Reference, fault: str, found: str) -> None:
    with pytest.raises(AssertionError, match=found):
        trial(tmp_path, reference, fault)


def test_workers_that_outlive_their_service_are_found(tmp_path: Path, reference: Reference) -> None:
    with pytest.raises(AssertionError, match="did not become so within 2"):
        trial(tmp_path, reference, "outlive the service", victim="service")


@pytest.mark.skipif(not several_cores(), reason="needs two cores")
def test_a_plan_that_depends_on_the_number_of_cores_is_found(tmp_path: Path, reference: Reference) -> None:
    with pytest.raises(AssertionError, match=r"not one a window|other bytes"):
        trial(tmp_path, reference, "plan by cores", cores=2)


def test_without_a_planted_fault_the_trial_is_green(tmp_path: Path, reference: Reference) -> None:
    trial(tmp_path, reference, "")
