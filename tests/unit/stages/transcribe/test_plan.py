"""Packing speech into windows and mapping their times back: pure functions over probabilities of speech."""

import itertools

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from core.stages.sound import voice
from core.stages.sound.recording import RATE
from core.stages.sound.voice import FRAME
from core.stages.transcribe import plan

FRAMES_PER_S = RATE / FRAME


def probabilities(*stretches: tuple[float, float]) -> list[float]:
    """Stretches of (seconds, probability), frame by frame."""
    return [chance for seconds, chance in stretches for _ in range(round(seconds * FRAMES_PER_S))]


def windows_of(frames: list[float]) -> tuple[tuple[plan.Piece, ...], ...]:
    return plan.make_windows(frames, len(frames) * FRAME)


# Runs of equal probability, so that speech and pauses of every length come up.
talks = st.lists(
    st.tuples(st.floats(0.03, 45), st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.99])), min_size=1, max_size=30
).map(lambda stretches: probabilities(*stretches))


def test_silence_has_no_windows() -> None:
    assert windows_of(probabilities((60, 0.02))) == ()
    assert plan.make_windows([], 0) == ()


def test_a_click_is_not_speech() -> None:
    assert windows_of(probabilities((5, 0), (0.06, 0.9), (5, 0))) == ()


def test_long_pauses_are_cut_out_and_short_ones_kept() -> None:
    (window,) = windows_of(probabilities((1, 0), (3, 0.9), (0.3, 0), (3, 0.9), (10, 0), (3, 0.9), (1, 0)))

    assert len(window) == 2
    assert 6.3 < (window[0][1] - window[0][0]) / RATE < 7.0
    assert 3.0 < (window[1][1] - window[1][0]) / RATE < 3.7


def test_a_window_ends_in_a_long_pause_rather_than_in_a_short_one() -> None:
    frames = probabilities((14, 0.9), (2, 0), (9, 0.9), (0.2, 0), (9, 0.9), (2, 0), (9, 0.9))

    windows = windows_of(frames)

    assert [round(plan.seconds(pieces)) for pieces in windows] == [14, 28]


def test_speech_without_any_pause_is_divided_where_it_is_least_likely() -> None:
    frames = probabilities((24, 0.9), (0.1, 0.4), (20, 0.9))

    first, second = windows_of(frames)

    assert abs(first[-1][1] / RATE - 24.05) < 0.2
    assert second[0][0] == first[-1][1], "nothing is lost at the cut"


@given(talks)
def test_windows_are_whole_ordered_and_at_most_thirty_seconds(frames: list[float]) -> None:
    windows = windows_of(frames)

    pieces = [piece for window in windows for piece in window]
    assert all(0 <= start < end <= len(frames) * FRAME for start, end in pieces)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(pieces))
    assert all(0 < plan.seconds(window) <= 30 for window in windows)


@given(talks)
def test_all_speech_is_in_some_window(frames: list[float]) -> None:
    pieces = [piece for window in windows_of(frames) for piece in window]

    run = 0
    for index, chance in enumerate(frames):
        run = run + 1 if chance >= voice.ON else 0
        if run >= voice.MIN_SPEECH:
            middle = index * FRAME + FRAME // 2
            assert any(start <= middle < end for start, end in pieces), f"frame {index} is lost"


@given(talks, st.data())
def test_the_map_back_is_monotone_and_stays_inside_the_pieces(frames: list[float], data: st.DataObject) -> None:
    for window in windows_of(frames):
        length = plan.seconds(window)
        times = sorted(data.draw(st.lists(st.floats(0, length), min_size=2, max_size=6)))
        mapped = [plan.real_time(window, time, time)[0] for time in times]
        assert mapped == sorted(mapped)
        # A time is a float of seconds, so that a sample's own time may come back a rounding error before it.
        assert all(any(start <= round(at * RATE, 3) <= end for start, end in window) for at in mapped)


def test_a_word_over_a_cut_stays_in_the_piece_that_holds_its_middle() -> None:
    pieces = ((0, 2 * RATE), (10 * RATE, 12 * RATE))

    assert plan.real_time(pieces, 1.5, 2.2) == (1.5, 2.0)
    assert plan.real_time(pieces, 1.9, 2.8) == (10.0, 10.8)
    assert plan.real_time(pieces, 3.5, 9.0) == (11.5, 12.0), "past the end is the end"


def test_the_id_of_a_plan_tells_other_windows_apart_but_not_other_unit_numbers() -> None:
    made = plan.Plan(
        format=1,
        environment={},
        model="base",
        model_sha256="0",
        compute_type="int8",
        recipes=(plan.FIRST, plan.SECOND),
        language="en",
        samples=RATE,
        audio_sha256="0",
        windows=(((0, RATE),),),
    )

    assert msgspec.structs.replace(made, first_unit=7).id == made.id
    assert msgspec.structs.replace(made, windows=(((0, RATE - 1),),)).id != made.id
