"""Quotes without a language model: sentences picked by what they hold and where they stand, verbatim by construction.

A sentence scores by its centrality (how much of what the whole is about it says), its place, figures and names in it,
and words that announce a conclusion; sentences that lean on an earlier one lose.
"""

from collections.abc import Callable

from core.domain.quotes import MIN_TOKENS, Index, Quote, make_quote
from core.domain.sentences import Sentence, Text
from core.domain.telling import because, centrality, leans_back, signs

GOOD_TOKENS = range(8, 41)  # what reads well as a quote
MOST = 12
SENTENCES_PER_QUOTE = 8
TOO_ALIKE = 0.5  # shared words over all words of two quotes


def extract(text: Text, index: Index, transcript_sha256: str, check: Callable[[], None]) -> list[Quote]:
    """The best quotes of `text` in the order they were said: one for about eight sentences, twelve at most, three of a short one."""
    words = {sentence.number: _tokens_of(index, sentence) for sentence in text.trusted}
    fit = [sentence for sentence in text.trusted if len(words[sentence.number]) in GOOD_TOKENS]
    if not fit:
        limit = GOOD_TOKENS[-1]
        fit = [sentence for sentence in text.trusted if MIN_TOKENS <= len(words[sentence.number]) <= limit]
    check()
    central = centrality(words)
    check()
    rated = sorted(((*_rate(text, sentence, central[sentence.number]), sentence) for sentence in fit), key=_best_first)
    check()
    wanted = _wanted(len(text.trusted))
    picked: list[tuple[str, Sentence]] = []
    for _, why, sentence in rated:
        if len(picked) == wanted:
            break
        if all(_alike(words[sentence.number], words[other.number]) < TOO_ALIKE for _, other in picked):
            picked.append((why, sentence))
    return [
        make_quote(
            text,
            sentence.first,
            sentence.last,
            transcript_sha256=transcript_sha256,
            status="verified",
            score=1.0,
            why=why,
            source="extractive",
        )
        for why, sentence in sorted(picked, key=lambda item: item[1].first)
    ]


def _wanted(sentences: int) -> int:
    """How many quotes so many sentences yield: few of a short recording, but not one of three."""
    return min(MOST, max(sentences // SENTENCES_PER_QUOTE, min(3, (sentences + 2) // 3)))


def _tokens_of(index: Index, sentence: Sentence) -> list[str]:
    start, end = index.token_range(sentence.first, sentence.last)
    return index.tokens[start:end]


def _best_first(rated: tuple[float, str, Sentence]) -> tuple[float, int]:
    return -rated[0], rated[2].number


def _rate(text: Text, sentence: Sentence, central: float) -> tuple[float, str]:
    """The sentence's score, and in words what speaks most for it."""
    weighed = signs(sentence, len(text.sentences), central)
    lost = (0.4 if leans_back(sentence) else 0.0) + (0.3 if sentence.text.endswith("?") else 0.0)
    return sum(weighed.values()) - lost, because(weighed) or "stands for itself"


def _alike(one: list[str], other: list[str]) -> float:
    return len(set(one) & set(other)) / len(set(one) | set(other))
