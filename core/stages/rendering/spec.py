"""What is wanted of a rendered file: container, codecs, size, rate and quality; and what that means for one medium."""

from fractions import Fraction
from typing import Any, Literal

import msgspec

from core.stages.rendering.media import Media, Picture

# Players need something to hold on to: slower pictures are shown several times, faster ones halved.
SLOWEST, FASTEST = 20, 120
# What becomes of a rate that varies.
USUAL = tuple(map(Fraction, (24, 25, 30, 50, 60)))
KEYFRAME_S = 5
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
QUALITIES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}

Container = Literal["mp4", "mov", "webm", "m4a"]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to make; the same spec of the same medium gives the same bytes.

    `long_side` and `short_side` are the box, lying or standing like the picture, into which larger pictures are shrunk
    (0: as large as it is); smaller ones grow only with `upscale`. `fps` is like `30000/1001` (empty: that of the
    medium), `crf` the quality of the encoder (smaller is better), `channels` 1, 2 or 6 (0: as it is).
    `width` and `height` together (even numbers) ask for exactly that picture, with bars where the shape differs. With
    `fill` (which needs them and `fps`) a medium without a picture gets a black one, one without sound gets silence.
    """

    container: Container = "mp4"
    video: Literal["h264", "vp9"] = "h264"
    audio: Literal["aac", "opus", "flac"] = "aac"
    long_side: int = 0
    short_side: int = 0
    upscale: bool = False
    width: int = 0
    height: int = 0
    fill: bool = False
    fps: str = ""
    crf: int = 21
    preset: str = "veryfast"
    channels: int = 0
    sample_rate: int = 48000
    audio_kbps: int = 64  # a channel

    @property
    def suffix(self) -> str:
        """How names of such files end, without the dot."""
        return self.container

    @property
    def muxer(self) -> str:
        """The name of ffmpeg's muxer."""
        return {"m4a": "ipod"}.get(self.container, self.container)


def export_spec(container: Literal["mp4", "mov", "webm"], quality: str, *, upscale: bool = False) -> Spec:
    """The spec of an export: `quality` is one of `QUALITIES`."""
    long_side, short_side = QUALITIES[quality]
    web = container == "webm"
    return Spec(
        container=container,
        video="vp9" if web else "h264",
        audio="opus" if web else "aac",
        long_side=long_side,
        short_side=short_side,
        upscale=upscale,
        crf=33 if web else 21,
        sample_rate=48000,
    )


def sound_spec(spec: Spec) -> Spec:
    """`spec` for a medium that has sound only: the container players expect for it."""
    return msgspec.structs.replace(spec, container="webm" if spec.audio == "opus" else "m4a")


def size_for(picture: Picture, spec: Spec) -> tuple[int, int]:
    """The width and height `picture` gets: even, at least 2, its shape kept (unless the spec names an exact size)."""
    if spec.width and spec.height:
        return spec.width, spec.height
    factor = Fraction(1)
    if spec.long_side and spec.short_side:
        long_side, short_side = max(picture.width, picture.height), min(picture.width, picture.height)
        factor = min(Fraction(spec.long_side, long_side), Fraction(spec.short_side, short_side))
        if not spec.upscale:
            factor = min(factor, Fraction(1))
    return _even(picture.width * factor), _even(picture.height * factor)


def rate_for(picture: Picture | None, spec: Spec) -> Fraction:
    """How many frames a second the output has: cuts fall between them. A black picture has 25 unless the spec says."""
    if spec.fps:
        return Fraction(spec.fps)
    if picture is None:
        return Fraction(25)
    rate = picture.rate
    if rate < SLOWEST:
        rate *= -(-SLOWEST // rate)
    while rate > FASTEST:
        rate /= 2
    if picture.varies:
        return min(USUAL, key=lambda usual: max(usual / rate, rate / usual))
    return rate


def layout_for(channels: int, spec: Spec) -> str:
    """The layout of the output's sound, of a medium with `channels`."""
    return LAYOUTS.get(spec.channels or channels, "stereo")


def video_options(spec: Spec, rate: Fraction, threads: int) -> dict[str, Any]:
    """The encoder's options for the picture; they never depend on the machine."""
    common: dict[str, Any] = {
        "r": f"{rate.numerator}/{rate.denominator}",
        "g": max(1, round(rate * KEYFRAME_S)),
        "threads": threads,
        "flags:v": "+bitexact",
        "pix_fmt": "yuv420p",
        "video_track_timescale": timescale(rate),
    }
    if spec.video == "vp9":
        speed = {"deadline": "good", "cpu-used": 5, "row-mt": 1, "tile-columns": 2}
        return {**common, "c:v": "libvpx-vp9", "crf": spec.crf, "b:v": 0, **speed}
    # A lookahead with a thread of its own sees more or less of what comes as it is scheduled: with it, two threads gave 8
    # different files in 14 encodings on a busy machine; without it, 148 were the same, and none took longer.
    alike = {"x264-params": "sync-lookahead=0"}
    return {**common, "c:v": "libx264", "preset": spec.preset, "crf": spec.crf, **alike}


def audio_options(spec: Spec, layout: str) -> dict[str, Any]:
    """The encoder's options for the sound."""
    channels = {name: number for number, name in LAYOUTS.items()}[layout]
    if spec.audio == "flac":
        return {"c:a": "flac", "flags:a": "+bitexact"}
    encoder = "libopus" if spec.audio == "opus" else "aac"
    return {"c:a": encoder, "b:a": f"{spec.audio_kbps * channels}k", "flags:a": "+bitexact"}


def timescale(rate: Fraction) -> int:
    """A unit of time in which every frame of `rate` begins at a whole number."""
    scale = rate.numerator
    while scale < 10_000:
        scale *= 2
    return scale


def has_picture(media: Media, spec: Spec) -> bool:
    """Whether the output of `media` has a picture."""
    return (media.picture is not None or spec.fill) and spec.container != "m4a"


def _even(length: Fraction) -> int:
    return max(2, round(length / 2) * 2)
