"""What is cut out of a recording: judged on levels written by hand, so that every border is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.cuts import Span
from core.domain.levels import STEP_S, Levels, byte_of
from core.domain.settings import Settings, parse_settings
from core.domain.silence import Rule, Voice, clock, find_silence, rule_of, said, thresholds, voice_of_words

FIXED = Rule(mode="fixed", threshold_db=-40, min_silence_s=0.5, margin_s=0.2)
NOBODY = Voice()


def levels(*stretches: tuple[float, float]) -> Levels:
    """Stretches of (seconds, dB)."""
    peaks = b"".join(bytes([byte_of(db)]) * round(seconds / STEP_S) for seconds, db in stretches)
    return Levels(peaks=peaks, loudness=peaks)


def removed(
    made: Levels, rule: Rule = FIXED, voice: Voice | None = None, duration: float | None = None
) -> list[tuple[float, float]]:
    found = find_silence(made, made.duration if duration is None else duration, rule, voice)
    return [(round(span.start, 2), round(span.end, 2)) for span in found.cuts.removed]


def test_a_pause_goes_but_for_a_margin_at_either_side() -> None:
    assert removed(levels((2, -10), (3, -60), (2, -10))) == [(2.2, 4.8)]


def test_a_pause_that_is_not_long_enough_stays() -> None:
    made = levels((2, -10), (0.48, -60), (2, -10), (0.5, -60), (2, -10))
    assert removed(made) == [(4.68, 4.78)]


def test_silence_at_the_ends_needs_no_margin_there() -> None:
    assert removed(levels((1, -60), (2, -10), (1, -60))) == [(0, 0.8), (3.2, 4)]


def test_sound_that_ends_before_the_picture_is_silent_then() -> None:
    assert removed(levels((2, -10)), duration=5) == [(2.2, 5)]


def test_sound_that_goes_on_after_the_picture_counts_up_to_its_end() -> None:
    assert removed(levels((2, -10), (9, -60)), duration=5) == [(2.2, 5)]


def test_the_threshold_is_what_was_asked_for() -> None:
    made = levels((2, -10), (2, -45), (2, -10))
    assert removed(made, Rule(mode="fixed", threshold_db=-40)) == [(2.2, 3.8)]
    assert removed(made, Rule(mode="fixed", threshold_db=-50)) == []


def test_all_silence_is_told_and_kept() -> None:
    found = find_silence(levels((4, -70)), 4, FIXED)
    assert found.all_silent
    assert (found.cuts.removed, found.cuts.kept_s) == ((), 4)


def test_a_medium_without_any_sound_is_all_silence() -> None:
    assert find_silence(levels(), 4, Rule()).all_silent


def test_a_silence_longer_than_the_film_is_never_found() -> None:
    assert removed(levels((1, -10), (2, -60), (1, -10)), Rule(mode="fixed", min_silence_s=5)) == []


def test_margins_wider_than_a_pause_leave_it_whole() -> None:
    assert removed(levels((1, -10), (2, -60), (1, -10)), Rule(mode="fixed", margin_s=1.0)) == []


@pytest.mark.parametrize(("floor_db", "cut"), [(-70, True), (-50, True), (-35, True)])
def test_the_background_of_the_recording_is_silence_by_itself(floor_db: float, cut: bool) -> None:
    made = levels((5, -8), (2, floor_db), (5, -8), (1, floor_db))
    assert bool(removed(made, Rule())) is cut


def test_a_talk_without_pauses_loses_nothing() -> None:
    made = levels(*[(0.3, -8), (0.1, -38), (0.2, -15), (0.04, -60)] * 50)
    assert removed(made, Rule()) == []


def test_a_background_near_to_the_speech_goes_only_where_it_is_known_that_nobody_speaks() -> None:
    made = levels((5, -8), (2, -24), (5, -8))
    assert removed(made, Rule()) == []
    assert removed(made, Rule(), NOBODY) == [(5.2, 6.8)]
    assert removed(made, Rule(), Voice(speech=(Span(0, 12),))) == []


def test_a_whispered_word_is_never_cut() -> None:
    made = levels((2, -10), (4, -60), (2, -10))
    words = voice_of_words([Span(0, 1), Span(3.6, 4.0)])
    for rule in (FIXED, Rule(), Rule(mode="fixed", threshold_db=-20)):
        assert removed(made, rule, words) == [(2.2, 3.4), (4.2, 5.8)]


def test_a_word_stretched_over_a_pause_does_not_hold_it() -> None:
    made = levels((2, -10), (3, -60), (2, -10))
    assert removed(made, Rule(), voice_of_words([Span(1.5, 5.5)])) == [(2.2, 4.8)]


def test_a_click_in_a_pause_does_not_break_it_by_itself() -> None:
    made = levels((2, -10), (1, -60), (0.04, -12), (1, -60), (2, -10))
    assert removed(made, Rule()) == [(2.2, 3.84)]
    assert removed(made, FIXED) == [(2.2, 2.8), (3.24, 3.84)]


def test_nothing_flashes_by_between_two_cuts() -> None:
    made = levels((2, -10), (1, -60), (0.06, -12), (1, -60), (2, -10))
    bare = Rule(mode="fixed", margin_s=0.0)
    assert removed(made, bare) == [(2, 4.06)]
    assert removed(made, bare, voice_of_words([Span(3, 3.06)])) == [(2, 3), (3.06, 4.06)]


def test_a_recording_teaches_its_own_thresholds() -> None:
    found = thresholds(levels((8, -10), (2, -50)), Rule())
    assert (found.floor, found.quiet) == (-50, -42)
    assert thresholds(levels((8, -10), (2, -50)), FIXED).floor is None


def test_what_cutting_does_is_said_in_a_few_words() -> None:
    assert said(find_silence(levels((2, -10), (3, -60), (2, -10)), 7, FIXED).cuts) == "1 pause, -0:03"
    assert said(find_silence(levels((2, -10)), 2, FIXED).cuts) == "No pauses"
    assert [clock(at) for at in (0.4, 59.6, 680, 3723)] == ["0:00", "1:00", "11:20", "1:02:03"]


def test_who_gives_a_threshold_and_no_mode_wants_that_threshold() -> None:
    assert rule_of(Settings()) == Rule()
    assert rule_of(parse_settings({"silence_threshold": "-30"})) == Rule(mode="fixed", threshold_db=-30)
    assert rule_of(parse_settings({"silence_threshold": -30, "silence_mode": "auto"})).mode == "auto"


stretches = st.lists(st.tuples(st.floats(0.02, 3), st.floats(-100, 0)), max_size=20)
voices = st.lists(st.builds(lambda at, length: Span(at, at + length), st.floats(0, 30), st.floats(0, 2)), max_size=8)


@given(stretches, voices, st.floats(-60, -20), st.floats(0.5, 5), st.floats(0, 1), st.sampled_from(["auto", "fixed"]))
def test_no_word_is_cut_and_no_cut_is_senseless(
    made: list[tuple[float, float]], words: list[Span], threshold: float, shortest: float, margin: float, mode: str
) -> None:
    rule = Rule(mode=mode, threshold_db=threshold, min_silence_s=shortest, margin_s=margin)  # type: ignore[arg-type]
    measured = levels(*made)
    voice = voice_of_words(words)
    found = find_silence(measured, measured.duration, rule, voice)
    away = found.cuts.removed
    assert all(span.length > 0.09 for span in away)
    assert all(min(cut.end, word.end) - max(cut.start, word.start) < 1e-6 for cut in away for word in voice.spoken)
    assert found.cuts.kept or not measured.duration
