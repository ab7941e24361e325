"""How loud a recording is where, and what stands out."""

import pytest

from core.domain.levels import NOTHING, Levels, byte_of
from core.domain.loudness import SILENT_DB, Loudness, standing_out


def loudness_of(*bytes_: int) -> Loudness:
    return Loudness(Levels(peaks=bytes(bytes_), loudness=bytes(bytes_)))


def test_the_level_of_a_stretch_is_that_of_its_power() -> None:
    loudness = loudness_of(*[byte_of(-20.0)] * 50, *[NOTHING] * 50)
    assert loudness.between(0.0, 1.0) == -20.0
    assert loudness.between(0.0, 2.0) == pytest.approx(-23.01)
    assert loudness.between(1.0, 2.0) == SILENT_DB
    assert loudness.duration_s == pytest.approx(2.0)


def test_a_last_step_that_is_not_whole_counts_for_what_there_is() -> None:
    assert loudness_of(*[byte_of(-20.0)] * 7).between(0.0, 1.0) == -20.0


@pytest.mark.parametrize(("start", "end"), [(5.0, 6.0), (-3.0, -1.0), (2.0, 1.0), (1.0, 1.0)])
def test_a_stretch_outside_the_recording_or_without_length_is_silent(start: float, end: float) -> None:
    assert loudness_of(*[byte_of(-20.0)] * 50).between(start, end) == SILENT_DB
    assert loudness_of().between(start, end) == SILENT_DB


def test_what_is_louder_than_its_neighbours_stands_out_and_an_even_recording_does_not() -> None:
    assert standing_out([-20.0] * 50, least=1.5) == [0.0] * 50
    found = standing_out([-20.0] * 20 + [-14.0] + [-20.0] * 20, least=1.5)
    assert found[20] == 4.0
    assert sum(found) == 4.0


def test_the_second_louder_speaker_of_two_does_not_stand_out_as_a_whole() -> None:
    found = standing_out([-30.0] * 100 + [-20.0] * 100, least=1.5)
    assert max(found[:70]) == 0.0
    assert found[150:] == [0.0] * 50


def test_what_has_no_value_neither_stands_out_nor_counts() -> None:
    assert standing_out([None, -20.0, None, -20.0, None], least=1.0) == [0.0] * 5
    assert standing_out([], least=1.0) == []
