"""A disk that runs full holds everything, and lets it go on with a gap between the two."""

import pytest

from core.manager.disk import DiskHold, is_low
from core.system.clock import ManualClock


def test_it_goes_on_only_once_there_is_a_tenth_more_than_the_reserve() -> None:
    free = [1000, 499, 500, 549, 550, 500, 499]
    hold = DiskHold(lambda: free.pop(0), 500, ManualClock())
    seen = []
    while free:
        hold.look()
        seen.append(hold.low())
    assert seen == [False, True, True, True, False, False, True]


def test_the_pause_says_what_is_left_and_what_is_kept() -> None:
    hold = DiskHold(lambda: 120_000_000, 500_000_000, ManualClock())
    hold.look()
    assert hold.pause is not None
    assert (hold.pause.reason, hold.pause.by, hold.pause.drain) == ("disk", "service", False)
    assert "120 MB" in hold.pause.why
    assert "500 MB" in hold.pause.why


def test_a_disk_that_cannot_be_asked_changes_nothing() -> None:
    def broken() -> int:
        raise OSError("no answer")

    hold = DiskHold(broken, 500, ManualClock())
    with pytest.raises(OSError, match="no answer"):
        hold.look()
    assert not hold.low()


def test_without_a_reserve_nothing_is_ever_held() -> None:
    assert not is_low(0, 0, held=False)
