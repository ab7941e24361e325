"""Spans of time as sentences say them."""

import pytest

from core.domain.spans import span, wait


@pytest.mark.parametrize(("seconds", "said"), [(1.25, "1.25 s"), (45, "45 s"), (1200, "20 min"), (21600, "6 h")])
def test_spans_are_said_in_the_unit_a_person_would_use(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0, "1 s"), (0.4, "1 s"), (6.4, "6 s"), (89.0, "89 s"), (2520, "42 min")]
)
def test_a_wait_is_said_in_whole_seconds_until_it_is_over(seconds: float, said: str) -> None:
    assert wait(seconds) == said
