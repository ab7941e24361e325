"""The quality gate: what is refused, what is not, and which of two hearings is kept."""

import pytest

from core.stages.transcribe import gate
from core.stages.transcribe.gate import Heard

SOUND = "we counted three hundred salmon near the old mill and that was a surprise to everyone in the room"


def heard(text: str = SOUND, *, seconds: float = 8.0, logprob: float = -0.2, probability: float = 0.9) -> Heard:
    words = text.split()
    each = seconds / max(1, len(words))
    return Heard(
        words=tuple((n * each, (n + 1) * each, f" {word}", probability) for n, word in enumerate(words)),
        logprob=logprob,
        no_speech=0.1,
    )


def test_ordinary_speech_passes() -> None:
    assert gate.judge(heard(), 8.0, "en") == ()


@pytest.mark.parametrize(
    ("result", "speech_s", "fault"),
    [
        (heard("I am not sure if I can " * 12), 8.0, "repetition"),
        (heard("no no no no but they did come in the end of the year"), 8.0, "repetition"),
        (heard(logprob=-1.1), 8.0, "low_confidence"),
        (heard(probability=0.45), 8.0, "low_confidence"),
        (heard("only this", seconds=8), 8.0, "too_little_text"),
        (heard("", seconds=8), 8.0, "too_little_text"),
        (heard(SOUND * 3, seconds=8), 20.0, "skipped"),
    ],
)
def test_what_cannot_be_believed_is_named(result: Heard, speech_s: float, fault: str) -> None:
    assert fault in gate.judge(result, speech_s, "en")


def test_one_word_stretched_over_a_passage_shows_that_the_passage_was_skipped() -> None:
    words = (*heard().words, (8.0, 14.0, " and", 0.9), (14.0, 14.4, " so", 0.9))

    assert "skipped" in gate.judge(Heard(words=words, logprob=-0.2, no_speech=0.1), 14.4, "en")


def test_a_short_answer_is_not_too_little_text() -> None:
    assert gate.judge(heard("yes", seconds=1.2), 1.2, "en") == ()


def test_a_dense_script_needs_fewer_characters() -> None:
    result = heard("今天 天气 很好 我们 去 河边 看 鱼", seconds=8)

    assert "too_little_text" in gate.judge(result, 8.0, "en")
    assert gate.judge(result, 8.0, "zh") == ()


@pytest.mark.parametrize("size", range(1, 9))
def test_a_loop_is_the_same_words_four_times_and_not_three(size: int) -> None:
    phrase = [f"word{n}" for n in range(size)]

    assert gate.loops(["first", *phrase * 4, "last"])
    assert not gate.loops(["first", *phrase * 3, "last"])


def test_case_and_punctuation_do_not_hide_a_loop() -> None:
    assert gate.loops([" Thank", " you.", " thank", " you!", " Thank", " you", " thank", " You."])


def test_fewer_faults_win_and_then_the_better_score() -> None:
    first = Heard(words=(), logprob=-0.1, no_speech=0, recipe=1, faults=("repetition",))
    second = Heard(words=(), logprob=-0.9, no_speech=0, recipe=2)
    worse = Heard(words=(), logprob=-1.9, no_speech=0, recipe=2, faults=("low_confidence",))

    assert gate.better(first, second) is second
    assert gate.better(first, worse) is first


def test_a_unit_says_all_again_and_which_plan_it_belongs_to() -> None:
    result = heard()
    data = gate.to_unit(result, "p1")

    assert data["plan"] == "p1"
    assert gate.from_unit(data) == result
