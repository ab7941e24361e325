"""What has to be done to a medium so that it is the file that was asked for: nothing, another wrapping, or coding. Pure.

The table of this file says which codecs each format takes as they are; everything else is coded anew. Copying is exact and
takes seconds, coding takes minutes and some quality, so the picture is coded only when it has to be, and the sound only when
it or the picture has to be.
"""

from typing import Literal

import msgspec

Format = Literal["mp4", "mov", "webm"]
Quality = Literal["720p", "1080p", "4K"]

# The frame a picture is fitted into, lying; a picture that stands gets it turned.
FRAMES: dict[str, tuple[int, int]] = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
# A player that expects video shows nothing useful above this rate; slow motion of telephones lies below it.
MAX_FPS = 240.0

_EIGHT_BIT = frozenset({"yuv420p", "yuvj420p", "nv12"})
_TEN_BIT = frozenset({"yuv420p10le", "p010le"})


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A format: what it takes as it is (codec of the picture and how its pixels may be kept; of the sound), what is coded
    for it otherwise, the suffix of its file, and that of one with sound alone."""

    pictures: dict[str, frozenset[str] | None]  # None: however its pixels are kept
    sounds: frozenset[str]
    picture: str
    sound: str
    suffix: str
    sound_suffix: str
    turns: bool = True  # whether it can say that a picture is to be shown turned


KINDS: dict[str, Kind] = {
    "mp4": Kind(
        pictures={"h264": _EIGHT_BIT, "hevc": _EIGHT_BIT | _TEN_BIT, "av1": _EIGHT_BIT | _TEN_BIT},
        sounds=frozenset({"aac", "mp3"}),
        picture="h264",
        sound="aac",
        suffix="mp4",
        sound_suffix="m4a",
    ),
    "mov": Kind(
        pictures={"h264": _EIGHT_BIT, "hevc": _EIGHT_BIT | _TEN_BIT, "prores": None},
        sounds=frozenset({"aac", "alac", "pcm_s16le", "pcm_s24le"}),
        picture="h264",
        sound="aac",
        suffix="mov",
        sound_suffix="m4a",
    ),
    "webm": Kind(
        pictures={"vp8": _EIGHT_BIT, "vp9": _EIGHT_BIT | _TEN_BIT, "av1": _EIGHT_BIT | _TEN_BIT},
        sounds=frozenset({"opus", "vorbis"}),
        picture="vp9",
        sound="opus",
        suffix="webm",
        sound_suffix="webm",
        turns=False,
    ),
}
# What may be kept of a file with sound alone; MOV is a format for video.
_M4A_SOUNDS = frozenset({"aac", "alac"})


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a medium. The size is that which is shown: turned, and with square pixels; 0 without a picture."""

    container: str
    video_codec: str | None = None
    pixel_format: str | None = None
    width: int = 0
    height: int = 0
    fps: float | None = None
    turned: bool = False
    audio_codec: str | None = None


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """What an export is made of: its suffix, `copy` or a codec for picture and sound (None: there is none), the size of a
    picture that is coded (even numbers; 0 when there is none or it is copied), and why, in a sentence or two."""

    suffix: str
    video: str | None
    audio: str | None
    width: int = 0
    height: int = 0
    why: str

    @property
    def coded(self) -> bool:
        """Whether its main stream is coded: the picture, or the sound where there is no picture."""
        return (self.video or self.audio) != "copy"

    @property
    def copied(self) -> bool:
        """Whether nothing at all is coded."""
        return self.video in (None, "copy") and self.audio in (None, "copy")


def decide(film: Film, wanted: Format, quality: Quality, upscale: bool = False) -> Rendition:
    """How `film` becomes a file of the format `wanted`, at most as large as `quality`; `upscale` makes a smaller one so large.

    Raises `ValueError` for a medium with neither picture nor sound.
    """
    kind = KINDS[wanted]
    if film.video_codec is None:
        return _sound_alone(film, kind)
    width, height = fitted(film.width, film.height, quality, upscale)
    reason = _must_be_coded(film, kind, width, height)
    if reason is None:
        sound = None if film.audio_codec is None else "copy" if film.audio_codec in kind.sounds else kind.sound
        told = _copied(film, kind, sound)
        return Rendition(
            suffix=kind.suffix, video="copy", audio=sound, why=told + _not_enlarged(film, quality, upscale)
        )
    return _coded(film, kind, quality, upscale, reason + _not_enlarged(film, quality, upscale))


def coded_anew(film: Film, wanted: Format, quality: Quality, upscale: bool, why: str) -> Rendition:
    """The same with picture and sound coded, for a medium whose copy turned out not to be sound."""
    kind = KINDS[wanted]
    if film.video_codec is None:
        return Rendition(suffix=kind.sound_suffix, video=None, audio=kind.sound, why=why)
    return _coded(film, kind, quality, upscale, why)


def fitted(width: int, height: int, quality: Quality, upscale: bool = False) -> tuple[int, int]:
    """The largest size of the same shape that fits into the frame of `quality`; in even numbers, never below 2x2.

    A picture that fits already stays as it is unless `upscale` is asked for; one that stands fits into a standing frame.
    """
    frame = FRAMES[quality] if width >= height else FRAMES[quality][::-1]
    share = min(frame[0] / max(1, width), frame[1] / max(1, height))
    if share >= 1 and not upscale:
        share = 1.0
    return _even(width * share), _even(height * share)


def _coded(film: Film, kind: Kind, quality: Quality, upscale: bool, why: str) -> Rendition:
    width, height = fitted(film.width, film.height, quality, upscale)
    return Rendition(
        suffix=kind.suffix,
        video=kind.picture,
        audio=None if film.audio_codec is None else kind.sound,
        width=width,
        height=height,
        why=why,
    )


def _must_be_coded(film: Film, kind: Kind, width: int, height: int) -> str | None:
    """Why the picture cannot stay as it is; None if it can."""
    codec = film.video_codec or ""
    name = kind.suffix.upper()
    if codec not in kind.pictures:
        return f"The picture is coded anew: {name} does not take {codec}."
    pixels = kind.pictures[codec]
    if pixels is not None and film.pixel_format not in pixels:
        return f"The picture is coded anew: few players show {codec} as {film.pixel_format or 'this'}."
    if abs(width - film.width) > 1 or abs(height - film.height) > 1:
        return f"The picture is made {width}x{height} instead of {film.width}x{film.height}."
    if (film.fps or 0) > MAX_FPS:
        return f"The picture is coded anew: {film.fps:g} pictures a second are more than players show."
    if film.turned and not kind.turns:
        return f"The picture is coded anew: {name} cannot say that it is to be turned."
    return None


def _copied(film: Film, kind: Kind, sound: str | None) -> str:
    if sound not in (None, "copy"):
        return f"The picture stays as it is; the sound is coded anew, since {kind.suffix.upper()} does not take {film.audio_codec}."
    return "Nothing is coded anew: picture and sound stay as they are." if sound else "The picture stays as it is."


def _not_enlarged(film: Film, quality: Quality, upscale: bool) -> str:
    larger = fitted(film.width, film.height, quality, upscale=True)
    if upscale or larger[0] <= film.width + 1 or larger[1] <= film.height + 1:
        return ""
    return f" It stays {film.width}x{film.height}: {quality} would only enlarge it."


def _sound_alone(film: Film, kind: Kind) -> Rendition:
    if film.audio_codec is None:
        raise ValueError("a medium has a picture or a sound")
    takes = kind.sounds if kind.suffix == "webm" else _M4A_SOUNDS
    if film.audio_codec in takes:
        return Rendition(
            suffix=kind.sound_suffix, video=None, audio="copy", why="There is no picture; the sound stays as it is."
        )
    told = f"There is no picture; the sound is coded anew, since {kind.sound_suffix.upper()} does not take {film.audio_codec}."
    return Rendition(suffix=kind.sound_suffix, video=None, audio=kind.sound, why=told)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
