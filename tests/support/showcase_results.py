"""What the runs of the showcase have made: a picture, quotes and a summary."""

import functools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.support.media_files import ffmpeg


@functools.cache
def talk_video() -> Path:
    """A minute of moving colours and a quiet tone."""
    path = Path(tempfile.mkdtemp(dir=os.environ.get("HOME"))) / "talk.mp4"
    picture = (
        "gradients=size=640x360:rate=5:duration=57:c0=0x16324f:c1=0x3f7d6e:c2=0x8fb8a8:nb_colors=3:speed=0.02:seed=7"
    )
    sound = ("-f", "lavfi", "-i", "sine=frequency=180:duration=57")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k")
    ffmpeg("-f", "lavfi", "-i", picture, *sound, *coded, "-movflags", "+faststart", str(path))
    return path


KEPT = ((0.0, 20.0), (26.0, 57.0))  # what is left of the talk's minute once its silence is gone


@functools.cache
def cut_video() -> Path:
    """The talk without what lies between `KEPT`."""
    path = talk_video().with_name("cut.mp4")
    chosen = "+".join(f"between(t,{start},{end})" for start, end in KEPT)
    filters = ("-vf", f"select='{chosen}',setpts=N/FRAME_RATE/TB", "-af", f"aselect='{chosen}',asetpts=N/SR/TB")
    ffmpeg("-i", str(talk_video()), *filters, "-preset", "ultrafast", "-movflags", "+faststart", str(path))
    return path


def cut_files(said: dict[str, Any]) -> dict[str, bytes]:
    """What the removal of silence publishes of the talk: the video, what was kept, and the transcript as it fits."""
    segments: list[dict[str, Any]] = []
    before = 0.0
    for start, end in KEPT:
        for segment in said["segments"]:
            if start <= segment["start"] < end:
                moved = {"id": len(segments), "start": segment["start"] - start + before, "words": []}
                segments.append(segment | moved | {"end": min(segment["end"], end) - start + before})
        before += end - start
    kept = [{"start": start, "end": end} for start, end in KEPT]
    return {
        "silence_removed.mp4": cut_video().read_bytes(),
        "cuts.json": as_json({"duration": 57.0, "kept": kept, "removed": [{"start": 20.0, "end": 26.0}]}),
        "transcript.json": as_json(said | {"duration": before, "segments": segments}),
    }


@functools.cache
def poster(number: int) -> bytes:
    """A picture by which a video is known, another one for each number."""
    path = talk_video().with_name(f"poster-{number}.jpg")
    colours = ("0x16324f", "0x3f7d6e", "0x8fb8a8", "0xd9a441", "0x7a4e6d", "0xc0605a", "0x4a6fa5", "0xa7bfa0")
    picked = ":".join(f"c{place}={colours[(number * 3 + place * 2) % len(colours)]}" for place in range(3))
    picture = f"gradients=size=320x180:rate=1:duration=1:{picked}:nb_colors=3:type=radial:seed={number + 3}"
    ffmpeg("-f", "lavfi", "-i", picture, "-frames:v", "1", "-q:v", "4", str(path))
    return path.read_bytes()


def quotes(said: dict[str, Any]) -> dict[str, Any]:
    """Quotes as the stage publishes them: one repaired, the others verified."""
    chosen = [
        (2, "verified", "says what the recording is about; names figures"),
        (6, "repaired", "compares costs"),
        (9, "verified", "closes the recording"),
    ]
    found = [
        {
            "quote_id": f"q_{place:020d}",
            "text": said["segments"][place]["text"].strip(),
            "start": said["segments"][place]["start"],
            "end": said["segments"][place]["end"],
            "segment_ids": [place],
            "status": status,
            "score": 1.0,
            "why": why,
            "source": "extractive",
        }
        for place, status, why in chosen
    ]
    return {"quotes": found, "rejected": 1, "transcript_sha256": "0" * 64}


def highlights(said: dict[str, Any], text: str = "", reason: str = "") -> dict[str, Any]:
    """Highlights as the stage publishes them: one repaired, the others verified; `text` and `reason` for the second."""
    chosen = [
        (2, 3, 0.91, "verified", "mentions “salmon”; is announced as important"),
        (6, 7, 0.74, "repaired", reason or "is louder than what is around it"),
        (9, 9, 0.66, "verified", "closes the recording"),
    ]
    spoken = said["segments"]
    found = [
        {
            "highlight_id": f"h_{first:020x}",
            "start": spoken[first]["start"],
            "end": spoken[last]["end"],
            "text": " ".join(spoken[place]["text"].strip() for place in range(first, last + 1)),
            "segment_ids": list(range(first, last + 1)),
            "score": score,
            "reason": why,
            "keywords": ["salmon"] if first == 2 else [],
            "status": status,
            "source": "extractive",
        }
        for first, last, score, status, why in chosen
    ]
    found[1]["text"] = text or found[1]["text"]
    kept = [{"start": one["start"], "end": one["end"]} for one in found]
    return {
        "highlights": found,
        "rejected": 0,
        "sensitivity": "medium",
        "note": "",
        "transcript_sha256": "0" * 64,
        "cuts": {"duration": 57.0, "kept": kept},
    }


SUMMARY = {
    "title": "Salmon are back in the upper river",
    "abstract": "Ten years of restoration brought salmon back to the upper river, at a tenth of the cost of a fish ladder.",
    "points": [
        {"text": "Salmon have returned to the upper river for the first time since 1974.", "segment_ids": [2, 3]},
        {"text": "Removing two weirs cost less than one tenth of the planned fish ladder.", "segment_ids": [6]},
        {"text": "Shade from planted trees made the water colder.", "segment_ids": [7, 8]},
    ],
    "keywords": ["salmon", "weir", "restoration", "shade", "farmers"],
    "source": "extractive",
    "model": None,
}


def as_json(document: Any) -> bytes:
    """A document as its file holds it."""
    return json.dumps(document).encode()
