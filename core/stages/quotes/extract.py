"""Quotes without a language model: sentences picked by what they hold and where they stand, verbatim by construction.

A sentence scores by its centrality (how much of what the whole is about it says), its place, figures and names in it,
and words that announce a conclusion; sentences that lean on an earlier one lose.
"""

import re
from collections import Counter
from collections.abc import Callable
from math import log, sqrt

from core.domain.quotes import MIN_TOKENS, Index, Quote, make_quote
from core.domain.sentences import Sentence, Text

GOOD_TOKENS = range(8, 41)  # what reads well as a quote
MOST = 12
SENTENCES_PER_QUOTE = 8
TOO_ALIKE = 0.5  # shared words over all words of two quotes

# Only English has cues; in other languages the other signs decide.
_CUES = re.compile(
    r"\b(important|key|main|crucial|essential|conclusion|conclude|in short|in summary|the point is|the problem is|"
    r"the reason|which means|that means|we found|we learned|we believe|i believe|we decided|never|always|must|"
    r"surpris\w+|discover\w*|for the first time|the biggest|the best|the worst|more than ever)\b",
    re.IGNORECASE,
)
_LEANS_BACK = re.compile(
    r"^(and|but|so|or|because|it|this|that|these|those|he|she|they|then|also|yeah|yes|no|um|uh|well|okay)\b", re.I
)
_FIGURE = re.compile(r"\d")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-zA-Z]{2,}")


def extract(text: Text, index: Index, transcript_sha256: str, check: Callable[[], None]) -> list[Quote]:
    """The best quotes of `text` in the order they were said: one for about eight sentences, twelve at most, three of a short one."""
    words = {sentence.number: _tokens_of(index, sentence) for sentence in text.trusted}
    fit = [sentence for sentence in text.trusted if len(words[sentence.number]) in GOOD_TOKENS]
    if not fit:
        limit = GOOD_TOKENS[-1]
        fit = [sentence for sentence in text.trusted if MIN_TOKENS <= len(words[sentence.number]) <= limit]
    check()
    central = _centrality(words)
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


def _centrality(words: dict[int, list[str]]) -> dict[int, float]:
    """How near every sentence is to the centre of all, from 0 to 1: the cosine of its words' weights with the sum's."""
    spread = Counter(token for said in words.values() for token in set(said))
    weight = {token: log(1 + len(words) / count) for token, count in spread.items()}
    centre: Counter[str] = Counter(token for said in words.values() for token in said)
    # Words said everywhere carry nothing, words said once are about nothing else.
    pull = {token: sqrt(centre[token] - 1) * weight[token] for token in centre}
    near = {}
    for number, said in words.items():
        length = sqrt(sum(weight[token] ** 2 for token in said)) or 1.0
        near[number] = sum(pull[token] * weight[token] for token in said) / length
    most = max(near.values(), default=0.0) or 1.0
    return {number: value / most for number, value in near.items()}


def _rate(text: Text, sentence: Sentence, central: float) -> tuple[float, str]:
    """The sentence's score, and in words what speaks most for it."""
    place = sentence.number / max(1, len(text.sentences) - 1)
    signs = {
        "says what the recording is about": central,
        "names figures": 0.3 if _FIGURE.search(sentence.text) else 0.0,
        "names who or what": 0.2 if _NAME.search(sentence.text) else 0.0,
        "is announced as important": 0.4 if _CUES.search(sentence.text) else 0.0,
        "opens the recording": 0.25 if place < 0.05 else 0.0,
        "closes the recording": 0.15 if place > 0.95 else 0.0,
    }
    lost = (0.4 if _LEANS_BACK.search(sentence.text) else 0.0) + (0.3 if sentence.text.endswith("?") else 0.0)
    ranked = sorted((-value, reason) for reason, value in signs.items() if value >= 0.15)
    why = "; ".join(reason for _, reason in ranked[:2]) or "stands for itself"
    return sum(signs.values()) - lost, why


def _alike(one: list[str], other: list[str]) -> float:
    return len(set(one) & set(other)) / len(set(one) | set(other))
