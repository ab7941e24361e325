"""Transcripts for tests: built from lines of text, with words and times as the recogniser gives them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.domain.settings import Settings
from core.stages.stage import Published
from tests.support.attempt import FolderAttempt

WORD_S = 0.4


def transcript(
    lines: Iterable[str], *, language: str = "en", flags: dict[int, list[str]] | None = None, words: bool = True
) -> dict[str, Any]:
    """A transcript of one segment a line, `WORD_S` a word; `flags` marks segments by their number."""
    segments: list[dict[str, Any]] = []
    at = 0.0
    for number, line in enumerate(lines):
        said = line.split()
        spoken = [
            {"word": f" {word}", "start": at + k * WORD_S, "end": at + (k + 1) * WORD_S, "probability": 0.9}
            for k, word in enumerate(said)
        ]
        end = at + len(said) * WORD_S
        segments.append(
            {
                "id": number,
                "start": round(at, 3),
                "end": round(end, 3),
                "text": " " + " ".join(said),
                "words": spoken if words else [],
                "flags": (flags or {}).get(number, []),
            }
        )
        at = end
    return {"language": language, "duration": at, "model": "tiny.en", "segments": segments}


def published(folder: Path, document: dict[str, Any] | Sequence[str]) -> dict[str, Published]:
    """The inputs of a stage that reads a transcript: `document` (or its lines) published as the transcribe stage does."""
    made = document if isinstance(document, dict) else transcript(document)
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(made).encode()
    (folder / "transcript.json").write_bytes(content)
    files = {"transcript.json": hashlib.sha256(content).hexdigest()}
    return {"transcribe": Published(stage="transcribe", key="k", content="c", path=folder, files=files, facts={})}


def attempt_at(folder: Path, said: dict[str, Any] | Sequence[str] | None = None, **settings: Any) -> FolderAttempt:
    """An attempt in `folder` of a stage that reads the transcript of `said` (TALK), with these settings."""
    return FolderAttempt(folder, published(folder / "transcribe", TALK if said is None else said), Settings(**settings))


def long_talk(sentences: int) -> list[str]:
    """A talk that a model is asked about in more than one part."""
    return [
        f"In the year {1000 + number} the river carried {number * 7} salmon past the weir of the old mill."
        for number in range(sentences)
    ]


TALK = [
    "Welcome to the annual meeting of the river restoration project in Wales.",
    "My name is Gwen Davies and I have worked on this river for 12 years.",
    "The most important result is that salmon have returned to the upper river for the first time since 1974.",
    "We counted 312 adult fish at the weir between April and October.",
    "And that was a surprise to everyone in the room.",
    "We do not think that the new dam would improve the situation for anybody.",
    "Removing two old weirs cost less than one tenth of the planned fish ladder.",
    "The water in the river is colder now because trees shade its banks.",
    "Farmers along the river gave us four hectares of land for planting.",
    "In conclusion, restoring a river is mostly a matter of getting out of its way.",
    "Thank you very much for listening, and please come and walk with us.",
]
