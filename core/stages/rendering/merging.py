"""The child process of `parts.merge` for like files: `python -m core.stages.rendering.merging ORDER.json`.

Packets are copied, nothing is decoded. Pictures follow each other on exact times. Packets of sound never overlap: at each
join that one comes first which fits best, so that sound is never more than half a packet (about 11 ms) beside its picture,
however many files there are; what is only there to warm a decoder up is left out, and a hole stays one.
"""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages import examining
from core.stages.container import recognise
from core.stages.opening import opened
from core.stages.rendering.media import Media
from core.system.shortage import shortage

_TOLD_EVERY = 2000  # packets


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is to do: the like `parts` in order, how long each is shown (`30/1` seconds), and where to."""

    parts: tuple[Media, ...]
    seconds: tuple[str, ...]
    target: str
    muxer: str


class _Sink:
    """The file that is written, and where the next packet of sound belongs."""

    def __init__(self, order: Order) -> None:
        import av

        fast = {"movflags": "+faststart"} if order.muxer != "webm" else {}
        self._file = av.open(f"file:{order.target}", "w", format=order.muxer, options={"fflags": "+bitexact", **fast})
        self._file.flags |= 0x0400  # AVFMT_FLAG_BITEXACT: no version, no clock in the file
        self._streams: dict[str, Any] = {}
        self._sound_at: Fraction | None = None
        self.packets = 0

    def stream(self, kind: str, like: Any) -> None:
        if kind not in self._streams:
            self._streams[kind] = self._file.add_stream_from_template(like)
            self._streams[kind].time_base = like.time_base

    def picture(self, packet: Any, offset: Fraction) -> None:
        shift = round(offset / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        self._write("video", packet)

    def sound(self, packet: Any, offset: Fraction, until: Fraction) -> None:
        length = packet.duration * packet.time_base
        ideal = offset + packet.pts * packet.time_base
        if self._sound_at is None or ideal > self._sound_at + length / 2:
            self._sound_at = max(ideal, Fraction(0))
        if ideal < self._sound_at - length / 2 or ideal >= until - length / 2:
            return
        packet.pts = packet.dts = round(self._sound_at / packet.time_base)
        self._sound_at += length
        self._write("audio", packet)

    def _write(self, kind: str, packet: Any) -> None:
        packet.stream = self._streams[kind]
        self._file.mux_one(packet)
        self.packets += 1

    def close(self) -> None:
        self._file.close()


def merge(order: Order) -> int:
    """Write what `order` says; the number of packets. Raises `StageError` when a part cannot be read any more."""
    import av

    sink = _Sink(order)
    try:
        offset = Fraction(0)
        for part, seconds in zip(order.parts, order.seconds, strict=True):
            path = Path(part.path)
            with opened(path, recognise(path)) as media:
                _copy(media, part, sink, offset, offset + Fraction(seconds))
            offset += Fraction(seconds)
        sink.close()
    except av.FFmpegError as error:
        raise shortage(error) or StageError(ErrorClass.POSTPROCESS, f"Joining failed: {error.strerror}.") from error
    return sink.packets


def _copy(media: Any, part: Media, sink: _Sink, offset: Fraction, until: Fraction) -> None:
    streams = {}
    if part.picture is not None:
        streams["video"] = media.streams[part.picture.index]
    if part.sound is not None:
        streams["audio"] = media.streams[part.sound.index]
    for kind, stream in streams.items():
        sink.stream(kind, stream)
    begin = offset - Fraction(str(part.start))
    for packet in media.demux(list(streams.values())):
        if packet.pts is None or packet.dts is None or not packet.size or packet.is_discard:
            continue
        if packet.stream.type == "video":
            sink.picture(packet, begin)
        else:
            sink.sound(packet, begin, until)
        if sink.packets % _TOLD_EVERY == 0:
            sys.stdout.write(f"at={float(begin + packet.dts * packet.time_base):.3f}\n")
            sys.stdout.flush()


def main() -> int:
    """See `core.stages.examining`."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)
    return examining.answer(lambda: merge(order))


if __name__ == "__main__":
    sys.exit(main())
