"""The transcript, as a pure function of a plan and of what was heard in its windows."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from core.stages.sound.recording import RATE
from core.stages.transcribe import gate
from core.stages.transcribe.gate import Heard
from core.stages.transcribe.plan import Plan, real_time, seconds

SENTENCE_END = re.compile(r"[.!?…。！？]['\"”’)\]]*$")
CLAUSE_END = re.compile(r"[,;:、，；：]['\"”’)\]]*$")
NO_END = re.compile(r"^(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|[a-z])\.$", re.IGNORECASE)
PAUSE_S = 1.0  # a pause this long ends a segment even within a sentence
MIN_S, MAX_S, MAX_CHARS = 1.0, 15.0, 200
MAX_CHARS_PER_S, MIN_CHARS_PER_S = 25.0, 0.5
EQUAL_SEGMENTS = 3
MIN_PROBABILITY = 0.35
# What Whisper says when nobody does; suspect only where the model itself hears hardly any speech.
PHANTOMS = frozenset({"thank you", "thanks for watching", "thank you for watching", "you", "bye", "please subscribe"})


class Timed(NamedTuple):
    """A word in real time, and the window it was heard in."""

    start: float
    end: float
    text: str
    probability: float
    window: int


def assemble(plan: Plan, heard: Mapping[int, Heard]) -> dict[str, Any]:
    """The transcript of all windows of `plan`: the contract's `transcript.json`, with ids from 0 and monotone times."""
    words = timed_words(plan, heard)
    groups = split(words)
    segments: list[dict[str, Any]] = []
    texts = ["".join(word.text for word in group).strip() for group in groups]
    for index, (group, text) in enumerate(zip(groups, texts, strict=True)):
        segments.append(
            {
                "id": index,
                "start": group[0].start,
                "end": group[-1].end,
                "text": text,
                "words": [
                    {"word": word.text, "start": word.start, "end": word.end, "probability": word.probability}
                    for word in group
                ],
                "flags": _flags(plan, heard, group, text, _is_repeated(texts, index)),
            }
        )
    return {
        "language": plan.language,
        "duration": round(plan.samples / RATE, 3),
        "model": plan.model,
        "segments": segments,
    }


def timed_words(plan: Plan, heard: Mapping[int, Heard]) -> list[Timed]:
    """Every word in real time, in order; no word begins before the one before it ends."""
    words: list[Timed] = []
    clock = 0.0
    for window, pieces in enumerate(plan.windows):
        for start, end, text, probability in heard[window].words:
            begin, finish = real_time(pieces, start, end)
            begin = max(clock, round(begin, 3))
            clock = max(begin, round(finish, 3))
            words.append(Timed(begin, clock, clean(text), probability, window))
    return words


def clean(text: str) -> str:
    """A word without control characters and line breaks."""
    return "".join(character if character.isprintable() else " " for character in text)


def split(words: Sequence[Timed]) -> list[list[Timed]]:
    """Segments: sentences, divided further where they are long, at pauses and commas."""
    sentences: list[list[Timed]] = []
    for index, word in enumerate(words):
        ends = index == 0 or _ends_sentence(words[index - 1].text) or word.start - words[index - 1].end >= PAUSE_S
        if ends:
            sentences.append([])
        sentences[-1].append(word)
    pieces = [piece for sentence in sentences for piece in _divide(sentence)]
    return _join_crumbs(pieces)


def _ends_sentence(text: str) -> bool:
    return bool(SENTENCE_END.search(text)) and not NO_END.match(text.strip())


def _divide(sentence: list[Timed]) -> list[list[Timed]]:
    length_s = sentence[-1].end - sentence[0].start
    if len(sentence) < 2 or (length_s <= MAX_S and sum(len(word.text) for word in sentence) <= MAX_CHARS):
        return [sentence]
    middle = len(sentence) / 2

    def merit(index: int) -> tuple[float, int]:
        before, after = sentence[index - 1], sentence[index]
        pause = min(after.start - before.end, PAUSE_S)
        comma = 0.5 if CLAUSE_END.search(before.text) else 0.0
        # A cut near the middle is better than one near an edge, and counts as much as a comma does.
        return pause + comma + 0.5 * (1 - abs(index - middle) / middle), -index

    cut = max(range(1, len(sentence)), key=merit)
    return [*_divide(sentence[:cut]), *_divide(sentence[cut:])]


def _join_crumbs(segments: list[list[Timed]]) -> list[list[Timed]]:
    """Very short sentences join the next one, as "Yes. I think so." does, where no pause lies between."""
    joined: list[list[Timed]] = []
    for segment in segments:
        last = joined[-1] if joined else None
        if (
            last
            and last[-1].end - last[0].start < MIN_S
            and segment[0].start - last[-1].end < PAUSE_S / 2
            and segment[-1].end - last[0].start <= MAX_S
            and sum(len(word.text) for word in (*last, *segment)) <= MAX_CHARS
        ):
            last += segment
        else:
            joined.append(list(segment))
    return joined


def _is_repeated(texts: Sequence[str], index: int) -> bool:
    """Whether it stands in a row of at least 3 equal segments."""
    plain = [re.sub(r"\W+", " ", text).strip().casefold() for text in texts[max(0, index - 2) : index + 3]]
    own = min(index, 2)
    first = last = own
    while first > 0 and plain[first - 1] == plain[own]:
        first -= 1
    while last + 1 < len(plain) and plain[last + 1] == plain[own]:
        last += 1
    return last - first + 1 >= EQUAL_SEGMENTS


def _flags(plan: Plan, heard: Mapping[int, Heard], group: Sequence[Timed], text: str, is_repeated: bool) -> list[str]:
    """Why a segment is suspect; empty when it is not."""
    flags: set[str] = set()
    length_s = group[-1].end - group[0].start
    if is_repeated or gate.loops([word.text for word in group]) or gate.compression(text) > gate.MAX_COMPRESSION:
        flags.add("repetition")
    if length_s > 0 and (len(text) / length_s > MAX_CHARS_PER_S or len(text) / length_s < MIN_CHARS_PER_S):
        flags.add("speed")
    if sum(word.probability for word in group) / len(group) < MIN_PROBABILITY:
        flags.add("low_confidence")
    for window in {word.window for word in group}:
        unit = heard[window]
        # A fault of a window is one of all its text: which part of it is wrong is not known.
        flags |= set(unit.faults)
        is_silent = unit.no_speech > gate.MAX_NO_SPEECH
        if is_silent and unit.logprob < gate.MIN_LOGPROB:
            flags.add("no_speech")
        phrase = re.sub(r"\W+", " ", text).strip().casefold()
        if phrase in PHANTOMS and (is_silent or seconds(plan.windows[window]) < 1.0):
            flags.add("no_speech")
    return sorted(flags)
