"""A cut list becomes a media file: in groups that survive a kill, joined without coding them again.

The picture of each group and the sound as a whole are durable units; a kill costs at most the one in flight. The strands of
a group are drawn at once, one a core. What comes out depends on medium, cut list and spec alone, byte for byte.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import msgspec

from core.domain.cuts import CutList, Span
from core.stages.rendering import joining, pictures, sounds
from core.stages.rendering.beside import beside
from core.stages.rendering.joining import Part
from core.stages.rendering.media import Media
from core.stages.rendering.pictures import Piecework
from core.stages.rendering.place import Place
from core.stages.rendering.plan import Group, Plan, Strand, make_plan
from core.stages.rendering.spec import Spec, has_picture, size_for, sound_spec
from core.stages.rendering.tool import ENCODER_THREADS, STRAND_THREADS
from core.stages.rendering.verify import Decode, verify
from core.system import files

# What the sound costs beside the picture, and decoding it all again, for the progress that is shown.
SOUND_SHARE = 0.05
PROOF_SHARE: dict[Decode, float] = {"everything": 0.2, "keys": 0.02, "nothing": 0.0}
_SAMPLES, _CUT = "sound.pcm", "sound.cut.pcm"

Unit = Literal["cuts", "seconds"]


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A rendered and verified file: what it is, which spans of the medium it shows, and what that took.

    `done` and `reused` are in the unit asked for; `complaints` is how often the medium could not be decoded cleanly.
    """

    media: Media
    cuts: CutList
    fps: str
    done: float
    reused: float
    complaints: int


def render(
    media: Media,
    kept: Iterable[Span],
    spec: Spec,
    *,
    attempt: Place,
    out: Path,
    unit: Unit = "cuts",
    decode: Decode = "everything",
) -> Rendered:
    """Write what is `kept` of `media` to the file `out`, which is there only when it is whole and verified.

    The spans grow to whole frames of the output; `Rendered.cuts` says to which, and times are mapped with that. Of a
    medium without a picture the sound is rendered (`spec` should be that of `sound_spec`, as `out` is named by it).
    `unit` is what sizes of units are counted in: kept spans or seconds of output. `decode` is how much
    of the result is decoded before it counts (`verify`). Raises `ValueError` when nothing is kept, and `StageError`: TOOLING, DISK_FULL,
    LIMIT_EXCEEDED, NOT_MEDIA, OUT_OF_MEMORY, POSTPROCESS.
    """
    if not has_picture(media, spec):
        spec = sound_spec(spec)
    return _Rendering(media, make_plan(media, kept, spec), spec, attempt, unit, decode).make(out)


def scratch_bytes(media: Media, kept: Iterable[Span], spec: Spec) -> int:
    """How much room `render` takes for a while, besides what it makes. Raises `ValueError` when nothing is kept."""
    plan = make_plan(media, kept, spec)
    copied = Path(media.path).stat().st_size if pictures.lacks_index(media, plan) else 0
    return copied + (sounds.scratch_bytes(media, plan, spec) if media.sound is not None or spec.fill else 0)


class _Rendering:
    """One call of `render`."""

    def __init__(self, media: Media, plan: Plan, spec: Spec, place: Place, unit: Unit, decode: Decode) -> None:
        self._media, self._plan, self._spec, self._place, self._unit = media, plan, spec, place, unit
        self._decode: Decode = decode
        self._done = self._reused = 0.0
        self._complaints = 0
        self._behind_s = 0.0  # output seconds of what is whole
        self._has_sound = media.sound is not None or spec.fill
        self._sound_s = plan.seconds * (SOUND_SHARE if plan.groups else 1.0) if self._has_sound else 0.0
        self._proof_s = plan.seconds * PROOF_SHARE[decode]
        self._total_s = self._sound_s + (plan.seconds if plan.groups else 0.0) + self._proof_s
        # Units of another plan in the same folder keep their numbers; ours come after them.
        self._units = place.units.done()
        ours = [number for number, data in self._units.items() if data.get("plan") == plan.id]
        self._first = min(ours) - int(self._units[min(ours)]["n"]) if ours else max(self._units, default=-1) + 1

    def make(self, out: Path) -> Rendered:
        plan, place = self._plan, self._place
        sound = self._sound()
        film = self._findable()
        parts = [part for group in plan.groups for part in self._group(film, group)]
        place.progress(self._behind_s, self._total_s, "joining")
        joined = place.work / f"joined.{self._spec.suffix}.part"
        joining.join(parts, sound, self._spec, joined, rate=plan.rate, check=place.check, log=place.log)
        if self._decode == "keys" and parts:
            joining.require_copied(parts, joined, check=place.check, log=place.log)
        picture, filled = self._media.picture, (self._spec.width, self._spec.height)
        made = verify(
            joined,
            seconds=plan.seconds,
            picture=bool(parts),
            sound=sound is not None,
            frames=plan.frames if parts else None,
            size=(size_for(picture, self._spec) if picture is not None else filled) if parts else None,
            decode=self._decode,
            check=place.check,
            on_progress=self._told("checking", plan.seconds, self._proof_s),
        )
        joined.replace(out)
        place.progress(self._total_s, self._total_s, "checking")
        return Rendered(
            media=msgspec.structs.replace(made, path=str(out)),
            cuts=plan.cuts,
            fps=f"{plan.rate.numerator}/{plan.rate.denominator}",
            done=round(self._done, 3),
            reused=round(self._reused, 3),
            complaints=self._complaints,
        )

    def _sound(self) -> Path | None:
        if not self._has_sound:
            return None
        sound = self._media.sound
        plan, spec, place = self._plan, self._spec, self._place
        suffix = "webm" if spec.audio == "opus" else "m4a"

        def make(targets: Sequence[Path]) -> int:
            target = targets[0]
            pcm = sounds.pcm_for(sound, spec)
            whole, cut = place.work / _SAMPLES, place.work / _CUT
            complaints = 0
            unpacked_s, half = float((plan.kept[-1][1] - plan.kept[0][0]) / plan.rate), self._sound_s / 2
            try:
                if sound is None:
                    sounds.silence(plan, pcm, cut)
                else:
                    told = self._told("the sound", unpacked_s, half)
                    complaints = sounds.lay_out(
                        self._media, sound, plan, pcm, whole, check=place.check, log=place.log, on_progress=told
                    )
                    sounds.cut(plan, pcm, whole, cut, place.check)
                told = self._told("the sound", plan.seconds, half, behind=half)
                sounds.encode(plan, pcm, spec, cut, target, check=place.check, log=place.log, on_progress=told)
            finally:  # made anew by the next attempt, and on a full disk in the way of everything
                whole.unlink(missing_ok=True)
                cut.unlink(missing_ok=True)
            return complaints

        size = 0.0 if plan.groups else self._size(len(plan.kept), plan.frames)
        return self._unit_of(0, size, [f"sound.{suffix}"], make, self._sound_s)[0]

    def _findable(self) -> Media:
        """The medium, or a copy of its picture in which frames are found without reading all before them."""
        media, picture, place = self._media, self._media.picture, self._place
        if picture is None or not pictures.lacks_index(media, self._plan):
            return media

        def make(targets: Sequence[Path]) -> int:
            told = self._told("making an index", media.duration, 0.0)
            pictures.index(media, picture, targets[0], check=place.check, on_progress=told, log=place.log)
            return 0

        path = self._unit_of(len(self._plan.groups) + 1, 0.0, ["indexed.mkv"], make, 0.0)[0]
        return pictures.indexed(media, picture, path)

    def _group(self, film: Media, group: Group) -> list[Part]:
        plan, place, strands = self._plan, self._place, group.strands
        threads = STRAND_THREADS if len(strands) > 1 else ENCODER_THREADS
        job = Piecework(film, film.picture, self._spec, plan.rate, threads)
        seconds = [Fraction(strand.frames) / plan.rate for strand in strands]
        tell = self._told(f"part {group.number + 1} of {len(plan.groups)}", float(sum(seconds)), float(sum(seconds)))

        def make(targets: Sequence[Path]) -> int:
            told = _together(len(strands), tell)

            def drawing(number: int, strand: Strand, target: Path) -> Callable[[Callable[[], None]], int]:
                return lambda check: (
                    pictures.draw(
                        job, strand, target, check=check, on_progress=lambda out_s: told(number, out_s), log=place.log
                    ).complaints
                )

            jobs = [drawing(number, *one) for number, one in enumerate(zip(strands, targets, strict=True))]
            return sum(beside(jobs, len(os.sched_getaffinity(0)), place.check))

        names = [f"group.{group.number:04}.{strand}.mp4" for strand in range(len(strands))]
        paths = self._unit_of(group.number + 1, self._size(group.cuts, group.frames), names, make, float(sum(seconds)))
        return [Part(path, length) for path, length in zip(paths, seconds, strict=True)]

    def _unit_of(
        self, n: int, size: float, names: Sequence[str], make: Callable[[Sequence[Path]], int], seconds: float
    ) -> list[Path]:
        """The files of unit `n` of this plan: those that are there, or made now and durable when this returns."""
        place, number = self._place, self._first + n
        paths = [place.work / f"{self._plan.id}.{name}" for name in names]
        known: dict[str, Any] = self._units.get(number, {})
        if known and [path.stat().st_size for path in paths if path.is_file()] == known["bytes"]:
            self._reused += size
            self._complaints += int(known["complaints"])
        else:
            place.check()
            place.units.begin(number, size)
            parts = [path.with_name(f"{path.name}.part") for path in paths]
            complaints = make(parts)
            for part, path in zip(parts, paths, strict=True):
                files.fsync_file(part)
                part.replace(path)
            files.fsync_folder(place.work)
            written = [path.stat().st_size for path in paths]
            place.units.add(number, size, {"plan": self._plan.id, "n": n, "bytes": written, "complaints": complaints})
            self._done += size
            self._complaints += complaints
        self._behind_s += seconds
        place.progress(self._behind_s, self._total_s, names[0].partition(".")[0])
        return paths

    def _size(self, cuts: int, frames: int) -> float:
        return float(cuts) if self._unit == "cuts" else round(float(frames / self._plan.rate), 3)

    def _told(self, note: str, seconds: float, worth: float, behind: float = 0.0) -> Callable[[float], None]:
        """A listener to the seconds of output of a unit of `seconds`, which count as `worth` of the whole."""
        behind += self._behind_s

        def tell(out_s: float) -> None:
            share = min(1.0, max(0.0, out_s) / seconds)
            self._place.progress(behind + share * worth, self._total_s, note)

        return tell


def _together(count: int, tell: Callable[[float], None]) -> Callable[[int, float], None]:
    """A listener to each of `count` pieces of work that go on at once, which tells what they have done together."""
    lock, done = threading.Lock(), [0.0] * count

    def told(number: int, seconds: float) -> None:
        with lock:
            done[number] = max(done[number], seconds)
            tell(sum(done))

    return told
