"""The sound of what is kept: decoded once, cut to the sample, encoded once.

The sound is laid out on the time line of the medium first, as far as it is needed (what begins late begins with silence,
holes become silence), so a time is a place in a file, and a cut is a copy of bytes. Both sides of a cut are faded for a
few thousandths of a second, because a jump in the wave is heard as a click.
"""

import os
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.stages.rendering.media import Media, Sound
from core.stages.rendering.plan import Plan
from core.stages.rendering.spec import LAYOUTS, Spec, audio_options, layout_for
from core.stages.rendering.tool import file_input, file_output, run_ffmpeg, source
from core.system import files

BYTES = 2
FADE_S = 0.004
BLOCK_BYTES = 1024 * 1024
# A hole or an overlap longer than this is put right; less is the rounding of containers.
HOLE_S = 0.01


class Pcm:
    """How samples lie in a raw file: signed 16 bits, channels beside each other."""

    def __init__(self, layout: str, rate: int) -> None:
        self.layout, self.rate = layout, rate
        self.channels = {name: number for number, name in LAYOUTS.items()}[layout]
        self.frame_bytes = BYTES * self.channels

    def sample_at(self, frame: int, rate: Fraction) -> int:
        """The sample with which frame number `frame` of a picture of `rate` begins."""
        return round(frame * self.rate / rate)


def lay_out(
    media: Media,
    sound: Sound,
    plan: Plan,
    pcm: Pcm,
    target: Path,
    *,
    check: Callable[[], None],
    log: Callable[[str], None],
    on_progress: Callable[[float], None] | None = None,
) -> int:
    """Write the sound of `media` from the first moment that `plan` keeps to the last to the raw file `target`.

    Gives how many complaints ffmpeg had; `on_progress` gets the seconds written so far.
    """
    first, last = (pcm.sample_at(frame, plan.rate) for frame in (plan.kept[0][0], plan.kept[-1][1]))
    stream = source(media)[str(sound.index)]
    if media.start:
        stream = stream.filter("asetpts", f"PTS-({media.start})/TB")
    how = {"async": 1, "min_hard_comp": HOLE_S, "first_pts": 0}
    stream = stream.filter("aresample", pcm.rate, **how).filter("aformat", channel_layouts=pcm.layout)
    # Read from the beginning, since no container finds a sample; but of hours only what a clip needs is written.
    stream = stream.filter("atrim", start_sample=first, end_sample=last)
    output = file_output(stream, target, f="s16le", **{"c:a": "pcm_s16le"})
    return run_ffmpeg(
        output,
        doing="Unpacking the sound",
        check=check,
        expected_s=None,
        on_progress=on_progress,
        log=log,
        max_bytes=(last - first + pcm.rate) * pcm.frame_bytes,
        file_times=True,
    ).complaints


def scratch_bytes(media: Media, plan: Plan, spec: Spec) -> int:
    """How much room the samples take while `plan` is made."""
    pcm = pcm_for(media.sound, spec)
    kept = pcm.sample_at(plan.frames, plan.rate) * pcm.frame_bytes
    if media.sound is None or _is_whole(plan):
        return kept
    return kept + pcm.sample_at(plan.kept[-1][1] - plan.kept[0][0], plan.rate) * pcm.frame_bytes


def cut(plan: Plan, pcm: Pcm, whole: Path, target: Path, check: Callable[[], None]) -> None:
    """Make `whole`, as `lay_out` wrote it, into `target`: the samples of what `plan` keeps, as many as its frames take."""
    if _is_whole(plan):  # hours of samples need not lie there twice
        os.truncate(whole, pcm.sample_at(plan.frames, plan.rate) * pcm.frame_bytes)
        whole.replace(target)
        return
    before = pcm.sample_at(plan.kept[0][0], plan.rate)
    source_fd = os.open(whole, os.O_RDONLY | os.O_CLOEXEC)
    target_fd = files.open_new(target)
    try:
        frames = 0
        for number, (start, end) in enumerate(plan.kept):
            check()
            samples = pcm.sample_at(frames + end - start, plan.rate) - pcm.sample_at(frames, plan.rate)
            frames += end - start
            fades = (number > 0 or start > 0, number + 1 < len(plan.kept))
            _copy(source_fd, target_fd, pcm, pcm.sample_at(start, plan.rate) - before, samples, fades, check)
    finally:
        os.close(source_fd)
        os.close(target_fd)


def encode(
    plan: Plan, pcm: Pcm, spec: Spec, raw: Path, target: Path, *, check: Callable[[], None], **listeners: Any
) -> None:
    """Encode the raw file `raw` to `target`, an MP4 or WebM of sound alone."""
    stream = file_input(raw, "s16le", ar=pcm.rate, ch_layout=pcm.layout, format_whitelist="s16le")
    output = file_output(stream, target, f="webm" if spec.audio == "opus" else "mp4", **audio_options(spec, pcm.layout))
    run_ffmpeg(output, doing="Encoding the sound", check=check, expected_s=plan.seconds, **listeners)


def silence(plan: Plan, pcm: Pcm, target: Path) -> None:
    """Write as much silence as `plan` is long to the raw file `target`; a hole in the file is silence too."""
    fd = files.open_new(target)
    try:
        os.truncate(fd, pcm.sample_at(plan.frames, plan.rate) * pcm.frame_bytes)
    finally:
        os.close(fd)


def pcm_for(sound: Sound | None, spec: Spec) -> Pcm:
    """How the samples of `sound` (None: of silence) are laid out for `spec`."""
    return Pcm(layout_for(sound.channels if sound is not None else 2, spec), spec.sample_rate)


def _is_whole(plan: Plan) -> bool:
    """Whether it is the medium from its beginning on, uncut."""
    return len(plan.kept) == 1 and plan.kept[0][0] == 0


def _copy(
    source_fd: int,
    target_fd: int,
    pcm: Pcm,
    first: int,
    samples: int,
    fades: tuple[bool, bool],
    check: Callable[[], None],
) -> None:
    """Copy `samples` from sample `first` on, silence where there are none, with a faded beginning and end if asked for."""
    edge = min(round(FADE_S * pcm.rate), samples // 2)
    at, left = first * pcm.frame_bytes, (samples - 2 * edge) * pcm.frame_bytes
    files.write_all(target_fd, _edge(_read(source_fd, at, edge * pcm.frame_bytes), pcm, rising=True, faded=fades[0]))
    at += edge * pcm.frame_bytes
    while left > 0:
        check()
        block = _read(source_fd, at, min(left, BLOCK_BYTES))
        files.write_all(target_fd, block)
        at, left = at + len(block), left - len(block)
    files.write_all(target_fd, _edge(_read(source_fd, at, edge * pcm.frame_bytes), pcm, rising=False, faded=fades[1]))


def _read(fd: int, at: int, count: int) -> bytes:
    """Exactly `count` bytes from `at` on; zeros behind the end."""
    found = b""
    while len(found) < count and (more := os.pread(fd, count - len(found), at + len(found))):
        found += more
    return found.ljust(count, b"\0")


def _edge(raw: bytes, pcm: Pcm, *, rising: bool, faded: bool) -> bytes:
    if not faded or not raw:
        return raw
    samples = array("h", raw)
    count = len(samples) // pcm.channels
    for index in range(len(samples)):
        step = index // pcm.channels
        weight = step + 1 if rising else count - step
        samples[index] = samples[index] * weight // (count + 1)
    return samples.tobytes()
