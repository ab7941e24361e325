"""Checking what a language model offers as quotes against the transcript's own words."""

from collections.abc import Callable, Iterable

from core.domain.quotes import Index, Quote, make_quote
from core.domain.sentences import Text
from core.stages.language_offers import Answer, Offer
from core.stages.spoken import locate


def verify(
    answers: Iterable[Answer[Offer]], text: Text, index: Index, transcript_sha256: str, check: Callable[[], None]
) -> tuple[list[Quote], int]:
    """The quotes that stand in `text`, in its order and without repetitions, and how many offers were rejected."""
    kept: dict[tuple[int, int], Quote] = {}
    rejected = 0
    for answer in answers:
        for offer in answer.offers:
            check()
            found = locate(offer, answer, text, index)
            if found is None:
                rejected += 1
                continue
            # Two offers for the same words are one quote; the one seen first stands.
            if any(found.first < other_last and other_first < found.last for other_first, other_last in kept):
                continue
            kept[found.first, found.last] = make_quote(
                text,
                found.first,
                found.last,
                transcript_sha256=transcript_sha256,
                status=found.status,
                score=found.score,
                why=offer.why,
                source="llm",
            )
    return [kept[span] for span in sorted(kept)], rejected
