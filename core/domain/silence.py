"""Where a medium is silent: decided from how loud it is, where somebody speaks, and what was asked for. Pure.

A stretch goes when it is quiet for long enough and no word is spoken in it; a margin of it stays at either side. How
quiet that is, is either said (`fixed`, in dB of the loudest sample), or follows from the recording (`auto`): below its
own background noise, or just above it where nobody speaks.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from core.domain.cuts import CutList, Span, joined
from core.domain.levels import NOTHING, STEP_S, Levels, byte_of, decibels
from core.domain.sentences import Transcript
from core.domain.settings import Settings

# Measured on speech in clean and in noisy rooms (bench/silence.py): the background of a recording is what a tenth of it
# stays below, its speech what a twentieth of it goes beyond.
FLOOR_SHARE, SPEECH_SHARE = 0.1, 0.95
ABOVE_FLOOR_DB = 8.0
# However loud the background is, nothing this near to the speech is quiet by its level alone: soft consonants are there.
QUIETER_DB, MUCH_QUIETER_DB = 22.0, 45.0
# Where nobody speaks, a background this near to the speech is quiet, too.
NEARLY_DB = 8.0
BLIP_S = 0.08  # a click in a pause
MIN_CUT_S = 0.1  # a shorter one is not worth a cut
MIN_KEPT_S = 0.1  # what is left between two cuts and would only flash by
LONG_WORD_S = 1.2  # a longer one was stretched over a pause by its recogniser

_TINY_S = 1e-6  # what reckoning with fractions of seconds may be off
_QUIET, _NEARLY, _LOUD = b"\x00\x01\x02"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as silence: `threshold_db` is asked for by `fixed` only, the others are seconds.

    A stretch is silent if it lasts `min_silence_s` or longer; `margin_s` of it stays at each side where sound adjoins.
    """

    mode: Literal["auto", "fixed"] = "auto"
    threshold_db: float = -40.0
    min_silence_s: float = 0.5
    margin_s: float = 0.2


def rule_of(settings: Settings) -> Rule:
    """The rule that the settings of a run ask for."""
    return Rule(
        mode=settings.silence_mode,
        threshold_db=settings.silence_threshold,
        min_silence_s=settings.min_silence_s,
        margin_s=settings.silence_margin_s,
    )


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody speaks: `spoken` is never cut; in `speech` only what is quiet for sure is.

    None in place of a `Voice` means that nobody listened: then nothing is known but levels.
    """

    spoken: tuple[Span, ...] = ()
    speech: tuple[Span, ...] = ()


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """What was quiet in dB: below `quiet` for sure, below `nearly` where nobody speaks; and the background, if measured."""

    quiet: float
    nearly: float
    floor: float | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What would be cut, by which thresholds; `all_silent` says that all of it is silence, and that it is kept therefore."""

    cuts: CutList
    thresholds: Thresholds
    all_silent: bool = False


def find_silence(levels: Levels, duration: float, rule: Rule, voice: Voice | None = None) -> Found:
    """The silences of a medium of `duration` seconds as a cut list.

    Sound that begins late or ends early is silent there. Where all of it is silence, nothing is cut: a medium without
    any length helps nobody.
    """
    found = thresholds(levels, rule)
    away = list(_stretches(levels, duration, rule, found, voice))
    cuts = CutList.removing(duration, _without_flashes(away, voice))
    if not cuts.kept:
        return Found(cuts=CutList.whole(duration), thresholds=found, all_silent=True)
    return Found(cuts=cuts, thresholds=found)


def thresholds(levels: Levels, rule: Rule) -> Thresholds:
    """How quiet silence is: what was asked for, or what the recording itself teaches."""
    if rule.mode == "fixed":
        return Thresholds(quiet=rule.threshold_db, nearly=rule.threshold_db)
    floor, speech = _share(levels.peaks, FLOOR_SHARE), _share(levels.peaks, SPEECH_SHARE)
    quiet = min(max(floor + ABOVE_FLOOR_DB, speech - MUCH_QUIETER_DB), speech - QUIETER_DB)
    nearly = max(quiet, min(floor + ABOVE_FLOOR_DB, speech - NEARLY_DB))
    return Thresholds(quiet=quiet, nearly=nearly, floor=floor)


def voice_of_words(words: Iterable[Span], suspect: Iterable[Span] = ()) -> Voice:
    """What a transcript tells: words are never cut, but for those so long that a pause must be in them.

    `suspect` ones were perhaps never said; they only keep what is not quiet for sure.
    """
    known = list(words)
    return Voice(
        spoken=tuple(joined(word for word in known if word.length <= LONG_WORD_S)),
        speech=tuple(joined([*known, *suspect])),
    )


def voice_of_transcript(transcript: Transcript) -> Voice:
    """Where the words of a transcript are; a segment without times of its words is speech as a whole."""
    words: list[Span] = []
    suspect: list[Span] = []
    for segment in transcript.segments:
        if segment.flags or not segment.words:
            suspect.append(Span(segment.start, segment.end))
        else:
            words += [Span(word.start, word.end) for word in segment.words]
    return voice_of_words(words, suspect)


def said(found: CutList) -> str:
    """What cutting does, in a few words: `214 pauses, -11:20`."""
    count = len(found.removed)
    if not count:
        return "No pauses"
    return f"{count:,} {'pause' if count == 1 else 'pauses'}, -{clock(found.removed_s)}"


def clock(seconds: float) -> str:
    """A length of time as players show it: `0:07`, `11:20`, `1:02:03`."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"


def _share(peaks: bytes, share: float) -> float:
    """The level that so much of the sound stays below; where there is no sound at all does not count."""
    counts = [peaks.count(byte) for byte in range(NOTHING)]
    wanted, seen = share * sum(counts), 0
    for byte in range(NOTHING - 1, -1, -1):
        seen += counts[byte]
        if seen >= wanted and seen:
            return decibels(byte)
    return decibels(NOTHING)


def _stretches(levels: Levels, duration: float, rule: Rule, found: Thresholds, voice: Voice | None) -> Iterator[Span]:
    """What is cut out of each silence."""
    spoken = voice.spoken if voice is not None else ()
    for quiet in _minus(_quiet(levels, duration, rule, found, voice), spoken):
        if quiet.length < rule.min_silence_s - _TINY_S:
            continue
        left = quiet.start + (rule.margin_s if quiet.start > 0 else 0.0)
        right = quiet.end - (rule.margin_s if quiet.end < duration else 0.0)
        if right - left >= MIN_CUT_S - _TINY_S:
            yield Span(left, right)


def _quiet(levels: Levels, duration: float, rule: Rule, found: Thresholds, voice: Voice | None) -> Iterator[Span]:
    """Every stretch that is quiet, of any length, in order."""
    classes = bytearray(levels.peaks.translate(_table(found)))
    classes += bytes([_QUIET]) * max(0, math.ceil(duration / STEP_S) - len(classes))
    if voice is None:
        classes = bytearray(classes.replace(bytes([_NEARLY]), bytes([_LOUD])))
    else:
        for span in voice.speech:
            first, last = math.floor(span.start / STEP_S), math.ceil(span.end / STEP_S)
            classes[first:last] = classes[first:last].replace(bytes([_NEARLY]), bytes([_LOUD]))
    spans = (
        Span(match.start() * STEP_S, min(match.end() * STEP_S, duration))
        for match in re.finditer(rb"[\x00\x01]+", classes)
    )
    return joined(spans, duration, gap=BLIP_S if rule.mode == "auto" else 0.0)


def _table(found: Thresholds) -> bytes:
    quiet, nearly = byte_of(found.quiet), byte_of(found.nearly)
    return bytes(_QUIET if byte >= quiet else _NEARLY if byte >= nearly else _LOUD for byte in range(256))


def _minus(spans: Iterable[Span], away: tuple[Span, ...]) -> Iterator[Span]:
    """`spans` without `away`; both are in order and neither overlaps itself."""
    starts = [one.start for one in away]
    for span in spans:
        at = span.start
        for other in away[max(0, bisect_left(starts, span.start) - 1) : bisect_left(starts, span.end)]:
            if other.start > at:
                yield Span(at, other.start)
            at = max(at, other.end)
        if at < span.end:
            yield Span(at, span.end)


def _without_flashes(away: list[Span], voice: Voice | None) -> Iterator[Span]:
    """The cuts, those joined between which hardly anything would be left that anybody says."""
    spoken = voice.spoken if voice is not None else ()
    starts = [one.start for one in spoken]
    current: Span | None = None
    for span in away:
        if current is not None:
            number = bisect_left(starts, span.start) - 1
            is_said = number >= 0 and spoken[number].end > current.end
            if span.start - current.end < MIN_KEPT_S - _TINY_S and not is_said:
                current = Span(current.start, span.end)
                continue
            yield current
        current = span
    if current is not None:
        yield current
