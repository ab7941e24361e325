"""Workers that outlive their service: stopped, taken over from, and woken. Each piece of work is published exactly once.

Two hundred rounds of it: `python -m bench.zombies`.
"""

from pathlib import Path
from random import Random

import pytest

from tests.support.zombies import a_round


@pytest.mark.parametrize(
    ("moment", "wake", "late"),
    [("1", "before", {"published"}), ("publish", "before", {"published"}), ("start", "after", {"Stale"})],
)
def test_a_worker_that_holds_its_locks_keeps_its_run_and_one_that_holds_none_has_lost_it(
    fast_folder: Path, moment: str, wake: str, late: set[str]
) -> None:
    ended = a_round(fast_folder, moment, "kept", wake, Random(1))
    assert ended.is_right(), ended
    assert ended.late in late


@pytest.mark.parametrize(("moment", "wake"), [("1", "before"), ("2", "after"), ("publish", "beside")])
def test_a_worker_whose_locks_were_taken_away_overwrites_nothing(fast_folder: Path, moment: str, wake: str) -> None:
    ended = a_round(fast_folder, moment, "lost", wake, Random(1))
    assert ended.is_right(), ended


def test_what_was_published_before_the_stop_is_taken_over_and_not_made_again(fast_folder: Path) -> None:
    ended = a_round(fast_folder, "report", "kept", "after", Random(1))
    assert ended.is_right(), ended
    assert (ended.late, ended.attempts) == ("published", ["committed", "interrupted", "committed"])
