"""A summary without a language model: the most central sentences as they were said (TextRank, by sumy).

Sentences and words are brought along: sumy's own tokenizers need data that would have to be downloaded.
"""

import warnings
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from math import log, sqrt

from core.domain.markup import one_line
from core.domain.quotes import tokens
from core.domain.sentences import Sentence, Text
from core.stages.summary.records import NO_SPEECH, Point, Summary

POINTS = 7
ABSTRACT = 3
KEYWORDS = 10
SHORTLIST = 200  # TextRank compares every sentence with every other
MIN_WORDS = 5
TITLE_CHARACTERS = 80
MAX_POINT_CHARACTERS = 600


class _Words:
    """Stands in for sumy's tokenizer: the words of a sentence as we compare them."""

    def to_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(tokens(sentence))


def extract(text: Text, check: Callable[[], None]) -> Summary:
    """The extractive summary of `text`: seven sentences at most, the three most central of them as abstract."""
    stop_words = _stop_words(text.language)
    words: dict[int, list[str]] = {}
    for sentence in text.trusted:
        if sentence.number % 1000 == 0:
            check()
        words[sentence.number] = [token for token in tokens(sentence.text) if token not in stop_words]
    if not any(words.values()):
        words = {sentence.number: tokens(sentence.text) for sentence in text.trusted}
    if not any(words.values()):
        return NO_SPEECH
    frequent = Counter(token for said in words.values() for token in said)
    listed = _shortlist(text.trusted, words)
    check()
    ranked = _ranked(listed, stop_words)
    wanted = min(POINTS, (len(text.trusted) + 2) // 3)  # a third of a short recording, not all of it
    best = sorted(ranked[:wanted], key=_in_order)
    abstract = tuple(_point(sentence) for sentence in best if sentence in ranked[:ABSTRACT])
    return Summary(
        title=_title(text.trusted, ranked),
        abstract=" ".join(point.text for point in abstract),
        abstract_points=abstract,
        points=tuple(map(_point, best)),
        keywords=_keywords(frequent),
        source="extractive",
    )


def _stop_words(language: str) -> frozenset[str]:
    from sumy.utils import get_stop_words

    try:
        listed = get_stop_words(language or "unknown")
    except LookupError:
        return frozenset()
    return frozenset(token for word in listed for token in tokens(word))


def _shortlist(sentences: tuple[Sentence, ...], words: dict[int, list[str]]) -> list[Sentence]:
    """At most `SHORTLIST` sentences: of every equal stretch of the recording the one that says most of its words."""
    fit = [sentence for sentence in sentences if len(words[sentence.number]) >= MIN_WORDS]
    fit = fit or [sentence for sentence in sentences if words[sentence.number]]
    if len(fit) <= SHORTLIST:
        return fit
    spread = Counter(token for sentence in fit for token in set(words[sentence.number]))
    weight = {token: sqrt(count) * log(1 + len(fit) / count) for token, count in spread.items()}

    def telling(sentence: Sentence) -> tuple[float, int]:
        said = words[sentence.number]
        # In the order said: a set's order differs from process to process, and with it the sum's last digits.
        return sum(weight[token] for token in dict.fromkeys(said)) / sqrt(len(said)), -sentence.number

    bounds = [number * len(fit) // SHORTLIST for number in range(SHORTLIST + 1)]
    return [max(fit[left:right], key=telling) for left, right in pairwise(bounds)]


def _ranked(sentences: list[Sentence], stop_words: frozenset[str]) -> list[Sentence]:
    """`sentences` with different words, the most central first; the earlier one wins a draw."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph
    from sumy.models.dom import Sentence as Line
    from sumy.summarizers.text_rank import TextRankSummarizer

    once = {sentence.text: sentence for sentence in reversed(sentences)}
    lines = {Line(sentence.text, _Words()): sentence for sentence in sorted(once.values(), key=_in_order)}
    summarizer = TextRankSummarizer()
    summarizer.stop_words = stop_words
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        ratings = summarizer.rate_sentences(ObjectDocumentModel([Paragraph(list(lines))]))
    # Rounded, so that another order of additions in another build of numpy does not change the order.
    return sorted(
        lines.values(), key=lambda sentence: (-round(float(ratings[Line(sentence.text, None)]), 9), sentence.number)
    )


def _in_order(sentence: Sentence) -> int:
    return sentence.number


def _point(sentence: Sentence) -> Point:
    return Point(one_line(sentence.text, MAX_POINT_CHARACTERS), sentence.segment_ids)


def _title(sentences: tuple[Sentence, ...], ranked: list[Sentence]) -> str:
    """The first sentence that says something, else the most central one."""
    opening = next((sentence for sentence in sentences[:10] if sentence in ranked), ranked[0])
    return one_line(opening.text, TITLE_CHARACTERS).rstrip(".,;:。")


def _keywords(frequent: Counter[str]) -> tuple[str, ...]:
    """The words said most often, at least twice where any is; numbers are no keywords."""
    words = [(-count, word) for word, count in frequent.items() if len(word) > 2 and not word.isdigit()]
    words = words or [(-count, word) for word, count in frequent.items() if not word.isdigit()]
    often = [item for item in words if item[0] < -1] or words
    return tuple(word for _, word in sorted(often)[:KEYWORDS])
