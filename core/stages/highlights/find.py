"""From what was measured and said to highlights: by weight, by a model's choice, or by sound alone."""

from collections.abc import Callable, Iterable, Mapping

from core.domain.highlights import Highlight, Status, highlight_id
from core.domain.loudness import SILENT_DB, Loudness, standing_out
from core.domain.passages import Passage, Weighed, passage, passages
from core.domain.sentences import Text
from core.domain.telling import because
from core.stages.highlights.verify import Chosen

MEASURED = 0.3  # of the score of a passage that a model chose; the rest is the model's own rating
# By sound alone: what is heard in a stretch is compared with its neighbours; so much to either side is shown.
STRETCH_S, BESIDE_S, LEAST_DB, OUTSTANDING = 2.0, 6.0, 2.0, 1.5


def by_weight(
    text: Text, weighed: Mapping[int, Weighed], transcript_sha256: str, duration: float, check: Callable[[], None]
) -> list[Highlight]:
    """Every passage of `text` that stands out at all, without a model."""
    return [
        _highlight(text, one, transcript_sha256, score=one.score, reason=because(one.reasons), status="verified")
        for one in passages(text, weighed, duration, check)
    ]


def by_model(
    text: Text, weighed: Mapping[int, Weighed], chosen: Iterable[Chosen], transcript_sha256: str
) -> list[Highlight]:
    """The passages that a model chose; what was measured in them counts for a part of their score."""
    found = []
    for one in chosen:
        measured = passage(text, weighed, one.first, one.last)
        score = (1 - MEASURED) * one.rating + MEASURED * measured.score
        how = because({reason: value for reason, value in measured.reasons.items() if reason.startswith("is ")})
        reason = "; ".join(part for part in (one.why, how) if part)
        found.append(
            _highlight(text, measured, transcript_sha256, score=score, reason=reason, status=one.status, model=True)
        )
    return found


def by_sound(loudness: Loudness, content: str, duration: float) -> list[Highlight]:
    """The stretches that are louder than what is around them; all there is to go by without words."""
    count = int(loudness.duration_s // STRETCH_S)
    heard = [loudness.between(number * STRETCH_S, (number + 1) * STRETCH_S) for number in range(count)]
    found = []
    for number, above in enumerate(standing_out([level if level > SILENT_DB else None for level in heard], LEAST_DB)):
        if above < OUTSTANDING or any(
            heard[near] > heard[number] for near in range(max(0, number - 2), min(count, number + 3))
        ):
            continue
        start = max(0.0, number * STRETCH_S - BESIDE_S)
        end = min(duration, (number + 1) * STRETCH_S + BESIDE_S)
        found.append(
            Highlight(
                highlight_id=highlight_id(content, start, end),
                start=round(start, 3),
                end=round(end, 3),
                text="",
                segment_ids=(),
                score=round(min(0.95, above / (above + 2)), 3),
                reason="is louder than what is around it",
                status="measured",
                source="sound",
            )
        )
    return found


def _highlight(
    text: Text, one: Passage, transcript_sha256: str, *, score: float, reason: str, status: Status, model: bool = False
) -> Highlight:
    left, right = text.sentences[one.first], text.sentences[one.last]
    start, end = round(left.start, 3), round(right.end, 3)
    return Highlight(
        highlight_id=highlight_id(transcript_sha256, start, end),
        start=start,
        end=end,
        text=text.span(left.first, right.last),
        segment_ids=text.segment_ids(left.first, right.last),
        score=round(score, 3),
        reason=reason or "stands for itself",
        keywords=one.keywords,
        status=status,
        source="llm" if model else "extractive",
    )
