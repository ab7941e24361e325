"""A transcript, its quotes and its chapters on the timeline of a medium from which spans were cut. Pure.

What was cut away altogether is left out; what was cut into stays with what is left of it. Texts never change.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from core.domain.cuts import CutList, Span, Timeline

DIGITS = 3


def recut_transcript(transcript: Mapping[str, Any], cuts: CutList) -> dict[str, Any]:
    """`transcript.json` as it fits the cut medium: segments keep their order and are numbered anew from 0."""
    line = cuts.timeline()
    segments: list[dict[str, Any]] = []
    for segment in transcript["segments"]:
        words = [moved for word in segment["words"] if (moved := _moved(word, line)) is not None]
        spoken = (
            Span(words[0]["start"], words[-1]["end"]) if words else line.span(Span(segment["start"], segment["end"]))
        )
        if spoken is None or (segment["words"] and not words):
            continue
        times = {"start": round(spoken.start, DIGITS), "end": round(spoken.end, DIGITS)}
        # Where none of its words is missing its text stands as it is; else it is what is left of them.
        whole = len(words) == len(segment["words"])
        text = segment["text"] if whole else "".join(word["word"] for word in words).strip()
        segments.append({**segment, **times, "id": len(segments), "text": text, "words": words})
    return {**transcript, "duration": round(cuts.kept_s, DIGITS), "segments": segments}


def recut_times(items: Iterable[Mapping[str, Any]], cuts: CutList) -> list[dict[str, Any]]:
    """Quotes, chapters or highlights with `start` and `end` on the cut timeline, and where they were: `source_start`."""
    line = cuts.timeline()
    found = []
    for item in items:
        moved = _moved(item, line)
        if moved is not None:
            found.append({**moved, "source_start": item["start"], "source_end": item["end"]})
    return found


def _moved(item: Mapping[str, Any], line: Timeline) -> dict[str, Any] | None:
    """`item` with its times on the cut timeline; None if nothing of it is left."""
    start, end = item["start"], item["end"]
    span = line.span(Span(start, end))
    if span is None:
        if end > start or not line.holds(start):
            return None
        span = Span(line.cut(start), line.cut(start))  # a moment without any length is kept as one
    return {**item, "start": round(span.start, DIGITS), "end": round(span.end, DIGITS)}
