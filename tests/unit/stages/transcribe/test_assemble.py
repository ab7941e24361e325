"""From words heard in windows to the transcript: real times, segments, flags."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.stages.sound.recording import RATE
from core.stages.transcribe import plan
from core.stages.transcribe.assemble import assemble, split
from core.stages.transcribe.gate import Heard, Word
from core.stages.transcribe.plan import Plan


def plan_of(*windows: tuple[tuple[float, float], ...], seconds: float = 100.0) -> Plan:
    return Plan(
        format=1,
        environment={},
        model="tiny.en",
        model_sha256="0",
        compute_type="int8",
        recipes=(plan.FIRST, plan.SECOND),
        language="en",
        samples=int(seconds * RATE),
        audio_sha256="0",
        windows=tuple(tuple((int(a * RATE), int(b * RATE)) for a, b in window) for window in windows),
    )


def said(text: str, start: float = 0.0, each: float = 0.3, **how: Any) -> Heard:
    words = tuple((start + n * each, start + (n + 1) * each, f" {word}", 0.9) for n, word in enumerate(text.split()))
    return Heard(**{"words": words, "logprob": -0.2, "no_speech": 0.1, **how})


def texts(made: Mapping[str, Any]) -> list[str]:
    return [segment["text"] for segment in made["segments"]]


def test_nothing_heard_is_an_empty_transcript() -> None:
    made = assemble(plan_of(seconds=3), {})

    assert made == {"language": "en", "duration": 3.0, "model": "tiny.en", "segments": []}


def test_sentences_become_segments_with_their_words_and_real_times() -> None:
    made = assemble(plan_of(((10, 20), (50, 60))), {0: said("The river rises in spring. We saw it last year.", 8.5)})

    assert texts(made) == ["The river rises in spring.", "We saw it last year."]
    first, second = made["segments"]
    assert (first["id"], first["start"], first["end"]) == (0, 18.5, 20.0)
    assert (second["id"], second["start"]) == (1, 50.0)
    assert first["words"][0] == {"word": " The", "start": 18.5, "end": 18.8, "probability": 0.9}
    assert first["flags"] == second["flags"] == []


def test_a_sentence_goes_on_over_the_edge_of_a_window() -> None:
    made = assemble(
        plan_of(((0, 1.2),), ((1.2, 4),)), {0: said("The old stone bridge"), 1: said("was closed all year.")}
    )

    assert texts(made) == ["The old stone bridge was closed all year."]


def test_a_title_does_not_end_a_sentence() -> None:
    made = assemble(plan_of(((0, 10),)), {0: said("And Mr. John Dashwood had then leisure to consider it.")})

    assert texts(made) == ["And Mr. John Dashwood had then leisure to consider it."]


def test_a_long_sentence_is_divided_at_a_comma() -> None:
    left, right = "one two three four five six seven eight " * 3, "nine ten eleven twelve thirteen fourteen " * 3
    made = assemble(plan_of(((0, 30),)), {0: said(f"{left.strip()}, {right.strip()}.", each=0.5)})

    assert texts(made)[0].endswith("eight,")
    assert all(segment["end"] - segment["start"] <= 15 for segment in made["segments"])


def test_a_long_pause_ends_a_segment_without_any_punctuation() -> None:
    made = assemble(plan_of(((0, 2), (30, 32))), {0: said("they came home and they went away", each=0.5)})

    assert texts(made) == ["they came home and", "they went away"]


def test_faults_of_a_window_flag_its_segments_and_delete_nothing() -> None:
    made = assemble(
        plan_of(((0, 10),), ((20, 30),)),
        {0: said("This was heard badly indeed.", faults=("low_confidence",)), 1: said("This was heard well enough.")},
    )

    assert [segment["flags"] for segment in made["segments"]] == [["low_confidence"], []]


def test_three_equal_segments_in_a_row_are_suspect_and_two_are_not() -> None:
    three = assemble(plan_of(((0, 30),)), {0: said("We all agree on that now. " * 3)})
    two = assemble(plan_of(((0, 30),)), {0: said("We all agree on that now. " * 2)})

    assert [segment["flags"] for segment in three["segments"]] == [["repetition"]] * 3
    assert [segment["flags"] for segment in two["segments"]] == [[]] * 2


def test_thanks_out_of_almost_nothing_are_suspect() -> None:
    phantom = assemble(plan_of(((0, 0.8),)), {0: said("Thank you.")})
    spoken = assemble(plan_of(((0, 8),)), {0: said("Thank you.")})

    assert phantom["segments"][0]["flags"] == ["no_speech"]
    assert spoken["segments"][0]["flags"] == []


def test_impossible_speed_is_suspect() -> None:
    made = assemble(plan_of(((0, 10),)), {0: said("incomprehensibilities notwithstanding", each=0.2)})

    assert made["segments"][0]["flags"] == ["speed"]


def test_control_characters_and_line_breaks_are_not_text() -> None:
    words: tuple[Word, ...] = ((0.0, 1.0, " bad\n\x1b[31mword", 0.9),)
    made = assemble(plan_of(((0, 10),)), {0: Heard(words=words, logprob=-0.1, no_speech=0.0)})

    assert made["segments"][0]["text"] == "bad  [31mword"


word_lists = st.lists(
    st.tuples(
        st.floats(0, 31),
        st.floats(0, 31),
        st.sampled_from([" the", " river", " rose.", " Then", ",", " we", " saw", " it!", " Mr."]),
        st.floats(0, 1),
    ),
    max_size=40,
)


@given(word_lists, word_lists)
def test_times_are_monotone_ids_have_no_gaps_and_no_word_is_lost(first: list[Word], second: list[Word]) -> None:
    heard = {
        index: Heard(words=tuple(words), logprob=-0.2, no_speech=0.1) for index, words in enumerate((first, second))
    }
    made = assemble(plan_of(((0, 10), (12, 30)), ((40, 60), (60, 70))), heard)

    words = [word for segment in made["segments"] for word in segment["words"]]
    edges = [edge for word in words for edge in (word["start"], word["end"])]
    assert edges == sorted(edges)
    assert all(edge == round(edge, 3) for edge in edges)
    assert [segment["id"] for segment in made["segments"]] == list(range(len(made["segments"])))
    assert [word["word"] for word in words] == [word[2] for word in (*first, *second)]
    assert assemble(plan_of(((0, 10), (12, 30)), ((40, 60), (60, 70))), heard) == made


def test_no_words_make_no_segments() -> None:
    assert split([]) == []
