"""Reading transcripts that others made: SubRip, WebVTT and Whisper's JSON become timed passages of plain text.

Nothing in them is believed: markup and control characters go, a cue that cannot be is left out and counted, and passages
come out in order, none beginning before the one before it ends.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import unescape
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from core.domain.errors import BadInput

FORMATS = (".srt", ".vtt", ".json")
MAX_CHARS = 2000  # in one cue; a subtitle has 84
MAX_PASSAGES = 50_000
LEAST_S = 0.02  # what is shorter after trimming is no cue any more
ROLLING_SHARE, ROLLING_GAP_S = 0.3, 0.3
_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_TIMING = re.compile(rf"^\s*{_TIME}\s+-->\s+{_TIME}(?:\s|$)")
_WORD_TIME = re.compile(r"<(?:(\d{1,3}):)?(\d{1,2}):(\d{2})\.(\d{3})>")
_TAG = re.compile(r"<[^<>]{0,300}>|\{\\[^{}]{0,300}\}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}\Z")


class Word(NamedTuple):
    """A word and when it is said, in seconds."""

    start: float
    end: float
    text: str


class Passage(NamedTuple):
    """Some text and when it is said, in seconds; `words` where their times are known, else none."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()


class Captions(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of captions holds: passages in order, the language if it says so, and how many cues were left out."""

    passages: tuple[Passage, ...]
    language: str | None = None
    dropped: int = 0


class _Cue(NamedTuple):
    start: float
    end: float
    lines: tuple[str, ...]
    words: tuple[Word, ...] = ()


def read_captions(data: bytes, suffix: str, duration_s: float | None = None) -> Captions:
    """The captions in the bytes of a file with this suffix (`.srt`, `.vtt`, `.json`), cut at the end of the medium.

    Raises `BadInput` when it is no such file or holds no cue that can be used.
    """
    language = None
    if suffix == ".json":
        found, dropped, language = _from_json(data)
    else:
        found, dropped = _from_text(_decoded(data))
        found = _unrolled(found)
    passages, more = _in_order(found, duration_s)
    if not passages:
        left_out = f"; {dropped + more} cues cannot be used" if dropped + more else ""
        raise BadInput(f"There is no caption in this file{left_out}.", hint="Give SubRip, WebVTT or Whisper's JSON.")
    return Captions(passages=tuple(passages), language=language, dropped=dropped + more)


def _decoded(data: bytes) -> str:
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    return data.decode("cp1252", "replace")


def _from_text(text: str) -> tuple[list[_Cue], int]:
    """The cues of SubRip or WebVTT: whatever follows a line of two times, up to an empty one or the next of these."""
    cues: list[_Cue] = []
    dropped = 0
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at][:200]
        at += 1
        if "-->" not in line:
            continue
        body = []
        while at < len(lines) and lines[at] and "-->" not in lines[at][:200]:
            body.append(lines[at])
            at += 1
        if at < len(lines) and "-->" in lines[at][:200] and body and body[-1].strip().isdigit():
            body.pop()  # the number of the next cue, which no empty line parts from this one
        cue = _cue(line, body)
        dropped += cue is None
        if cue is not None:
            cues.append(cue)
    return cues, dropped


def _cue(timing: str, body: Sequence[str]) -> _Cue | None:
    found = _TIMING.match(timing)
    if found is None or sum(map(len, body)) > MAX_CHARS * 4:
        return None
    start, end = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
    lines = tuple(line for line in map(_plain, body) if line)
    if start is None or end is None or end <= start or sum(map(len, lines)) > MAX_CHARS:
        return None
    return _Cue(start, end, lines, _timed_words("\n".join(body), start, end)) if lines else None


def _seconds(parts: Sequence[str | None]) -> float | None:
    hours, minutes, seconds, rest = parts
    if minutes is None or seconds is None or rest is None or int(minutes) > 59 or int(seconds) > 59:
        return None
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(rest.ljust(3, "0")) / 1000


def _plain(text: str) -> str:
    """One line of text without markup, entities, control characters and doubled spaces."""
    bare = unescape(_TAG.sub("", text))
    return " ".join("".join(char if char.isprintable() else " " for char in bare).split())


def _timed_words(body: str, start: float, end: float) -> tuple[Word, ...]:
    """The words of a cue that says between them when each begins; none when it does not, or says what cannot be."""
    pieces = _WORD_TIME.split(body)
    if len(pieces) < 2:
        return ()
    begins = [start, *((_seconds(pieces[at : at + 4]) or -1.0) for at in range(1, len(pieces), 5))]
    texts = [_plain(piece) for piece in pieces[0::5]]
    if begins != sorted(begins) or begins[-1] > end:
        return ()
    ends = [*begins[1:], end]
    # The first piece may begin with the line before, which is shown once more.
    return tuple(Word(*timed) for timed in zip(begins, ends, texts, strict=True) if timed[2])


def _unrolled(cues: list[_Cue]) -> list[_Cue]:
    """The cues without the lines that each repeats of the one before it, where that is what the whole file does."""

    def repeats(before: _Cue, cue: _Cue) -> int:
        if cue.start - before.end > ROLLING_GAP_S:
            return 0
        most = min(len(before.lines), len(cue.lines))
        return next((n for n in range(most, 0, -1) if before.lines[-n:] == cue.lines[:n]), 0)

    repeated = [0, *(repeats(before, cue) for before, cue in pairwise(cues))]
    if len(cues) < 3 or sum(map(bool, repeated)) < ROLLING_SHARE * len(cues):
        return cues
    fresh = []
    for cue, count in zip(cues, repeated, strict=True):
        lines = cue.lines[count:]
        if lines:
            said = " ".join(lines)
            fresh.append(_Cue(cue.start, cue.end, lines, _last_words(cue.words, said)))
    return fresh


def _last_words(words: Sequence[Word], said: str) -> tuple[Word, ...]:
    """The words without the lines that the first of them still has before it; none when they do not say the same."""
    if not words:
        return ()
    rest = " ".join(word.text for word in words[1:])
    first = said.removesuffix(rest).strip()
    if not first or not words[0].text.endswith(first):
        return ()
    return (words[0]._replace(text=first), *words[1:])


def _from_json(data: bytes) -> tuple[list[_Cue], int, str | None]:
    """The segments of Whisper's JSON as its many programs write it."""
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("This is not valid JSON.", hint="Give the JSON that Whisper wrote.") from None
    said = found if isinstance(found, dict) else {"segments": found}
    segments = said.get("segments") or said.get("transcription")
    if not isinstance(segments, list):
        raise BadInput("This JSON has no list of segments.", hint="Give the JSON that Whisper wrote.")
    cues = [_segment(segment) for segment in segments]
    result = said.get("result")
    language = said.get("language") or (result.get("language") if isinstance(result, dict) else None)
    named = language.lower() if isinstance(language, str) and _LANGUAGE.match(language) else None
    return [cue for cue in cues if cue is not None], sum(cue is None for cue in cues), named


def _segment(segment: Any) -> _Cue | None:
    if not isinstance(segment, dict):
        return None
    offsets = segment.get("offsets")
    if isinstance(offsets, dict):  # whisper.cpp counts milliseconds
        start, end = _number(offsets.get("from"), 1000), _number(offsets.get("to"), 1000)
    else:
        start, end = _number(segment.get("start")), _number(segment.get("end"))
    text = segment.get("text")
    if start is None or end is None or end <= start or not isinstance(text, str) or len(text) > MAX_CHARS:
        return None
    line = _plain(text)
    return _Cue(start, end, (line,), _segment_words(segment.get("words"), line, start, end)) if line else None


def _segment_words(given: Any, line: str, start: float, end: float) -> tuple[Word, ...]:
    words: list[Word] = []
    for one in given if isinstance(given, list) else ():
        said = one.get("word", one.get("text")) if isinstance(one, Mapping) else None
        begins, ends = (_number(one.get(name)) for name in ("start", "end")) if isinstance(said, str) else (None, None)
        if not isinstance(said, str) or begins is None or ends is None or ends < begins:
            return ()
        if text := _plain(said):
            words.append(Word(max(start, begins), min(end, ends), text))
    same = "".join(word.text for word in words).replace(" ", "") == line.replace(" ", "")
    ordered = all(one.start <= following.start for one, following in pairwise(words))
    return tuple(words) if same and ordered else ()


def _number(value: Any, divisor: float = 1.0) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value / divisor if is_number and 0 <= value < 1e9 else None


def _in_order(cues: Iterable[_Cue], duration_s: float | None) -> tuple[list[Passage], int]:
    """Passages in order, and how many cues had no place: those that overlap are cut where the next begins."""
    passages: list[Passage] = []
    last = _Together()
    dropped = 0
    for cue in sorted(cues, key=lambda cue: (cue.start, cue.end)):
        end = cue.end if duration_s is None else min(cue.end, duration_s)
        if end - cue.start < LEAST_S or len(passages) + last.is_open >= MAX_PASSAGES:
            dropped += 1
            continue
        if last.is_open and cue.start < last.end:
            if cue.start - last.start < LEAST_S:  # two at once: what is shown together was said one after the other
                last.add(cue, end)
                continue
            last.end = cue.start
        if last.is_open:
            passages.append(last.passage())
        last = _Together(cue, end)
    if last.is_open:
        passages.append(last.passage())
    return passages, dropped


class _Together:
    """Cues that are shown at once, to be one passage: gathered, since text that grows cue by cue is copied each time."""

    def __init__(self, cue: _Cue | None = None, end: float = 0.0) -> None:
        self._cues = [cue] if cue is not None else []
        self.start, self.end = cue.start if cue is not None else 0.0, end

    @property
    def is_open(self) -> bool:
        """Whether there is any."""
        return bool(self._cues)

    def add(self, cue: _Cue, end: float) -> None:
        """One more."""
        self._cues.append(cue)
        self.end = max(self.end, end)

    def passage(self) -> Passage:
        """All of them; the times of words are those of a cue that is shown alone."""
        words = self._cues[0].words if len(self._cues) == 1 else ()
        text = " ".join(line for cue in self._cues for line in cue.lines)
        return Passage(self.start, self.end, text, _within(words, self.start, self.end))


def _within(words: Iterable[Word], start: float, end: float) -> tuple[Word, ...]:
    return tuple(_kept(words, start, end))


def _kept(words: Iterable[Word], start: float, end: float) -> Iterator[Word]:
    for word in words:
        yield Word(min(max(word.start, start), end), min(max(word.end, start), end), word.text)
