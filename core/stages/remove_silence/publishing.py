"""The files of the stage beside the video: the cut list, and the transcript on the timeline of the cut video."""

from pathlib import Path
from typing import Any

import msgspec

from core.domain import subtitles
from core.domain.cuts import CutList
from core.domain.recut import recut_transcript
from core.domain.silence import Found, Rule, said


def write_cuts(
    folder: Path, cuts: CutList, rule: Rule, found: Found | None, *, fps: str | None = None, why: str | None = None
) -> None:
    """`cuts.json`: what is kept and what went, in seconds of the video as it was; by which rule; or `why` nothing went."""
    document: dict[str, Any] = {
        "duration": cuts.duration,
        "kept_s": cuts.kept_s,
        "removed_s": cuts.removed_s,
        "said": said(cuts),
        "why": why,
        "fps": fps,
        "rule": rule,
        "thresholds": found.thresholds if found is not None else None,
        "kept": cuts.kept,
        "removed": cuts.removed,
    }
    _write_json(folder / "cuts.json", document)


def write_transcript(folder: Path, path: Path, cuts: CutList) -> None:
    """`transcript.json`, `.txt`, `.srt` and `.vtt` like those of the whole video, as they fit the cut one."""
    transcript = recut_transcript(msgspec.json.decode(path.read_bytes()), cuts)
    _write_json(folder / "transcript.json", transcript)
    for suffix, render in (("txt", subtitles.as_txt), ("srt", subtitles.as_srt), ("vtt", subtitles.as_vtt)):
        (folder / f"transcript.{suffix}").write_bytes(render(transcript).encode())


def _write_json(path: Path, document: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
