"""A transcript that somebody made before, instead of listening: given with the source, or the video's own subtitles."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from core.domain.captions import Captions, Passage, read_captions
from core.domain.errors import BadInput, ErrorClass, StageError
from core.domain.run import Transcript
from core.stages.stage import Job
from core.stages.transcribe.assemble import Timed, clean, split
from core.system import files

FORMAT = 1  # raised when the same captions must give another transcript
MAX_BYTES = 20 * 10**6


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """Captions, the checksum of their file, and where they come from in a word: `file`, `manual`, `auto`, `embedded`."""

    captions: Captions
    sha256: str
    origin: str
    language: str | None


def find(job: Job) -> Imported | None:
    """What is taken instead of transcribing, if anything.

    What was given with the source goes before the video's own subtitles, which count only if the settings want them and
    they can be read. Raises `StageError(INPUT_LOST)` when what was given is gone or another file now.
    """
    source, settings = job.inputs["download"], job.settings
    duration_s = source.facts.get("duration")
    wanted = settings.language if settings.language != "auto" else None
    if job.source.transcript is not None:
        data = _given(job.source.transcript)
        path = Path(job.source.transcript.path)
        try:
            captions = read_captions(data, path.suffix.lower(), duration_s)
        except BadInput as error:
            raise StageError(
                ErrorClass.INPUT_LOST, f"The transcript {path.name} is of no use here: {error.message}"
            ) from error
        language = wanted or captions.language or language_of(path)
        return Imported(captions=captions, sha256=job.source.transcript.sha256, origin="file", language=language)
    own = source.facts.get("subtitles")
    if settings.use_subtitles == "never" or not own or own["file"] not in source.files:
        return None
    path = source.path / own["file"]
    try:
        captions = read_captions(files.read_regular(path, MAX_BYTES), path.suffix.lower(), duration_s)
    except (BadInput, OSError):
        return None  # they were only worth a try: then it is listened to
    language = wanted or own.get("language")
    return Imported(captions=captions, sha256=source.files[own["file"]], origin=own["kind"], language=language)


def transcript_of(imported: Imported, duration_s: float) -> dict[str, Any]:
    """The transcript as `transcript.json` has it: sentences, with the time of a cue shared among its words."""
    words: list[Timed] = []
    clock = 0.0
    for number, passage in enumerate(imported.captions.passages):
        for word in _words(passage, number):
            start = max(clock, round(word.start, 3))
            clock = max(start, round(word.end, 3))
            words.append(Timed(start, clock, word.text, 1.0, number))
    groups = split(words)
    return {
        "language": imported.language,
        "duration": round(duration_s, 3),
        "model": None,
        "segments": [
            {
                "id": index,
                "start": group[0].start,
                "end": group[-1].end,
                "text": "".join(word.text for word in group).strip(),
                "words": [
                    {"word": word.text, "start": word.start, "end": word.end, "probability": word.probability}
                    for word in group
                ],
                "flags": [],
            }
            for index, group in enumerate(groups)
        ],
    }


def language_of(path: Path) -> str | None:
    """The language that a name such as `talk.en.srt` tells."""
    tag = Path(path.stem).suffix.lstrip(".").partition("-")[0].lower()
    return tag if len(tag) in (2, 3) and tag.isalpha() and tag.isascii() else None


def _given(transcript: Transcript) -> bytes:
    name = Path(transcript.path).name
    try:
        data = files.read_regular(transcript.path, MAX_BYTES)
    except OSError as error:
        raise StageError(
            ErrorClass.INPUT_LOST, f"The transcript {name} cannot be read any more: {error.strerror}."
        ) from error
    if hashlib.sha256(data).hexdigest() != transcript.sha256:
        raise StageError(ErrorClass.INPUT_LOST, f"The transcript {name} is not the one that was added.")
    return data


def _words(passage: Passage, number: int) -> list[Timed]:
    if passage.words:
        return [Timed(word.start, word.end, f" {clean(word.text)}", 1.0, number) for word in passage.words]
    said = passage.text.split()
    each_s = (passage.end - passage.start) / max(1, sum(map(len, said)))
    words, at = [], 0
    for text in said:
        start = passage.start + at * each_s
        at += len(text)
        words.append(Timed(start, passage.start + at * each_s, f" {text}", 1.0, number))
    return words
