"""Passages of a transcript that stand out: each sentence is weighed, and the best ones grow into passages. Pure.

What is said weighs (what the recording is about, own keywords, figures, names, cues), and how it is said: louder or
faster than what is around it, and followed by laughter or applause.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import exp, log

import msgspec

from core.domain.loudness import SILENT_DB, Loudness, standing_out
from core.domain.quotes import Index, tokens
from core.domain.sentences import Sentence, Text
from core.domain.telling import centrality, leans_back, signs

MOST_S = 60.0  # a passage is not longer
GAP_S = 4.0  # nor does it reach over a longer pause
TRIED = 400  # passages that are made of a recording; far more than any sensitivity takes
MIN_TOKENS = 4
INFLECTED = 2  # a keyword of four letters or more is also found with so many letters more: salmon, salmons

ABOUT = "says what the recording is about"
WEIGHTS = {ABOUT: 0.5, "names figures": 0.7, "names who or what": 0.5}  # of the signs, which are weighed for quotes
KEYWORD, KEYWORD_MORE, LOUDER, FASTER, REACTION = 1.0, 0.25, 0.6, 0.3, 0.7
LEAST_DB, LEAST_PACE = 1.5, 0.12  # the spread of levels and of the logarithm of paces in the evenest recording

_REACTION = re.compile(
    r"[\[(*♪][^\])*♪]{0,40}(laugh|applau|cheer|clapp|gelächter|beifall|applaudi|rires?|risas|risate|aplauso)"
    r"[^\])*♪]{0,40}[\])*♪]",
    re.IGNORECASE,
)


class Passage(msgspec.Struct, frozen=True):
    """The sentences `[first, last]` by number, a score from 0 to 1, what speaks for it, and the keywords in it."""

    first: int
    last: int
    score: float
    reasons: dict[str, float]
    keywords: tuple[str, ...]


class Weighed(msgspec.Struct, frozen=True):
    """What speaks for one sentence, and which of the keywords are in it."""

    reasons: dict[str, float]
    keywords: tuple[str, ...]
    weight: float


def weigh(
    text: Text, index: Index, loudness: Loudness | None, keywords: Sequence[str], check: Callable[[], None]
) -> dict[int, Weighed]:
    """Every sentence of `text` that can be relied on, weighed; by number."""
    trusted = text.trusted
    words = {sentence.number: _tokens_of(index, sentence) for sentence in trusted}
    check()
    central = centrality(words)
    check()
    levels: list[float | None] = [None] * len(trusted)
    if loudness is not None:
        levels = [_level(sentence, words[sentence.number], loudness) for sentence in trusted]
    louder = standing_out(levels, LEAST_DB)
    check()
    faster = standing_out([_pace(sentence, words[sentence.number]) for sentence in trusted], LEAST_PACE)
    check()
    named = _named(text, index, keywords)
    weighed: dict[int, Weighed] = {}
    for place, sentence in enumerate(trusted):
        of_words = signs(sentence, len(text.sentences), central[sentence.number])
        reasons = {reason: value * WEIGHTS.get(reason, 1.0) for reason, value in of_words.items()}
        there = named.get(sentence.number, ())
        reasons["mentions " + ", ".join(f"“{word}”" for word in there[:3])] = (
            KEYWORD + KEYWORD_MORE * min(len(there) - 1, 2) if there else 0.0
        )
        reasons["is louder than what is around it"] = LOUDER * _share(louder[place])
        reasons["is spoken faster than what is around it"] = FASTER * _share(faster[place])
        reasons["is followed by laughter or applause"] = REACTION if _reaction(text, sentence) else 0.0
        reasons = {reason: round(value, 3) for reason, value in reasons.items() if value > 0}
        short = len(words[sentence.number]) < MIN_TOKENS
        weight = sum(reasons.values()) * (0.5 if short else 1.0) - (0.15 if leans_back(sentence) else 0.0)
        weighed[sentence.number] = Weighed(reasons, there, round(max(0.0, weight), 3))
    return weighed


def passages(text: Text, weighed: Mapping[int, Weighed], duration: float, check: Callable[[], None]) -> list[Passage]:
    """Passages round the weightiest sentences, none of which overlap, in the order of the recording."""
    most_s = min(MOST_S, max(6.0, duration / 4))
    enough_s = min(12.0, max(3.0, duration / 12))
    free = set(weighed)
    made: list[Passage] = []
    for seed in sorted(weighed, key=lambda number: (-weighed[number].weight, number)):
        if seed not in free or len(made) == TRIED or not weighed[seed].reasons:
            continue
        check()
        first, last = _grown(text, weighed, free, seed, enough_s=enough_s, most_s=most_s)
        made.append(passage(text, weighed, first, last))
        free.difference_update(range(first, last + 1))
    return sorted(made, key=lambda one: one.first)


def passage(text: Text, weighed: Mapping[int, Weighed], first: int, last: int) -> Passage:
    """The sentences from `first` to `last` as a passage; those that cannot be relied on say nothing for it."""
    inside = [weighed[number] for number in range(first, last + 1) if number in weighed]
    best = max(inside, key=lambda one: one.weight, default=Weighed({}, (), 0.0))
    others = (sum(one.weight for one in inside) - best.weight) / max(1, len(inside) - 1)
    reasons = dict(best.reasons)
    for one in inside:
        for reason, value in one.reasons.items():
            reasons[reason] = max(value, reasons.get(reason, 0.0))
    keywords = tuple(dict.fromkeys(word for one in inside for word in one.keywords))
    return Passage(first, last, round(1 - exp(-(best.weight + 0.3 * others)), 3), reasons, keywords)


def _grown(
    text: Text, weighed: Mapping[int, Weighed], free: set[int], seed: int, *, enough_s: float, most_s: float
) -> tuple[int, int]:
    """The sentences from first to last that `seed` grows to.

    It takes the weightier of its neighbours until it is long enough to be understood, and goes on with what weighs
    nearly as much; what leans on the sentence before takes that one first.
    """
    first = last = seed
    said = text.sentences
    while True:
        sides = [
            number
            for number, near in ((first - 1, first), (last + 1, last))
            if number in free
            and abs(said[max(number, near)].start - said[min(number, near)].end) <= GAP_S
            and said[max(last, number)].end - said[min(first, number)].start <= most_s
        ]
        if not sides:
            return first, last
        leaning = leans_back(said[first]) and first - 1 in sides
        side = first - 1 if leaning else max(sides, key=lambda number: (weighed[number].weight, number))
        long_enough = said[last].end - said[first].start >= enough_s
        if long_enough and not leaning and weighed[side].weight < 0.7 * weighed[seed].weight:
            return first, last
        first, last = min(first, side), max(last, side)


def _tokens_of(index: Index, sentence: Sentence) -> list[str]:
    start, end = index.token_range(sentence.first, sentence.last)
    return index.tokens[start:end]


def _level(sentence: Sentence, said: list[str], loudness: Loudness) -> float | None:
    level = loudness.between(sentence.start, sentence.end)
    return level if len(said) >= MIN_TOKENS and level > SILENT_DB else None


def _pace(sentence: Sentence, said: list[str]) -> float | None:
    """The logarithm of how many characters are said in a second: characters, since words differ among languages."""
    length = sentence.end - sentence.start
    return log(sum(map(len, said)) / length) if len(said) >= MIN_TOKENS and length > 0.5 else None


def _share(outstanding: float) -> float:
    """What stands out by one spread is usual still; by three it stands out wholly."""
    return min(max((outstanding - 1.0) / 2.0, 0.0), 1.0)


def _reaction(text: Text, sentence: Sentence) -> bool:
    heard = _REACTION.search(sentence.text)
    if heard is not None and heard.start() > 0:
        return True
    following = text.sentences[sentence.number + 1] if sentence.number + 1 < len(text.sentences) else None
    return following is not None and bool(_REACTION.match(following.text)) and following.start - sentence.end <= GAP_S


def _named(text: Text, index: Index, keywords: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """The keywords in each sentence, by its number."""
    sentence_of = [0] * len(text.words)
    for sentence in text.sentences:
        sentence_of[sentence.first : sentence.last] = [sentence.number] * (sentence.last - sentence.first)
    vocabulary = sorted(set(index.tokens))
    found: dict[int, dict[str, None]] = {}
    for keyword in keywords:
        for wanted in _spellings(tokens(keyword), vocabulary):
            for at in index.find(wanted):
                found.setdefault(sentence_of[index.word_of[at]], {})[keyword] = None
    return {number: tuple(words) for number, words in found.items()}


def _spellings(wanted: list[str], vocabulary: list[str]) -> list[list[str]]:
    """The words as given, and with every ending that the last of them has in the transcript."""
    if not wanted:
        return []
    *before, last = wanted
    if len(last) < 4:
        return [wanted]
    endings = (word for word in vocabulary if word.startswith(last) and len(word) <= len(last) + INFLECTED)
    return [[*before, word] for word in endings]
