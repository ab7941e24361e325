"""When something stops being good, as a person says it."""

import re
from datetime import UTC, datetime, timedelta

from core.domain.errors import BadInput

_SPAN = re.compile(r"([0-9]{1,5})\s*([mhdw])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NEVER = "never"


def parse_expiry(text: str, now: datetime) -> datetime | None:
    """The moment that `text` means: a span from now on (`90m`, `12h`, `30d`, `8w`), a day (its end, in UTC) or a time.

    None for `never`. Raises `BadInput` for what is none of these, or over already.
    """
    said = text.strip().lower()
    if said == NEVER:
        return None
    span = _SPAN.match(said)
    try:
        if span is not None:
            until = now + timedelta(**{_UNITS[span[2]]: int(span[1])})
        elif re.fullmatch(r"\d{4}-\d{2}-\d{2}", said):
            until = datetime.fromisoformat(said).replace(tzinfo=UTC) + timedelta(days=1)
        else:
            until = datetime.fromisoformat(text.strip())
            until = until.replace(tzinfo=UTC) if until.tzinfo is None else until.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"“{text[:40]}” is no time.", hint="Examples: 30d, 12h, 2027-01-31, never.") from None
    if until <= now:
        raise BadInput(f"“{text[:40]}” is over already.", hint="Give a time that is to come, or never.")
    return until
