"""A cut list becomes a media file: in groups that survive a kill, joined without coding them again.

The picture of each group is a durable unit, the sound part of the first; a kill costs at most the one in flight. The strands
of a group are drawn beside each other. What comes out depends on medium, cut list and spec alone, byte for byte.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from core.domain.cuts import CutList, Span
from core.stages.rendering import joining, pictures, sounds
from core.stages.rendering.beside import Check, Told, beside, together
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


class _Job(NamedTuple):
    """What makes one file, `worth_s` seconds of the whole; it tells how many of them are done, and gives its complaints."""

    name: str
    worth_s: float
    make: Callable[[Path, Check, Told], int]


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
        sound, parts = self._drawn()
        place.progress(self._behind_s, self._total_s, "joining")
        joined = place.work / f"joined.{self._spec.suffix}.part"
        joining.join(parts, sound, self._spec, joined, rate=plan.rate, check=place.check, log=place.log)
        made = self._judged(joined, parts, has_sound=sound is not None)
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

    def _judged(self, joined: Path, parts: Sequence[Part], *, has_sound: bool) -> Media:
        """What was joined, once all that is asked of it is found to be so."""
        plan, place = self._plan, self._place
        picture, filled = self._media.picture, (self._spec.width, self._spec.height)
        size = (size_for(picture, self._spec) if picture is not None else filled) if parts else None

        def copied(check: Check) -> None:
            if self._decode == "keys" and parts:
                joining.require_copied(parts, joined, check=check, log=place.log)

        def verified(check: Check) -> Media:
            return verify(
                joined,
                seconds=plan.seconds,
                picture=bool(parts),
                sound=has_sound,
                frames=plan.frames if parts else None,
                size=size,
                decode=self._decode,
                check=check,
                on_progress=self._told("checking", plan.seconds, self._proof_s),
            )

        jobs: list[Callable[[Check], Media | None]] = [copied, verified]
        made = beside(jobs, len(jobs), place.check)[1]
        assert made is not None
        return made

    def _drawn(self) -> tuple[Path | None, list[Part]]:
        """The sound, and the picture in parts. The sound is made beside the first group, in one unit with it."""
        plan = self._plan
        sounds_made = [self._sound()] if self._has_sound else []
        if not plan.groups:
            return self._unit_of(0, self._size(len(plan.kept), plan.frames), sounds_made, "the sound")[0], []
        film = self._findable()
        sound: Path | None = None
        parts: list[Part] = []
        for group in plan.groups:
            with_it = sounds_made if group.number == 0 else []
            drawings = self._group(film, group)
            note = f"part {group.number + 1} of {len(plan.groups)}"
            size = self._size(group.cuts, group.frames)
            paths = self._unit_of(group.number, size, [*with_it, *drawings], note)
            sound = paths.pop(0) if with_it else sound
            parts += [
                Part(path, Fraction(one.frames) / plan.rate) for path, one in zip(paths, group.strands, strict=True)
            ]
        return sound, parts

    def _sound(self) -> "_Job":
        plan, spec, place, sound = self._plan, self._spec, self._place, self._media.sound

        def make(target: Path, check: Check, told: Told) -> int:
            pcm = sounds.pcm_for(sound, spec)
            whole, cut = place.work / _SAMPLES, place.work / _CUT
            complaints = 0
            unpacked_s, half = float((plan.kept[-1][1] - plan.kept[0][0]) / plan.rate), self._sound_s / 2
            try:
                if sound is None:
                    sounds.silence(plan, pcm, cut)
                else:
                    complaints = sounds.lay_out(
                        self._media,
                        sound,
                        plan,
                        pcm,
                        whole,
                        check=check,
                        log=place.log,
                        on_progress=lambda out_s: told(half * min(1.0, out_s / unpacked_s)),
                    )
                    sounds.cut(plan, pcm, whole, cut, check)
                sounds.encode(
                    plan,
                    pcm,
                    spec,
                    cut,
                    target,
                    check=check,
                    log=place.log,
                    on_progress=lambda out_s: told(half + half * min(1.0, out_s / plan.seconds)),
                )
            finally:  # made anew by the next attempt, and on a full disk in the way of everything
                whole.unlink(missing_ok=True)
                cut.unlink(missing_ok=True)
            return complaints

        return _Job(f"sound.{'webm' if spec.audio == 'opus' else 'm4a'}", self._sound_s, make)

    def _findable(self) -> Media:
        """The medium, or a copy of its picture in which frames are found without reading all before them."""
        media, picture, place = self._media, self._media.picture, self._place
        if picture is None or not pictures.lacks_index(media, self._plan):
            return media

        def make(target: Path, check: Check, told: Told) -> int:
            pictures.index(media, picture, target, check=check, on_progress=told, log=place.log)
            return 0

        job = _Job("indexed.mkv", 0.0, make)
        return pictures.indexed(media, picture, self._unit_of(len(self._plan.groups), 0.0, [job], "making an index")[0])

    def _group(self, film: Media, group: Group) -> list["_Job"]:
        """The strands of a group, to be drawn."""
        plan, place, strands = self._plan, self._place, group.strands
        threads = STRAND_THREADS if len(strands) > 1 else ENCODER_THREADS
        job = Piecework(film, film.picture, self._spec, plan.rate, threads)

        def drawing(number: int, strand: Strand) -> _Job:
            def make(target: Path, check: Check, told: Told) -> int:
                return pictures.draw(job, strand, target, check=check, on_progress=told, log=place.log).complaints

            name = f"group.{group.number:04}.{number}.mp4"
            return _Job(name, float(strand.frames / plan.rate), make)

        return [drawing(number, strand) for number, strand in enumerate(strands)]

    def _unit_of(self, n: int, size: float, jobs: Sequence["_Job"], note: str) -> list[Path]:
        """The files of unit `n` of this plan, one a job: those that are there, or made now and durable when this returns."""
        place, number = self._place, self._first + n
        paths = [place.work / f"{self._plan.id}.{job.name}" for job in jobs]
        known: dict[str, Any] = self._units.get(number, {})
        if known and [path.stat().st_size for path in paths if path.is_file()] == known["bytes"]:
            self._reused += size
            self._complaints += int(known["complaints"])
        else:
            place.check()
            place.units.begin(number, size)
            parts = [path.with_name(f"{path.name}.part") for path in paths]
            complaints = self._made(jobs, parts, note)
            for part, path in zip(parts, paths, strict=True):
                files.fsync_file(part)
                part.replace(path)
            files.fsync_folder(place.work)
            written = [path.stat().st_size for path in paths]
            place.units.add(number, size, {"plan": self._plan.id, "n": n, "bytes": written, "complaints": complaints})
            self._done += size
            self._complaints += complaints
        self._behind_s += sum(job.worth_s for job in jobs)
        place.progress(self._behind_s, self._total_s, note)
        return paths

    def _made(self, jobs: Sequence["_Job"], parts: Sequence[Path], note: str) -> int:
        """How often the medium could not be decoded cleanly while `jobs` were done into `parts`, beside each other."""
        worth_s = sum(job.worth_s for job in jobs)
        told = together(len(jobs), self._told(note, worth_s or 1.0, worth_s))

        def doing(number: int, job: _Job, part: Path) -> Callable[[Check], int]:
            return lambda check: job.make(part, check, lambda done_s: told(number, min(done_s, job.worth_s)))

        # One a core: measured, more of them take more processor time than they save by never waiting.
        pieces = [doing(number, *one) for number, one in enumerate(zip(jobs, parts, strict=True))]
        return sum(beside(pieces, len(os.sched_getaffinity(0)), self._place.check))

    def _size(self, cuts: int, frames: int) -> float:
        return float(cuts) if self._unit == "cuts" else round(float(frames / self._plan.rate), 3)

    def _told(self, note: str, seconds: float, worth: float) -> Told:
        """A listener to the seconds of output of a unit of `seconds`, which count as `worth` of the whole."""
        behind = self._behind_s

        def tell(out_s: float) -> None:
            share = min(1.0, max(0.0, out_s) / seconds)
            self._place.progress(behind + share * worth, self._total_s, note)

        return tell
