"""Several media one after another as one file: like ones are copied, unlike ones are first made alike, one by one.

What `normalise` makes depends on the content of one medium and the spec alone, so whoever merges can keep it by
`part_key` and take it again for another merge. Its sound is FLAC: exact to the sample, and coded with loss only once, when
the parts are merged.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from core.domain.cuts import Span
from core.domain.errors import ErrorClass, StageError
from core.stages import examining
from core.stages.rendering.groups import Rendered, render
from core.stages.rendering.joining import Part, listed, muxing, written_list
from core.stages.rendering.media import Media, Picture, Sound
from core.stages.rendering.merging import Order
from core.stages.rendering.place import Place
from core.stages.rendering.plan import FORMAT
from core.stages.rendering.spec import Spec, audio_options, layout_for, rate_for, size_for
from core.stages.rendering.tool import file_output, room_for, run_ffmpeg
from core.stages.rendering.verify import verify

# A picture may end so many frames before or after its sound without anyone noticing at the join.
RAGGED_FRAMES = 2
LARGEST = (1920, 1080)
# Padding of the last sound.
MERGED_S = 0.5
_COPIED = {"mp4": "mp4", "mov": "mp4", "webm": "webm"}
_SPARE_BYTES = 16 * 1024**2


def alike(media: Sequence[Media]) -> bool:
    """Whether `media` can be joined by copying: same container, codecs, decoder settings, size, rate and sound."""
    return len({_kind(one) for one in media}) == 1 and _kind(media[0]) is not None


def merge_spec(media: Sequence[Media]) -> Spec:
    """What unlike `media` are made into: the size and the rate most of them have (the larger of equals), at most 1080p."""
    pictures = [one.picture for one in media if one.picture is not None]
    if not pictures:
        return Spec(width=1280, height=720, fps="25/1", fill=True, channels=2, audio="flac")
    box = Spec(long_side=LARGEST[0], short_side=LARGEST[1])
    sizes = Counter(size_for(one, box) for one in pictures)
    rates = Counter(rate_for(one, box) for one in pictures)
    width, height = max(sizes, key=lambda size: (sizes[size], size[0] * size[1]))
    rate = max(rates, key=lambda one: (rates[one], one))
    fps = f"{rate.numerator}/{rate.denominator}"
    return Spec(width=width, height=height, fps=fps, fill=True, channels=2, audio="flac")


def part_key(content: str, spec: Spec) -> str:
    """Under which name a normalised part of the medium with the checksum `content` may be kept."""
    return hashlib.sha256(msgspec.json.encode([FORMAT, content, spec])).hexdigest()


def normalise(media: Media, spec: Spec, *, attempt: Place, out: Path) -> Rendered:
    """Make the whole of `media` into `out` (an MP4) as `spec` of `merge_spec` wants it; resumable like `render`.

    A black picture and silence stand in for what is missing. Raises `StageError` as `render` does.
    """
    return render(media, [Span(0.0, media.duration)], spec, attempt=attempt, out=out, unit="seconds")


def merge(
    parts: Sequence[Media],
    out: Path,
    *,
    work: Path,
    check: Callable[[], None],
    on_progress: Callable[[float], None] | None = None,
    log: Callable[[str], None] | None = None,
) -> Media:
    """Join `parts` to the file `out`, which is there only when it is whole: like media, or parts of one spec.

    `on_progress` gets the seconds written so far; the whole is the sum of `shown_s`. `work` holds what is half made, and
    may be thrown away. `out` is named by `suffix_for`. Raises `ValueError` when they are not alike, and `StageError`:
    POSTPROCESS, DISK_FULL, LIMIT_EXCEEDED, INPUT_LOST, TOOLING.
    """
    if not alike(parts):
        raise ValueError("the parts are not alike")
    joined = work / f"merged.{suffix_for(parts)}.part"
    seconds = [shown_s(part) for part in parts]
    if parts[0].picture is not None and parts[0].sound is not None and parts[0].sound.codec == "flac":
        made = _join_normalised(parts, seconds, joined, check, on_progress, log)
    else:
        made = _copy(parts, seconds, joined, check, on_progress)
    joined.replace(out)
    return msgspec.structs.replace(made, path=str(out))


def suffix_for(parts: Sequence[Media]) -> str:
    """How the name of what `parts` are merged into ends, without the dot."""
    sound_alone = parts[0].picture is None and parts[0].container != "webm"
    return "m4a" if sound_alone else _COPIED.get(parts[0].container, "mp4")


def shown_s(part: Media) -> Fraction:
    """How long `part` is shown in a merged file, in seconds: whole frames, as long as both its sound and its picture."""
    picture, sound = part.picture, part.sound
    if picture is None:
        return Fraction(str(part.duration))
    long = Fraction(picture.frames) / picture.rate
    if sound is not None and (sound.end - float(long)) * picture.rate > RAGGED_FRAMES:
        return Fraction(-(-Fraction(str(sound.end)) * picture.rate // 1)) / picture.rate
    return long


def _copy(
    parts: Sequence[Media],
    seconds: Sequence[Fraction],
    target: Path,
    check: Callable[[], None],
    on_progress: Callable[[float], None] | None,
) -> Media:
    muxer = {"m4a": "ipod", "webm": "webm"}.get(suffix_for(parts), "mp4")
    lengths = tuple(f"{one.numerator}/{one.denominator}" for one in seconds)
    order = Order(parts=tuple(parts), seconds=lengths, target=str(target), muxer=muxer)
    listing = target.with_name("merge.json")
    listing.write_bytes(msgspec.json.encode(order))
    most = sum(Path(part.path).stat().st_size for part in parts) * 11 // 10 + _SPARE_BYTES

    def hear(line: str) -> None:
        name, _, value = line.partition("=")
        if name == "at" and on_progress is not None:
            on_progress(float(value))

    found = examining.ask(
        "core.stages.rendering.merging", [str(listing)], check=check, on_line=hear, file_size_bytes=most
    )
    whole = _whole(parts, seconds, target)
    streams = (whole.picture is not None) + (whole.sound is not None)
    frames = whole.picture.frames if whole.picture is not None else 0
    if (
        abs(found["seconds"] - whole.duration) > MERGED_S
        or found["streams"] != streams
        or found["frames"] not in (0, frames)
    ):
        raise StageError(ErrorClass.POSTPROCESS, "The merged file is not as long as its parts together.")
    return whole


def _join_normalised(
    parts: Sequence[Media],
    seconds: Sequence[Fraction],
    target: Path,
    check: Callable[[], None],
    on_progress: Callable[[float], None] | None,
    log: Callable[[str], None] | None,
) -> Media:
    sound, picture = parts[0].sound, parts[0].picture
    assert sound is not None
    assert picture is not None
    pieces = [Part(Path(part.path), length) for part, length in zip(parts, seconds, strict=True)]
    stream = listed(written_list(pieces, target.with_name("merge.txt")))
    spec = Spec(channels=sound.channels, sample_rate=sound.sample_rate)
    even = {"async": 1, "min_hard_comp": 0.01, "first_pts": 0}
    heard = stream["a:0"].filter("aresample", sound.sample_rate, **even)
    options: dict[str, Any] = {**muxing(spec, picture.rate), **audio_options(spec, layout_for(sound.channels, spec))}
    options = {"c:v": "copy", **{name: value for name, value in options.items() if name != "c"}}
    length = float(sum(seconds))
    run_ffmpeg(
        file_output(stream["v:0"], heard, target, **options),
        doing="Joining the parts",
        check=check,
        expected_s=length,
        on_progress=on_progress,
        log=log,
        max_bytes=room_for(length),
    )
    frames = sum(part.picture.frames for part in parts if part.picture is not None)
    return verify(
        target,
        seconds=length,
        picture=True,
        sound=True,
        frames=frames,
        tolerance_s=MERGED_S,
        decode="nothing",
        check=check,
    )


def _whole(parts: Sequence[Media], seconds: Sequence[Fraction], path: Path) -> Media:
    """What the like `parts` are together."""
    first, last = parts[0], parts[-1]
    length, before = float(sum(seconds)), float(sum(seconds[:-1]))
    picture, sound = first.picture, first.sound
    if picture is not None and last.picture is not None:
        frames = sum(part.picture.frames for part in parts if part.picture is not None)
        picture = msgspec.structs.replace(picture, frames=frames, last=round(before + last.picture.last, 6), end=length)
    if sound is not None:
        sound = msgspec.structs.replace(sound, end=length)
    container = "webm" if first.container == "webm" else "mp4"
    return Media(
        path=str(path),
        container=container,
        demuxer=first.demuxer,
        duration=round(length, 6),
        start=0.0,
        picture=picture,
        sound=sound,
    )


def _kind(media: Media) -> tuple[Any, ...] | None:
    """What has to be the same for media to be joined by copying; None when it cannot be joined so at all."""
    picture, sound = media.picture, media.sound
    if media.container not in _COPIED or (picture is None and sound is None):
        return None
    if picture is not None and not _joins(picture):
        return None
    return (_COPIED[media.container], _look_of(picture), _sound_of(sound))


def _joins(picture: Picture) -> bool:
    return not (picture.varies or picture.hidden or picture.rotation or picture.start * picture.rate > 1)


def _look_of(picture: Picture | None) -> tuple[Any, ...] | None:
    if picture is None:
        return None
    # WebM tells a decoder nothing beforehand, so how pixels are kept is compared besides.
    kept = (picture.codec, picture.config, picture.profile, picture.pixel_format, picture.transfer)
    return (*kept, picture.width, picture.height, picture.sar, picture.fps, picture.timescale)


def _sound_of(sound: Sound | None) -> tuple[Any, ...] | None:
    if sound is None:
        return None
    config = "" if sound.codec == "flac" else sound.config  # FLAC has a checksum of its samples there
    return (sound.codec, config, sound.channels, sound.sample_rate, sound.timescale)
