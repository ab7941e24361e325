"""A film that shows whether sound and picture fit: a flash and a click at the same moment, again and again."""

from fractions import Fraction
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.support.media_files import ffmpeg

RATE = 48_000
CLICK_S = 0.02
WHITE = 200
FLASH = Fraction(1, 20)


def film(
    path: Path,
    *,
    seconds: float,
    every: int,
    fps: str = "25",
    codecs: tuple[str, ...] = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac"),
    picture_filter: str = "",
    size: str = "160x90",
    sample_rate: int = 44_100,
) -> list[float]:
    """Write a film of `seconds` to `path`; gives the moments of its claps, one every so many frames, each on one."""
    rate = Fraction(fps)
    first, apart = every // 2 / rate, every / rate
    flash = f"drawbox=c=white:t=fill:enable='lt(mod(n+{every - every // 2}\\,{every})\\,{max(1, int(rate * FLASH))})'"
    click = f"if(lt(mod(t-{float(first)}+{float(apart)}\\,{float(apart)})\\,{CLICK_S})\\,0.8*sin(2*PI*2500*t)\\,0)"
    ffmpeg(
        "-f", "lavfi", "-i", f"color=black:s={size}:r={fps}:d={seconds},{flash}{picture_filter}",
        "-f", "lavfi", "-i", f"aevalsrc='{click}':s={sample_rate}:d={seconds}",
        *codecs, str(path),
    )  # fmt: skip
    count = int((Fraction(seconds) - first) / apart)
    return [float(first + apart * number) for number in range(count)]


def flashes(path: Path) -> list[float]:
    """When each flash begins, in seconds from the beginning of the file."""
    found, dark = [], True
    with av.open(str(path)) as media:
        start = (media.start_time or 0) / 1_000_000
        for frame in media.decode(video=0):
            # Some points will do, and the white of a clap only.
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
            light = rows[::7, : plane.width : 7].mean() > WHITE
            if light and dark:
                assert frame.time is not None
                found.append(frame.time - start)
            dark = not light
    return found


def clicks(path: Path) -> list[float]:
    """When each click begins, in seconds from the beginning of the file."""
    import subprocess

    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:a:0"]
    argv += ["-af", f"aresample={RATE}:async=1:min_hard_comp=0.001:first_pts=0", "-ac", "1", "-f", "s16le", "-"]
    raw = subprocess.run(argv, capture_output=True, check=True).stdout
    samples: NDArray[np.int16] = np.abs(np.frombuffer(raw, "<i2"))
    loud = np.flatnonzero(samples > 8000)
    first = loud[np.insert(np.diff(loud) > RATE * CLICK_S * 2, 0, True)]
    return [float(at) / RATE for at in first]
