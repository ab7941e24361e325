from datetime import UTC, datetime, timedelta, timezone

from core.system.clock import ManualClock, SystemClock, rfc3339


def test_the_system_clock_tells_aware_utc_and_monotonic_time() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.now().utcoffset() == timedelta(0)
    clock.sleep(0)
    clock.sleep(-1)
    assert clock.monotonic() >= before


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock()
    start = clock.now()
    assert clock.now() == start
    clock.advance(1.5)
    clock.sleep(2)
    assert clock.now() - start == timedelta(seconds=3.5)
    assert clock.monotonic() == 3.5


def test_setting_a_manual_clock_back_leaves_monotonic_time_alone() -> None:
    clock = ManualClock()
    clock.advance(10)
    clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    assert clock.now().year == 1970
    assert clock.monotonic() == 10


def test_times_are_written_in_utc_with_milliseconds() -> None:
    moment = datetime(2026, 1, 31, 23, 59, 59, 123456, tzinfo=timezone(timedelta(hours=1)))
    assert rfc3339(moment) == "2026-01-31T22:59:59.123Z"
    assert rfc3339(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
