"""Finding silence: how fast beside ffmpeg's own silencedetect, and how much speech is lost and silence kept.

    python -m bench.silence [--minutes 10] [--rounds 5]

Speech is real where `../shared/media` lies beside the repository; what is spoken is known from the clean pieces before
they were joined, noise is put under the whole afterwards. Goals: levels within 1.2 times of silencedetect alone; no more
than 1 s of speech lost in ten minutes by the usual settings, in quiet rooms and in noisy ones (20 dB).
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from random import Random
from time import perf_counter

import imageio_ffmpeg
import numpy as np

from bench.speech import MEDIA, PAUSES_S, RATE, SPEEDS, Samples, _decode, _noisy
from core.domain.cuts import CutList, Span, joined
from core.domain.silence import Rule, Voice, find_silence
from core.stages.sound.levels import measure_levels
from core.stages.sound.recording import NAME, Recording, extract
from core.stages.sound.voice import speech_probabilities, speech_spans

GOAL_RATIO, GOAL_LOST_S = 1.2, 1.0
LOUD_ROOM_DB = 10.0  # there soft consonants are below the noise: told, and no goal
LONG_S = 0.5  # a pause at least this long is one that the usual settings look for
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def main() -> int:
    """Print the figures; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-silence-") as name:
        folder = Path(name)
        clean, spoken = joined_speech(given.minutes * 60, Random(7))
        is_fast = speed(folder, clean, given.rounds)
        is_right = accuracy(folder, clean, spoken)
    return 0 if is_fast and is_right else 1


def joined_speech(seconds: float, dice: Random) -> tuple[Samples, list[Span]]:
    """Pieces of speech with pauses between them, and where in them somebody speaks."""
    names = sorted(path.name for path in MEDIA.glob("*.flac"))
    pieces: list[Samples] = []
    spoken: list[Span] = []
    at = 0.0
    while at < seconds:
        samples = _decode(MEDIA / dice.choice(names), dice.choice(SPEEDS))
        # What is said: within 25 dB of the loudest, for longer than a click; holes of a fifth of a second are part of it.
        level = np.sqrt(np.convolve(samples**2, np.ones(320) / 320, "same"))
        loud = np.flatnonzero(level > level.max() / 17.8)[::8] / RATE + at
        bits = joined((Span(one, one + 9 / RATE) for one in loud), gap=0.002)
        spoken += joined((bit for bit in bits if bit.length > 0.06), gap=0.2)
        pause = np.zeros(int(dice.choice(PAUSES_S) * RATE), np.float32)
        pieces += [samples, pause]
        at += (len(samples) + len(pause)) / RATE
    return np.concatenate(pieces), spoken


def speed(folder: Path, samples: Samples, rounds: int) -> bool:
    """Levels and silencedetect in turn, on a talk with 48 kHz stereo AAC as people have it."""
    media = folder / "talk.m4a"
    _write(folder / "talk.wav", samples)
    words = ["-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2", str(media)]
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-i", str(folder / "talk.wav"), *words], check=True)
    ours, theirs = [], []
    for _ in range(rounds):
        began = perf_counter()
        argv = [FFMPEG, "-v", "error", "-nostdin", "-i", str(media), "-vn", "-af", "silencedetect=n=-40dB:d=0.5"]
        subprocess.run([*argv, "-f", "null", "-"], check=True)
        theirs.append(perf_counter() - began)
        began = perf_counter()
        levels = measure_levels(media, check=lambda: None, log=print)
        find_silence(levels, levels.duration, Rule())
        ours.append(perf_counter() - began)
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"{len(samples) / RATE / 60:.1f} minutes, 48 kHz stereo AAC, median of {rounds}")
    print(f"  silencedetect alone      {statistics.median(theirs):6.2f} s")
    print(f"  levels and decision      {statistics.median(ours):6.2f} s   {ratio:.2f} x (goal {GOAL_RATIO})")
    return ratio <= GOAL_RATIO


def accuracy(folder: Path, clean: Samples, spoken: list[Span]) -> bool:
    """Speech lost and silence kept, in seconds, for rooms of several kinds."""
    print(f"{'room':<12}{'rule':<26}{'pauses':>7}{'cut s':>8}{'speech lost s':>15}{'silence kept s':>16}")
    worst = 0.0
    for snr_db in (None, 30.0, 20.0, 10.0):
        room = "clean" if snr_db is None else f"{snr_db:g} dB SNR"
        path = folder / f"{room}.wav"
        _write(path, clean if snr_db is None else _noisy(clean, snr_db, 7))
        levels = measure_levels(path, check=lambda: None, log=print)
        began = perf_counter()
        heard = listen(path, folder)
        took = perf_counter() - began
        for label, rule, voice in (
            ("auto, voice", Rule(), heard),
            ("auto, levels alone", Rule(), None),
            ("fixed -40 dB", Rule(mode="fixed", margin_s=0.0), None),
            ("fixed -40 dB, margin", Rule(mode="fixed"), None),
        ):
            cuts = find_silence(levels, levels.duration, rule, voice).cuts
            lost, kept = _shared(cuts.removed, spoken), _kept(cuts, spoken, rule.margin_s)
            print(f"{room:<12}{label:<26}{len(cuts.removed):>7}{cuts.removed_s:>8.1f}{lost:>15.2f}{kept:>16.1f}")
            if label == "auto, voice" and snr_db != LOUD_ROOM_DB:
                worst = max(worst, lost)
        print(f"{'':<12}listening for voices took {took:.2f} s")
    print(f"most speech lost by the usual settings, loud room aside: {worst:.2f} s (goal {GOAL_LOST_S})")
    return worst <= GOAL_LOST_S


def listen(path: Path, folder: Path) -> Voice:
    """Where somebody speaks, as the product finds out without a transcript."""
    target = folder / NAME
    extract(path, target, check=lambda: None, log=print)
    recording = Recording(target)
    try:
        spans = speech_spans(speech_probabilities(recording, 2, lambda: None, lambda share: None))
    finally:
        recording.close()
    return Voice(spoken=spans, speech=spans)


def _shared(removed: tuple[Span, ...], spoken: list[Span]) -> float:
    return sum(max(0.0, min(one.end, other.end) - max(one.start, other.start)) for one in removed for other in spoken)


def _kept(cuts: CutList, spoken: list[Span], margin_s: float) -> float:
    """Of the pauses that are long enough: what stays beyond the margins."""
    wide = [
        Span(one.start + margin_s, one.end - margin_s)
        for one in CutList.removing(cuts.duration, spoken).kept
        if one.length >= LONG_S
    ]
    return sum(one.length for one in wide) - _shared(cuts.removed, wide)


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes((samples * 32767).astype(np.int16).tobytes())


if __name__ == "__main__":
    sys.exit(main())
