"""When a token stops being good, as somebody typed it."""

from datetime import UTC, datetime

import pytest

from core.domain.errors import BadInput
from core.domain.expiry import parse_expiry

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("never", None),
        ("90m", datetime(2026, 6, 1, 13, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 6, 2, tzinfo=UTC)),
        (" 30D ", datetime(2026, 7, 1, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 6, 15, 12, tzinfo=UTC)),
        ("2026-06-01", datetime(2026, 6, 2, tzinfo=UTC)),
        ("2026-06-01T13:00", datetime(2026, 6, 1, 13, tzinfo=UTC)),
        ("2026-06-01T13:00:00+02:00", None),
        ("2026-06-01T15:00:00+02:00", datetime(2026, 6, 1, 13, tzinfo=UTC)),
    ],
)
def test_a_span_a_day_or_a_time(said: str, until: datetime | None) -> None:
    if until is None and said != "never":
        with pytest.raises(BadInput, match="over already"):
            parse_expiry(said, NOW)
    else:
        assert parse_expiry(said, NOW) == until


@pytest.mark.parametrize(
    "said", ["", "soon", "-1d", "0d", "1y", "99999w9", "2026-13-01", "1e9d", "\0", "٣d", "9" * 400]
)
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(BadInput):
        parse_expiry(said, NOW)
