"""Checking what a language model offers as highlights: its telling sentence has to have been said.

The passage it names is taken when that sentence stands in it; else the sentence itself is, and the highlight counts as
repaired. What was not said is rejected. All words that are shown are the transcript's own.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable

import msgspec

from core.domain.passages import MOST_S
from core.domain.quotes import Index
from core.domain.sentences import Text
from core.stages.highlights.ask import Pick
from core.stages.language_offers import Answer
from core.stages.spoken import Status, locate, sentence_of

MOST_SENTENCES = 12
BEST = 10.0


class Chosen(msgspec.Struct, frozen=True):
    """The sentences from `first` to `last`, whether they were named rightly, the model's reason, and its rating, 0 to 1."""

    first: int
    last: int
    status: Status
    why: str
    rating: float


def verify(
    answers: Iterable[Answer[Pick]], text: Text, index: Index, check: Callable[[], None]
) -> tuple[list[Chosen], int]:
    """The passages that were offered rightly, in the order they came, and how many offers were rejected."""
    starts = [sentence.first for sentence in text.sentences]
    chosen: list[Chosen] = []
    rejected = 0
    for answer in answers:
        for pick in answer.offers:
            check()
            found = locate(pick, answer, text, index)
            if found is None:
                rejected += 1
                continue
            telling = bisect_right(starts, found.first) - 1, bisect_right(starts, found.last - 1) - 1
            named = _named(pick, answer, text)
            status: Status = found.status
            if named is None or not named[0] <= telling[0] <= telling[1] <= named[1]:
                named, status = telling, "repaired"
            first, last = _bounded(named, telling, text)
            rating = min(max(pick.rating, 1.0), BEST) / BEST
            chosen.append(Chosen(first, last, status, pick.why, rating))
    return chosen, rejected


def _named(pick: Pick, answer: Answer[Pick], text: Text) -> tuple[int, int] | None:
    """The sentences an offer names, if they are those of the part the model was shown."""
    first, last = sentence_of(pick.start_id, text), sentence_of(pick.end_id, text)
    if first is None or last is None or not answer.first <= first <= last <= answer.last:
        return None
    return first, last


def _bounded(named: tuple[int, int], telling: tuple[int, int], text: Text) -> tuple[int, int]:
    """What of the named sentences is taken: round the telling ones, no suspect ones, and not too much."""
    first, last = telling
    while last - first + 1 < MOST_SENTENCES:
        wider = [
            number
            for number in (last + 1, first - 1)
            if named[0] <= number <= named[1]
            and not text.sentences[number].suspect
            and text.sentences[max(last, number)].end - text.sentences[min(first, number)].start <= MOST_S
        ]
        if not wider:
            break
        first, last = min(first, wider[0]), max(last, wider[0])
    return first, last
