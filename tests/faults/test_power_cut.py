"""The power is cut in the middle of everything; what was acknowledged is there when it comes back."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.errors import RepriseError
from tests.support.fault_cases import after_endless, template
from tests.support.power_rounds import rounds
from tests.support.strace import Victims

pytestmark = pytest.mark.root

ROUNDS = 15


@pytest.fixture
def victims(tmp_path: Path) -> Iterator[Victims]:
    with Victims(tmp_path) as victims:
        yield victims


def test_no_power_cut_loses_anything_acknowledged_or_leaves_half_of_anything(victims: Victims, tmp_path: Path) -> None:
    acknowledged = 0
    for root, acks in rounds(victims, tmp_path, random.Random(20260601), ROUNDS):
        after_endless(root, acks)
        acknowledged += len(acks)
    assert acknowledged > ROUNDS * 3, "the victims were cut off before they had done anything"


@pytest.mark.parametrize("fault", ["publish before fsync", "no folder fsync", "forget units.jsonl"])
def test_a_planted_missing_fsync_loses_something_acknowledged(victims: Victims, tmp_path: Path, fault: str) -> None:
    losses = []
    for root, acks in rounds(victims, tmp_path, random.Random(7), 2 * ROUNDS, fault):
        try:
            after_endless(root, acks)
        except (AssertionError, RepriseError) as error:
            losses.append(str(error))
            break
    assert losses, f"“{fault}” was not noticed in {2 * ROUNDS} rounds"
    assert "mount" not in losses[0]


def test_a_storage_before_the_cut_is_in_order(tmp_path: Path) -> None:
    after_endless(template(tmp_path, "endless"), [])
