"""What a summary is, as `summary.json` holds it."""

from typing import Literal

import msgspec


class Point(msgspec.Struct, frozen=True):
    """One statement and the segments it rests on; never none."""

    text: str
    segment_ids: tuple[int, ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The whole summary; `abstract` is the texts of `abstract_points`, joined.

    `model` is null when no model was asked.
    """

    title: str
    abstract: str
    abstract_points: tuple[Point, ...] = ()
    points: tuple[Point, ...] = ()
    keywords: tuple[str, ...] = ()
    source: Literal["llm", "extractive"]
    model: str | None = None


NO_SPEECH = Summary(
    title="No speech detected",
    abstract="No speech was detected in this recording, so there is nothing to summarise.",
    source="extractive",
)

NO_RELIABLE_SPEECH = Summary(
    title="No speech recognised reliably",
    abstract="No speech could be recognised reliably in this recording: every segment of the transcript is marked suspect.",
    source="extractive",
)
