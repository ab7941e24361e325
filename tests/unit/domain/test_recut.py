"""What was said, on the timeline of the cut medium."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.domain.cuts import CutList, Span
from core.domain.recut import recut_times, recut_transcript

CUTS = CutList.removing(20, [Span(2, 5), Span(8, 12)])


def segment(number: int, *words: tuple[str, float, float], **more: Any) -> dict[str, Any]:
    said = [{"word": word, "start": start, "end": end, "probability": 0.9} for word, start, end in words]
    text = "".join(word for word, _, _ in words).strip()
    return {"id": number, "start": words[0][1], "end": words[-1][2], "text": text, "words": said, "flags": []} | more


def transcript(*segments: dict[str, Any]) -> dict[str, Any]:
    return {"language": "en", "duration": 20.0, "model": "tiny", "segments": list(segments)}


def test_words_move_with_the_medium_and_the_rest_stays() -> None:
    made = recut_transcript(transcript(segment(0, (" One", 1.0, 1.5), (" two", 5.5, 6.0))), CUTS)
    assert (made["duration"], made["language"], made["model"]) == (13.0, "en", "tiny")
    (found,) = made["segments"]
    assert (found["start"], found["end"], found["text"]) == (1.0, 3.0, "One two")
    assert [(word["start"], word["end"]) for word in found["words"]] == [(1.0, 1.5), (2.5, 3.0)]


def test_what_was_cut_away_is_left_out_and_the_others_are_numbered_anew() -> None:
    made = recut_transcript(
        transcript(segment(0, (" a", 0, 1)), segment(1, (" gone", 9, 10)), segment(2, (" b", 13, 14))), CUTS
    )
    assert [(one["id"], one["text"], one["start"]) for one in made["segments"]] == [(0, "a", 0), (1, "b", 6)]


def test_a_segment_that_was_cut_into_is_what_is_left_of_it() -> None:
    made = recut_transcript(transcript(segment(0, (" Well,", 2.5, 3), (" yes.", 6, 7), flags=["x"])), CUTS)
    (found,) = made["segments"]
    assert (found["text"], found["start"], found["end"], found["flags"]) == ("yes.", 3, 4, ["x"])


def test_a_segment_without_words_keeps_its_text() -> None:
    plain = {"id": 0, "start": 1.0, "end": 6.0, "text": "Words nobody timed.", "words": []}
    (found,) = recut_transcript(transcript(plain), CUTS)["segments"]
    assert (found["start"], found["end"], found["text"]) == (1.0, 3.0, "Words nobody timed.")


def test_a_word_without_any_length_stays_where_it_was_said() -> None:
    made = recut_transcript(transcript(segment(0, (" a", 1, 1), (" b", 9, 9), (" c", 13, 13.5))), CUTS)
    assert [word["word"] for word in made["segments"][0]["words"]] == [" a", " c"]


def test_quotes_tell_where_they_are_and_where_they_were() -> None:
    quotes = [{"text": "kept", "start": 6.0, "end": 7.0}, {"text": "gone", "start": 9.0, "end": 11.0}]
    assert recut_times(quotes, CUTS) == [
        {"text": "kept", "start": 3.0, "end": 4.0, "source_start": 6.0, "source_end": 7.0}
    ]


def test_nothing_cut_changes_nothing() -> None:
    made = transcript(segment(0, (" a", 0, 1)), segment(1, (" b", 13, 14)))
    assert recut_transcript(made, CutList.whole(20)) == made


times = st.floats(0, 20).map(lambda at: round(at, 3))
spans = st.lists(st.builds(Span, times, times), max_size=8)


@given(spans, st.lists(st.tuples(times, times).map(sorted), min_size=1, max_size=12).map(sorted))
def test_cut_transcripts_stay_in_order_and_inside(away: list[Span], said: list[list[float]]) -> None:
    cuts = CutList.removing(20, away)
    made = recut_transcript(transcript(*(segment(n, (" w", *at)) for n, at in enumerate(said))), cuts)
    starts = [word["start"] for one in made["segments"] for word in one["words"]]
    assert starts == sorted(starts)
    assert all(0 <= one["start"] <= one["end"] <= cuts.kept_s + 0.002 for one in made["segments"])
    assert [one["id"] for one in made["segments"]] == list(range(len(made["segments"])))
