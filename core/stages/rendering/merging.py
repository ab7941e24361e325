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
        self._sound_at: int | None = None
        self.packets = 0

    def stream(self, kind: str, like: Any) -> None:
        if kind not in self._streams:
            self._streams[kind] = self._file.add_stream_from_template(like)
            self._streams[kind].time_base = like.time_base

    def picture(self, packet: Any, shift: int) -> None:
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        self._write("video", packet)

    def sound(self, packet: Any, shift: int, until: int) -> None:
        """All in the unit of time of the sound, which like files share."""
        half, ideal = packet.duration // 2, packet.pts + shift
        if self._sound_at is None or ideal > self._sound_at + half:
            self._sound_at = max(ideal, 0)
        if ideal < self._sound_at - half or ideal >= until - half:
            return
        packet.pts = packet.dts = self._sound_at
        self._sound_at += packet.duration
        self._write("audio", packet)

    def _write(self, kind: str, packet: Any) -> None:
        packet.stream = self._streams[kind]
        self._file.mux_one(packet)
        self.packets += 1

    def close(self) -> None:
        self._file.close()


def merge(order: Order) -> dict[str, float]:
    """Write what `order` says; what is in the file then. Raises `StageError` when a part cannot be read any more."""
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
        return _measure(order)
    except av.FFmpegError as error:
        raise shortage(error) or StageError(ErrorClass.POSTPROCESS, f"Joining failed: {error.strerror}.") from error


def _copy(media: Any, part: Media, sink: _Sink, offset: Fraction, until: Fraction) -> None:
    streams = {}
    if part.picture is not None:
        streams["video"] = media.streams[part.picture.index]
    if part.sound is not None:
        streams["audio"] = media.streams[part.sound.index]
    for kind, stream in streams.items():
        sink.stream(kind, stream)
    begin = offset - Fraction(str(part.start))
    shifts = {one.index: round(begin / one.time_base) for one in streams.values()}
    sound = streams["audio"].index if "audio" in streams else -1
    ends = round(until / streams["audio"].time_base) if "audio" in streams else 0
    for packet in media.demux(list(streams.values())):
        if packet.pts is None or packet.dts is None or not packet.size or packet.is_discard:
            continue
        index = packet.stream_index
        if index == sound:
            sink.sound(packet, shifts[index], ends)
        else:
            sink.picture(packet, shifts[index])
        if sink.packets % _TOLD_EVERY == 0:
            sys.stdout.write(f"at={float(packet.dts * packet.time_base):.3f}\n")
            sys.stdout.flush()


def _measure(order: Order) -> dict[str, float]:
    """How long the written file says that it is, and how many frames it has (0: its container does not count them)."""
    path = Path(order.target)
    with opened(path, recognise(path)) as media:
        frames = media.streams.video[0].frames if media.streams.video else 0
        return {"seconds": media.duration / 1_000_000, "frames": frames, "streams": len(media.streams)}


def main() -> int:
    """See `core.stages.examining`."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)
    return examining.answer(lambda: merge(order))


if __name__ == "__main__":
    sys.exit(main())
