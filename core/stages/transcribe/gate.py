"""Whether what was heard in a window can be believed: pure rules over text, scores and word times.

A window that fails is decoded once more by the second recipe; what still fails is kept and flagged, never deleted.
"""

import re
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

MAX_COMPRESSION = 2.4
MIN_LOGPROB = -1.0
# Noisy speech at 5 dB gave 0.74 and more, another language than the model's own 0.45 (tiny.en): beams hide it in the score.
MIN_PROBABILITY = 0.55
MAX_NO_SPEECH = 0.6
MIN_CHARS_PER_S = 5.0
# One character of these scripts is a syllable or a word.
DENSE = frozenset({"zh", "ja", "ko", "yue", "th", "lo", "my"})
MIN_CHARS_PER_S_DENSE = 1.0
JUDGED_S = 3.0  # speech shorter than this may well be a single "yes"
MAX_SILENT_S = 4.0  # speech without a word
LOOP_TIMES, LOOP_WORDS = 4, 8

Word = tuple[float, float, str, float]  # start, end (seconds in the window), text with its leading space, probability


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What one recipe made of a window: the data of its unit. `recipe` counts from 1."""

    words: tuple[Word, ...]
    logprob: float
    no_speech: float
    recipe: int = 1
    faults: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All words as one text."""
        return "".join(word[2] for word in self.words).strip()


def judge(heard: Heard, speech_s: float, language: str | None) -> tuple[str, ...]:
    """What is wrong with it: `repetition`, `low_confidence`, `too_little_text`, `skipped`; nothing when it is sound."""
    faults = []
    text = heard.text
    if compression(text) > MAX_COMPRESSION or loops([word[2] for word in heard.words]):
        faults.append("repetition")
    if heard.logprob < MIN_LOGPROB or (heard.words and mean_probability(heard.words) < MIN_PROBABILITY):
        faults.append("low_confidence")
    enough = MIN_CHARS_PER_S_DENSE if language in DENSE else MIN_CHARS_PER_S
    if speech_s >= JUDGED_S and len(text) < enough * speech_s:
        faults.append("too_little_text")
    if heard.words and longest_silence(heard.words, speech_s) > MAX_SILENT_S:
        faults.append("skipped")
    return tuple(faults)


def better(first: Heard, second: Heard) -> Heard:
    """The one with fewer faults, then the one the model is surer of."""
    return min((first, second), key=lambda heard: (len(heard.faults), -heard.logprob, heard.recipe))


def mean_probability(words: Sequence[Word]) -> float:
    """How sure the model is of some words, 0 to 1."""
    return sum(word[3] for word in words) / len(words)


def compression(text: str) -> float:
    """How well a text compresses: a loop does far better than speech. Whisper's own measure."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def loops(words: Sequence[str]) -> bool:
    """Whether the same 1 to 8 words come at least 4 times in a row."""
    plain = [re.sub(r"\W+", "", word).casefold() for word in words]
    for size in range(1, LOOP_WORDS + 1):
        run = 0
        for index in range(size, len(plain)):
            run = run + 1 if plain[index] == plain[index - size] else 0
            if run >= size * (LOOP_TIMES - 1):
                return True
    return False


def longest_silence(words: Sequence[Word], speech_s: float) -> float:
    """The longest stretch of a window's speech to which no word belongs, in seconds."""
    edges = [0.0, *(time for start, end, *_ in words for time in (start, end)), speech_s]
    between = max(edges[index + 1] - edges[index] for index in range(0, len(edges), 2))
    # A skipped passage also shows as one word stretched over it.
    stretched = max(end - start for start, end, *_ in words)
    return max(between, stretched)


def to_unit(heard: Heard, plan_id: str) -> dict[str, Any]:
    """The data of a durable unit."""
    return {"plan": plan_id, **msgspec.to_builtins(heard)}


def from_unit(data: dict[str, Any]) -> Heard:
    """The reverse of `to_unit`."""
    return msgspec.convert({name: value for name, value in data.items() if name != "plan"}, Heard)
