"""A transcript as text and as subtitles: pure functions from `transcript.json` to the bytes of .txt, .srt and .vtt.

Lines have at most 42 characters and a cue at most two lines, as subtitle guides ask. What was spoken is untrusted text:
nothing in it can end a cue or become markup.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any, NamedTuple

LINE, LINES = 42, 2
MAX_CUE_S = 7.0
MIN_CUE_S = 1.0
CUE_PAUSE_S = 1.5


class Cue(NamedTuple):
    """One subtitle: seconds, and one or two lines."""

    start: float
    end: float
    lines: tuple[str, ...]


def as_txt(transcript: dict[str, Any]) -> str:
    """One segment a line."""
    return "".join(f"{segment['text']}\n" for segment in transcript["segments"])


def as_srt(transcript: dict[str, Any]) -> str:
    """SubRip: numbered cues, milliseconds after a comma."""
    return _srt(cues(transcript))


def passages_srt(passages: Iterable[tuple[float, float, str]]) -> str:
    """Passages (start and end in seconds, text) as SubRip; the words of one share its time, none overlaps the next."""
    ordered = sorted(passages)
    starts = [*(start for start, _, _ in ordered[1:]), inf]
    segments = [
        {"words": [], "start": start, "end": min(end, following) if following > start else end, "text": text}
        for (start, end, text), following in zip(ordered, starts[: len(ordered)], strict=True)
    ]
    return _srt(cues({"segments": segments, "duration": 0.0}))


def _srt(found: Iterable[Cue]) -> str:
    blocks = []
    for number, cue in enumerate(found, 1):
        text = "\n".join(_harmless(line) for line in cue.lines)
        blocks.append(f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{text}\n")
    return "\n".join(blocks)


def as_vtt(transcript: dict[str, Any]) -> str:
    """WebVTT, always with hours."""
    blocks = ["WEBVTT\n"]
    for cue in cues(transcript):
        text = "\n".join(_escaped(line) for line in cue.lines)
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{text}\n")
    return "\n".join(blocks)


def cues(transcript: dict[str, Any]) -> list[Cue]:
    """The subtitles of all segments; none overlaps the next, and short ones stay as long as they can up to a second."""
    found = [cue for segment in transcript["segments"] for cue in _of_segment(segment["words"] or _even(segment))]
    stretched = []
    for index, cue in enumerate(found):
        following = found[index + 1].start if index + 1 < len(found) else max(cue.end, transcript["duration"])
        end = max(cue.end, min(cue.start + MIN_CUE_S, following))
        stretched.append(Cue(cue.start, end, cue.lines))
    return stretched


def _of_segment(words: Sequence[dict[str, Any]]) -> Iterator[Cue]:
    held: list[dict[str, Any]] = []
    for word in _short(words):
        if held and (
            len(_wrap([*held, word])) > LINES
            or word["end"] - held[0]["start"] > MAX_CUE_S
            or word["start"] - held[-1]["end"] > CUE_PAUSE_S
        ):
            yield _cue(held)
            held = []
        held.append(word)
    if held:
        yield _cue(held)


def _even(segment: dict[str, Any]) -> list[dict[str, Any]]:
    """The words of a segment of which only the text is known, with times spread over its characters."""
    said = segment["text"].split()
    each_s = (segment["end"] - segment["start"]) / max(1, sum(map(len, said)))
    words, at = [], 0
    for word in said:
        start = segment["start"] + at * each_s
        at += len(word)
        words.append({"word": f" {word}", "start": start, "end": segment["start"] + at * each_s})
    return words


def _cue(words: Sequence[dict[str, Any]]) -> Cue:
    return Cue(words[0]["start"], words[-1]["end"], tuple(_balanced(words)))


def _short(words: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The words, those longer than a line in pieces that share their time."""
    for word in words:
        text = word["word"].strip()
        space = " " if word["word"][:1].isspace() else ""
        parts = [text[at : at + LINE] for at in range(0, len(text), LINE)]
        each_s = (word["end"] - word["start"]) / max(1, len(parts))
        for number, part in enumerate(parts):
            start = word["start"] + number * each_s
            yield {"word": part if number else space + part, "start": start, "end": start + each_s}


def _wrap(words: Sequence[dict[str, Any]], width: int = LINE) -> list[str]:
    """Lines of at most `width` characters, or of one word that is longer."""
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word["word"]) > width:
            lines.append("")
        lines[-1] += word["word"] if lines[-1] else word["word"].lstrip()
    return lines


def _balanced(words: Sequence[dict[str, Any]]) -> list[str]:
    """Two lines of about the same length rather than a long and a short one."""
    lines = _wrap(words)
    if len(lines) != LINES:
        return lines
    total = sum(len(line) for line in lines)
    for width in range(total // 2, LINE + 1):
        narrow = _wrap(words, width)
        if len(narrow) <= LINES:
            return narrow
    return lines


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _harmless(text: str) -> str:
    """SubRip has no escapes: an arrow and what players take for tags are written with look-alikes."""
    return text.replace("-->", "→").replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")
