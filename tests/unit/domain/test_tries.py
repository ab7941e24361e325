"""How attempts are told: what was the run's own failure, and what only had to wait for something outside."""

from datetime import UTC, datetime

import pytest

from core.domain.errors import ErrorClass
from core.domain.run import Attempt, Failure
from core.domain.states import AttemptOutcome, FailureKind
from core.domain.tries import ended, is_put_off, is_trouble, summary

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def attempt(outcome: AttemptOutcome | None, error: ErrorClass | None = None) -> Attempt:
    failure = Failure(kind=FailureKind.ERROR, error_class=error, message="So it was.") if error else None
    return Attempt(id="a_1", stage="download", epoch=1, started_at=AT, outcome=outcome, failure=failure)


@pytest.mark.parametrize("outcome", AttemptOutcome)
def test_every_way_to_end_has_words(outcome: AttemptOutcome) -> None:
    assert ended(attempt(outcome))
    assert summary([attempt(outcome)]).startswith("1 attempt")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ErrorClass.RATE_LIMITED, "asked to wait"),
        (ErrorClass.DISK_FULL, "stopped by the full disk"),
        (ErrorClass.NOT_YET, "not broadcast yet"),
        (ErrorClass.NETWORK, "met by trouble outside"),
    ],
)
def test_what_uses_up_no_try_is_told_as_what_it_is(error: ErrorClass, said: str) -> None:
    put_off = attempt(AttemptOutcome.WAITED, error)
    assert ended(put_off) == said
    assert is_put_off(put_off)
    assert is_trouble(put_off)


def test_waiting_for_another_run_is_no_trouble() -> None:
    waited = attempt(AttemptOutcome.WAITED)
    assert ended(waited) == "waited for another run"
    assert not is_trouble(waited)


def test_attempts_are_counted_by_how_they_ended() -> None:
    attempts = [
        attempt(AttemptOutcome.WAITED, ErrorClass.RATE_LIMITED),
        attempt(AttemptOutcome.ERROR, ErrorClass.SERVER),
        attempt(AttemptOutcome.ERROR, ErrorClass.SERVER),
        attempt(AttemptOutcome.INTERRUPTED),
        attempt(None),
    ]
    assert summary(attempts) == "5 attempts: 2 errors, 1 interrupted, 1 asked to wait"
    assert summary([]) == "0 attempts"
    assert [ended(one) for one in attempts[-2:]] == ["interrupted", "at work"]
