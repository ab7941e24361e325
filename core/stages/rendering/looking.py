"""The child process of `media.look`: `python -m core.stages.rendering.looking PATH`. Decodes one frame, reads the rest."""

import hashlib
import sys
from array import array
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages import examining
from core.stages.container import Container, recognise
from core.stages.opening import DECODERS, MAX_PIXELS, MAX_SIDE, MAX_STREAMS, codec_of, is_cover, opened
from core.stages.rendering.media import Media, Picture, Sound

# Rates people film with; what is measured in a file whose times are whole milliseconds is taken for the nearest one.
_RATES = (
    *(Fraction(n, 1001) for n in (24000, 30000, 60000, 120000)),
    *(Fraction(n) for n in (10, 12, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120, 240)),
)
_SAME_RATE = 0.0004  # half of what lies between 30 and 29.97
_EVEN_S = 0.0016  # times in whole milliseconds stand up to one beside where they belong
_EVEN_SHARE = 0.1
_FIRST_PACKETS = 300  # after so many without a decodable frame it is left alone


class _Times:
    """The times of one stream's packets, in its own unit."""

    def __init__(self, stream: Any) -> None:
        self.base = Fraction(stream.time_base)
        self.at = array("q")
        self.end = 0
        self.hidden = 0
        self.frame: Any = None

    def note(self, packet: Any) -> None:
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None or not packet.size:
            return
        if packet.is_discard:
            self.hidden += 1  # by an edit list: decoded but never shown
            return
        self.at.append(at)
        self.end = max(self.end, at + (packet.duration or 0)) if len(self.at) > 1 else at + (packet.duration or 0)

    def seconds(self, at: int) -> Fraction:
        return at * self.base


def examine(path: Path) -> Media:
    """What `path` is; raises as `media.look` does."""
    import av

    container = recognise(path)
    try:
        with opened(path, container, f"{DECODERS},libdav1d,libvpx,libvpx-vp9,libopus") as media:
            return _media(media, path, container)
    except av.FFmpegError as error:
        raise StageError(ErrorClass.NOT_MEDIA, f"The {container.name} file is damaged and cannot be read.") from error


def _media(media: Any, path: Path, container: Container) -> Media:
    if len(media.streams) > MAX_STREAMS:
        raise StageError(ErrorClass.LIMIT_EXCEEDED, f"It has more than {MAX_STREAMS} streams.")
    video = next((one for one in media.streams.video if not is_cover(one)), None)
    audio = next(iter(media.streams.audio), None)
    if video is not None:
        width, height = video.codec_context.width, video.codec_context.height
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise StageError(ErrorClass.LIMIT_EXCEEDED, f"The picture has {width}x{height} pixels, which is too many.")
    times = _read(media, video, audio)
    if not any(one.at for one in times.values()):
        raise StageError(ErrorClass.NOT_MEDIA, "The file holds neither video nor sound.")
    start = Fraction(media.start_time or 0, 1_000_000)
    ends = [one.seconds(one.end) for one in times.values() if one.at]
    picture = _picture(video, times[video.index], start) if video is not None and times[video.index].at else None
    sound = _sound(audio, times[audio.index], start) if audio is not None and times[audio.index].at else None
    duration = max([max(ends) - start, Fraction(_s(picture.end if picture is not None else 0.0))])
    if _s(duration) <= 0:
        raise StageError(ErrorClass.NOT_MEDIA, "All of the file lies at one moment: there is nothing to play.")
    return Media(
        path=str(path),
        container=container.name,
        demuxer=container.demuxer,
        duration=_s(duration),
        start=_s(start),
        picture=picture,
        sound=sound,
    )


def _read(media: Any, video: Any, audio: Any) -> dict[int, _Times]:
    """When every packet of both streams is played, and the first frame of the picture if it can be decoded."""
    import av

    streams = [one for one in (video, audio) if one is not None]
    times = {one.index: _Times(one) for one in streams}
    tries = _FIRST_PACKETS
    if video is not None:
        video.codec_context.thread_type = "NONE"
    for packet in media.demux(streams):
        own = times[packet.stream.index]
        own.note(packet)
        if video is not None and packet.stream.index == video.index and own.frame is None and tries > 0:
            tries -= 1
            try:
                own.frame = next(iter(packet.decode()), None)
            except av.FFmpegError:
                continue  # damaged here; the next one may be whole
    return times


def _picture(stream: Any, times: _Times, start: Fraction) -> Picture:
    at = sorted(times.at)
    rate, varies = _rate(at, times.base, stream)
    context, frame = stream.codec_context, times.frame
    rotation = round((frame.rotation if frame is not None else 0) / 90) * 90 % 360
    sar = Fraction(stream.sample_aspect_ratio or 1) or Fraction(1)
    wide, high = round(context.width * sar) if sar > 1 else context.width, context.height
    if sar < 1:
        high = round(context.height / sar)
    if rotation % 180:
        wide, high = high, wide
    last = times.seconds(at[-1])
    return Picture(
        index=stream.index,
        codec=codec_of(stream) or "",
        profile=str(context.profile or ""),
        pixel_format=str(context.pix_fmt or (frame.format.name if frame is not None else "")),
        width=max(1, wide),
        height=max(1, high),
        coded_width=context.width,
        coded_height=context.height,
        rotation=rotation,
        sar=f"{sar.numerator}:{sar.denominator}",
        fps=f"{rate.numerator}/{rate.denominator}",
        varies=varies,
        frames=len(at),
        start=_s(times.seconds(at[0]) - start),
        last=_s(last - start),
        end=_s(max(times.seconds(times.end), last if varies else last + 1 / rate) - start),
        interlaced=bool(frame is not None and frame.interlaced_frame),
        timescale=times.base.denominator if times.base.numerator == 1 else 0,
        transfer=int(context.color_trc or 0),
        config=_config(context),
        hidden=times.hidden,
    )


def _sound(stream: Any, times: _Times, start: Fraction) -> Sound:
    context = stream.codec_context
    return Sound(
        index=stream.index,
        codec=codec_of(stream) or "",
        profile=str(context.profile or ""),
        channels=context.channels,
        layout=str(context.layout.name),
        sample_rate=context.sample_rate,
        start=_s(times.seconds(min(times.at)) - start),
        end=_s(times.seconds(times.end) - start),
        timescale=times.base.denominator if times.base.numerator == 1 else 0,
        config=_config(context),
    )


def _rate(at: list[int], base: Fraction, stream: Any) -> tuple[Fraction, bool]:
    """How many frames a second, and whether their distances differ by more than rounding."""
    told = Fraction(stream.average_rate or stream.base_rate or 25)
    steps = [after - before for before, after in pairwise(at) if after > before]
    if not steps:
        return _nearest(told), False
    usual = median(steps)
    near = max(_EVEN_S / float(base), _EVEN_SHARE * usual)
    varies = any(abs(step - usual) > near for step in steps)
    mean = 1 / (Fraction(at[-1] - at[0], len(steps)) * base)
    if varies:
        return _nearest(1 / (Fraction(usual) * base)), True
    return (_nearest(told) if abs(told / mean - 1) < 0.01 else _nearest(mean)), False


def _nearest(rate: Fraction) -> Fraction:
    best = min(_RATES, key=lambda known: abs(known / rate - 1))
    return best if abs(best / rate - 1) < _SAME_RATE else rate.limit_denominator(1001)


def _config(context: Any) -> str:
    return hashlib.sha256(bytes(context.extradata or b"")).hexdigest()[:16]


def _s(seconds: Fraction | float) -> float:
    return round(float(seconds), 6)


def main() -> int:
    """See `core.stages.examining`."""
    return examining.answer(lambda: msgspec.to_builtins(examine(Path(sys.argv[1]))))


if __name__ == "__main__":
    sys.exit(main())
