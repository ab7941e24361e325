"""The pieces of a transcript a model is asked about: all of it, in order, within the cap."""

from hypothesis import given
from hypothesis import strategies as st

from core.domain.sentences import Sentence
from core.stages.language_chunks import CHUNK_CHARACTERS, MAX_CHUNKS, MAX_LINE, chunks, numbered, within_cap


def sentence(number: int, length: int) -> Sentence:
    return Sentence(number, number, number + 1, "x" * length, 0.0, 1.0, (number,), False)


@given(st.lists(st.integers(0, 5_000), max_size=80))
def test_the_chunks_are_all_sentences_in_order_and_none_is_too_long(lengths: list[int]) -> None:
    sentences = [sentence(number, length) for number, length in enumerate(lengths)]
    made = chunks(sentences)
    assert [inside for chunk in made for inside in chunk] == sentences
    assert all(len("\n".join(map(numbered, chunk))) <= CHUNK_CHARACTERS for chunk in made)
    assert MAX_LINE < CHUNK_CHARACTERS


def test_within_the_cap_nothing_is_left_out() -> None:
    every = [(sentence(number, 5),) for number in range(MAX_CHUNKS)]
    assert within_cap(every) == every


def test_over_the_cap_the_chunks_are_spread_evenly() -> None:
    every = [(sentence(number, 5),) for number in range(2 * MAX_CHUNKS)]
    assert [chunk[0].number for chunk in within_cap(every)] == list(range(0, 2 * MAX_CHUNKS, 2))


def test_the_cap_is_what_the_documents_say() -> None:
    assert CHUNK_CHARACTERS * MAX_CHUNKS == 1_200_000
