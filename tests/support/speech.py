"""Synthesised speech for tests, by espeak-ng: short talks as WAV or MP4, made once a test session."""

import functools
import itertools
import subprocess
import tempfile
from pathlib import Path

from tests.support.media_files import ffmpeg

# Different sentences, so that nothing in a talk looks like a recogniser that has begun to loop.
SENTENCES = (
    "The river begins in the hills above the town.",
    "Every spring the water rises to the old stone bridge.",
    "Last year we counted three hundred salmon near the mill.",
    "Farmers gave us land for planting young trees.",
    "The school sent volunteers every week during the summer.",
    "Cool water holds more oxygen for the fish.",
    "Our next meeting is on the second Monday of November.",
    "Please bring a warm coat and a pair of boots.",
    "Two engineers from the city measured the flow with a small boat.",
    "Their report will be printed before the end of the month.",
    "A new path follows the bank from the station to the lake.",
    "Children learn there how a wetland cleans the water.",
    "We spent less money than we had planned.",
    "The council will decide about the second part in January.",
    "Many birds have come back, and some of them are rare.",
    "Thank you all for listening so patiently this evening.",
)
GERMAN = (
    "Der Fluss beginnt in den Hügeln oberhalb der Stadt, und jedes Frühjahr steigt das Wasser bis zur alten Steinbrücke. "
    "Letztes Jahr haben wir dreihundert Lachse am Wehr gezählt. Das war eine Überraschung für alle, die hier arbeiten."
)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="speech-")


def text_of(sentences: int) -> str:
    """The first so many sentences, begun again when there are no more."""
    return " ".join(itertools.islice(itertools.cycle(SENTENCES), sentences))


@functools.cache
def speech(text: str, *, voice: str = "en-us", words_per_min: int = 150) -> Path:
    """`text` spoken, as WAV (22 kHz mono)."""
    path = Path(_folder().name) / f"speech-{_number()}.wav"
    subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(words_per_min), "-w", str(path), text], check=True, capture_output=True
    )
    return path


@functools.cache
def talk(sentences: int = 16, *, suffix: str = ".wav", pause_s: float = 0.0, stereo: bool = False) -> Path:
    """So many sentences (about 3 s each) as `.wav` or `.mp4` (with a picture); `pause_s` of silence comes before it."""
    path = Path(_folder().name) / f"talk-{_number()}{suffix}"
    delay = f"adelay={int(pause_s * 1000)}:all=1"
    words = ["-i", str(speech(text_of(sentences)))]
    if suffix == ".mp4":
        words += ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10", "-shortest", "-c:v", "libx264", "-c:a", "aac"]
    ffmpeg(*words, "-af", delay, "-ac", "2" if stereo else "1", "-ar", "44100", str(path))
    return path


@functools.cache
def silence(seconds: float) -> Path:
    """Nothing at all, as WAV."""
    path = Path(_folder().name) / f"silence-{_number()}.wav"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", str(seconds), str(path))
    return path


@functools.cache
def _counter() -> "itertools.count[int]":
    return itertools.count()


def _number() -> int:
    return next(_counter())
