"""Cutting numbered sentences into the pieces a language model is asked about, the same way every time."""

from collections.abc import Iterable, Sequence

from core.domain.sentences import Sentence

CHUNK_CHARACTERS = 12_000  # about 3,000 tokens: fits small models' context with room for the answer
MAX_CHUNKS = 100  # the cost cap: at most 1.2 million characters of a transcript are sent, about 300,000 tokens
MAX_LINE = 2_000


def numbered(sentence: Sentence) -> str:
    """The line a model sees: `S000123 what was said`."""
    return f"{sentence.label} {sentence.text[:MAX_LINE]}"


def chunks(sentences: Iterable[Sentence]) -> list[tuple[Sentence, ...]]:
    """`sentences` in order, cut into runs of at most `CHUNK_CHARACTERS` numbered characters each."""
    made: list[list[Sentence]] = []
    room = 0
    for sentence in sentences:
        size = len(numbered(sentence)) + 1
        if not made or size > room:
            made.append([])
            room = CHUNK_CHARACTERS
        made[-1].append(sentence)
        room -= size
    return [tuple(chunk) for chunk in made]


def within_cap(all_chunks: Sequence[tuple[Sentence, ...]]) -> list[tuple[Sentence, ...]]:
    """The chunks that are asked about: all, or `MAX_CHUNKS` of them spread evenly over the whole."""
    if len(all_chunks) <= MAX_CHUNKS:
        return list(all_chunks)
    return [all_chunks[number * len(all_chunks) // MAX_CHUNKS] for number in range(MAX_CHUNKS)]
