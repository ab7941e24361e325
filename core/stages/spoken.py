"""Looking up in the transcript what a language model says was said there.

Word for word in the transcript: verified, at the place nearest to the one named. Nearly so within the part the model
was shown: repaired, that is, replaced by the words spoken. Everything else is refused, as is what stands in suspect
segments. The model's own string is never shown.
"""

from collections import Counter
from typing import Literal

import msgspec

from core.domain.quotes import MIN_TOKENS, Index, tokens
from core.domain.sentences import Text
from core.stages.language_offers import Answer, Offer, Offers

REPAIRABLE = 0.85  # below, it is another sentence
MAX_TOKENS = 120
NEAR_SENTENCES = 3

Status = Literal["verified", "repaired"]


class Place(msgspec.Struct, frozen=True):
    """The words `[first, last)` an offer means, whether they were said so, and how well they match, 0 to 1."""

    first: int
    last: int
    status: Status
    score: float


def locate(offer: Offer, answer: Answer[Offers], text: Text, index: Index) -> Place | None:
    """Where what is offered as a part of `answer` was said, if it was."""
    wanted = tokens(offer.text)
    if not MIN_TOKENS <= len(wanted) <= MAX_TOKENS:
        return None
    sentence = sentence_of(offer.start_id, text)
    named = sentence if sentence is not None else answer.first
    aim, _ = index.token_range(text.sentences[named].first, text.sentences[named].first + 1)
    spans = [(at, at + len(wanted)) for at in index.find(wanted)]
    sound = [span for span in spans if not text.suspect(*index.word_range(*span))]
    if sound:
        start, end = min(sound, key=lambda span: (abs(span[0] - aim), span[0]))
        return Place(*index.word_range(start, end), "verified", 1.0)
    near = None
    for first_sentence, last_sentence in _searched(offer, answer, text, sentence):
        said = index.token_range(text.sentences[first_sentence].first, text.sentences[last_sentence].last)
        near = near or _nearest(wanted, *said, index)
    if near is None:
        return None
    first, last = index.word_range(near[0], near[1])
    return None if text.suspect(first, last) else Place(first, last, "repaired", near[2])


def sentence_of(label: str, text: Text) -> int | None:
    """The number of the sentence a label names, when there is one."""
    digits = label.strip().removeprefix("S")
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(digits)
    return number if number < len(text.sentences) else None


def _searched(offer: Offer, answer: Answer[Offers], text: Text, sentence: int | None) -> list[tuple[int, int]]:
    """The sentences from first to last in which a near match is looked for: round those named, then in the whole part."""
    first, last = answer.first, answer.last
    if sentence is None or not first <= sentence <= last:
        return [(first, last)]
    end = sentence_of(offer.end_id, text)
    to = end if end is not None and sentence <= end <= last else sentence
    return [(max(first, sentence - NEAR_SENTENCES), min(last, to + NEAR_SENTENCES)), (first, last)]


def _nearest(wanted: list[str], start: int, end: int, index: Index) -> tuple[int, int, float] | None:
    """The run of tokens within `[start, end)` most like `wanted`, as (start, end, likeness), if it is like enough."""
    from rapidfuzz import fuzz, process  # heavy enough to wait until there is something to repair

    said = index.tokens[start:end]
    asked = " ".join(wanted)
    slack = min(max(1, len(wanted) // 6), 8)
    places = _promising(wanted, said, slack)
    best: tuple[float, int, int] | None = None
    for length in range(max(MIN_TOKENS, len(wanted) - slack), len(wanted) + slack + 1):
        fit = [at for at in places if at + length <= len(said)]
        windows = (" ".join(said[at : at + length]) for at in fit)
        hit = process.extractOne(asked, windows, scorer=fuzz.ratio, score_cutoff=100 * REPAIRABLE)
        if hit is not None and (best is None or hit[1] > best[0]):
            best = hit[1], fit[hit[2]], length
    if best is None:
        return None
    ratio, at, length = best
    return start + at, start + at + length, ratio / 100


def _promising(wanted: list[str], said: list[str], slack: int) -> list[int]:
    """Where in `said` a run like `wanted` may begin: near every run of its length that shares half of its words."""
    missing = Counter(wanted)
    shared = 0
    places: set[int] = set()
    for right, token in enumerate(said):
        shared += missing[token] > 0
        missing[token] -= 1
        left = right - len(wanted)
        if left >= 0:
            missing[said[left]] += 1
            shared -= missing[said[left]] > 0
        if 2 * shared >= len(wanted):
            places.update(range(max(0, left + 1 - slack), left + 2 + slack))
    return sorted(places)
