"""How long to wait, and when to give up."""

import pytest

from core.client.patience import Patience, asked_to_wait_s

DATE = "Sun, 22 Nov 2026 15:00:00 GMT"


def test_each_wait_is_about_twice_as_long_up_to_the_longest() -> None:
    patience = Patience(tries=9, first_s=1, longest_s=4)
    for tried, most_s in enumerate([1, 2, 4, 4, 4, 4, 4, 4], start=1):
        wait_s = patience.wait_s(tried)
        assert wait_s is not None
        assert most_s / 2 <= wait_s <= most_s
    assert patience.wait_s(9) is None


def test_what_the_server_asks_for_is_kept_if_it_is_not_too_long() -> None:
    assert Patience(longest_s=10).wait_s(1, 7) == 7
    assert Patience(longest_s=10).wait_s(1, 11) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("12", 12.0),
        ("Sun, 22 Nov 2026 15:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 14:00:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("²", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_time_by_the_servers_own_clock(header: str | None, seconds: float | None) -> None:
    assert asked_to_wait_s(header, DATE) == seconds
