"""Tiers: the table, what a configuration makes of it, and what is said when it is enough."""

from datetime import UTC, datetime, timedelta

import pytest

from core.domain.errors import BadInput, NotAllowed, TooMany
from core.domain.tiers import (
    MONTH,
    TIERS,
    Begun,
    Tier,
    check_at_once,
    check_hourly,
    check_minutes,
    check_priority,
    check_videos,
    parse_tiers,
    tier_of,
    used_minutes,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
FREE = TIERS["free"]


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


@pytest.mark.parametrize(
    ("name", "videos", "hourly", "at_once"), [("free", 3, 5, 1), ("creator", 20, 20, 3), ("pro", 50, 20, 5)]
)
def test_the_table_is_that_of_the_product(name: str, videos: int, hourly: int, at_once: int) -> None:
    tier = TIERS[name]
    assert (tier.videos, tier.hourly, tier.at_once) == (videos, hourly, at_once)


def test_priorities_and_minutes_rise_with_the_tier() -> None:
    tiers = [TIERS[name] for name in ("free", "creator", "pro")]
    assert [tier.priority for tier in tiers] == sorted({tier.priority for tier in tiers})
    assert [tier.minutes for tier in tiers] == sorted({tier.minutes for tier in tiers})


def test_a_configuration_changes_tiers_and_adds_some() -> None:
    tiers = parse_tiers("free minutes=120 videos=5;  ; team videos=30 hourly=100 priority=9")
    assert (tiers["free"].minutes, tiers["free"].videos, tiers["free"].hourly) == (120, 5, 5)
    assert tiers["team"] == Tier(name="team", videos=30, hourly=100, priority=9)
    assert tiers["pro"] == TIERS["pro"]
    assert parse_tiers("") == TIERS


@pytest.mark.parametrize(
    "text",
    [
        "free videos=51",
        "free videos=0",
        "free videos=-1",
        "free videos=٣",
        "free videos=3.0",
        "free videos",
        "free at_once=6",
        "free priority=11",
        "free minutes=99999999999",
        "free speed=3",
        "Free videos=3",
        "a/b videos=3",
    ],
)
def test_a_tier_that_cannot_be_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadInput):
        parse_tiers(text)


def test_no_tier_is_no_limit_and_one_that_is_gone_is_none() -> None:
    assert tier_of(TIERS, "") is None
    assert tier_of(TIERS, "pro") == TIERS["pro"]
    with pytest.raises(NotAllowed, match="no tier “gold”"):
        tier_of(TIERS, "gold")


def test_what_is_granted_is_granted_to_the_last_and_not_one_more() -> None:
    check_videos(FREE, 3)
    check_at_once(FREE, 1)
    check_priority(FREE, 3)
    for check, more in ((check_videos, 4), (check_at_once, 2), (check_priority, 4)):
        with pytest.raises(NotAllowed, match="free tier"):
            check(FREE, more)


def test_batches_are_counted_over_the_last_hour() -> None:
    made = [ago(minutes=50), ago(minutes=40), ago(minutes=30), ago(minutes=20)]
    check_hourly(FREE, [*made, ago(minutes=61), ago(minutes=60)], NOW)
    with pytest.raises(TooMany, match="5 batches in an hour") as error:
        check_hourly(FREE, [*made, ago(minutes=10)], NOW)
    assert error.value.retry_after_s == 10 * 60
    with pytest.raises(TooMany) as error:
        check_hourly(FREE, [*made, ago(minutes=10), ago(minutes=5)], NOW)
    assert error.value.retry_after_s == 20 * 60, "the second of them has to be an hour old"


def test_minutes_come_back_after_thirty_days() -> None:
    begun = [
        Begun(at=ago(days=29), seconds=1800),
        Begun(at=ago(days=1), seconds=1800),
        Begun(at=ago(days=31), seconds=1),
    ]
    assert used_minutes(begun, NOW) == 60
    with pytest.raises(TooMany, match="60 of 60 minutes of the free tier are used up") as error:
        check_minutes(FREE, begun, 0.0, NOW)
    assert error.value.retry_after_s == timedelta(days=1).total_seconds()
    check_minutes(FREE, begun[1:], 0.0, NOW)
    check_minutes(FREE, begun[1:], 1800.0, NOW)
    with pytest.raises(TooMany, match="and this takes 31 more"):
        check_minutes(FREE, begun[1:], 1860.0, NOW)


def test_what_never_fits_says_when_everything_is_back() -> None:
    with pytest.raises(TooMany) as error:
        check_minutes(FREE, [], 3601.0, NOW)
    assert error.value.retry_after_s == MONTH.total_seconds()


def test_a_tier_without_minutes_counts_none() -> None:
    check_minutes(Tier(name="team", minutes=0), [Begun(at=NOW, seconds=1e9)], 1e9, NOW)
