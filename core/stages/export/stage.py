"""The export stage, top to bottom: what there is, what has to be done to it, doing it, publishing what was proven."""

import importlib.metadata
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from core.domain.cuts import Span
from core.domain.errors import ErrorClass, StageError
from core.domain.rendition import Film, Rendition, coded_anew, decide
from core.domain.run import Work
from core.domain.settings import Settings
from core.stages.export.copying import copy, largest
from core.stages.rendering.groups import render, scratch_bytes
from core.stages.rendering.media import Media, look
from core.stages.rendering.spec import Spec, export_spec
from core.stages.stage import Attempt, Job, Made
from core.system.files import free_bytes
from core.system.shortage import shortage

NAME = "export"
RECIPE = 1  # raised when the same video must give another file
# The least that a second of coded video takes; whether there is room for all of it only the encoder can tell.
CODED_BYTES_PER_S = 25_000


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of a medium: the file, how, what it is, and the work that took."""

    path: Path
    made_of: Rendition
    media: Media
    work: Work
    complaints: int = 0


class ExportStage:
    """Publishes `export.<suffix>`: the cut video if there is one, else the downloaded one, as the settings want it.

    What suits is copied, everything else is coded in groups that survive a kill. `free_space_bytes` must stay free on
    the disk of the storage.
    """

    name = "export"
    version = 1
    lane = "cpu"
    unit = "audio_s"
    needs: tuple[str, ...] = ("download", "remove_silence")

    def __init__(self, free_space_bytes: int = 0) -> None:
        self._free_space_bytes = free_space_bytes

    def wanted(self, settings: Settings) -> bool:
        """Whether a run with these settings is exported."""
        return settings.export

    def params(self, job: Job) -> dict[str, Any]:
        """The format, how large at most, and whether a smaller picture grows."""
        settings = job.settings
        return {
            "format": settings.export_format,
            "quality": settings.export_quality,
            "upscale": settings.export_upscale,
            "recipe": RECIPE,
        }

    def run(self, attempt: Attempt) -> Made:
        """Make, prove and publish the file.

        Raises `StageError`: INPUT_LOST, NOT_MEDIA, LIMIT_EXCEEDED, DISK_FULL, TOOLING, OUT_OF_MEMORY, POSTPROCESS.
        """
        try:
            return self._run(attempt)
        except (StageError, OSError) as error:  # even a line of the log may be what does not fit any more
            known = shortage(error) if isinstance(error, OSError) else error
            if isinstance(known, StageError) and known.error_class == ErrorClass.DISK_FULL:
                make_room(attempt.work)
            raise

    def _run(self, attempt: Attempt) -> Made:
        attempt.progress(0, None, "looking at the video")
        media = look(source_of(attempt.job), attempt.check)
        film, settings = film_of(media), attempt.job.settings
        wanted = (settings.export_format, settings.export_quality, settings.export_upscale)
        made_of = decide(film, *wanted)
        spec = export_spec(settings.export_format, settings.export_quality, upscale=settings.export_upscale)
        attempt.log(made_of.why)
        exported = None
        if not made_of.coded:
            try:
                exported = self._copy(attempt, media, made_of, spec)
            except StageError as error:
                if error.error_class not in (ErrorClass.POSTPROCESS, ErrorClass.NOT_MEDIA):
                    raise
                made_of = coded_anew(film, *wanted, f"{error.message} It is coded anew.")
                attempt.log(made_of.why)
        if exported is None:
            exported = self._code(attempt, media, made_of, spec)
        return publish(attempt, exported)

    def _copy(self, attempt: Attempt, media: Media, made_of: Rendition, spec: Spec) -> Exported:
        self._require_space(attempt.work, largest(media))
        target = attempt.work / f"{NAME}.copy.{made_of.suffix}"
        length = media.duration
        copy(
            media,
            made_of,
            spec,
            target,
            check=attempt.check,
            # Told as half of the length each, so that a copy that turns out bad does not look nearly done.
            progress=lambda at, note: attempt.progress(at / 2, length, note),
            log=attempt.log,
        )
        return Exported(
            path=target, made_of=made_of, media=media, work=Work(unit=self.unit, done=round(media.duration, 3))
        )

    def _code(self, attempt: Attempt, media: Media, made_of: Rendition, spec: Spec) -> Exported:
        whole = (Span(0.0, media.duration),)
        needed = int(media.duration * CODED_BYTES_PER_S) + scratch_bytes(media, whole, spec)
        self._require_space(attempt.work, needed)
        target = attempt.work / f"{NAME}.coded.{made_of.suffix}"
        made = render(media, whole, spec, attempt=attempt, out=target, unit="seconds")
        work = Work(unit=self.unit, done=made.done, reused=made.reused)
        return Exported(path=target, made_of=made_of, media=made.media, work=work, complaints=made.complaints)

    def _require_space(self, folder: Path, needed: int) -> None:
        free = free_bytes(folder)
        if free < needed + self._free_space_bytes:
            raise StageError(
                ErrorClass.DISK_FULL,
                f"Only {free / 1e6:.0f} MB are free on the disk; the export needs {(needed + self._free_space_bytes) / 1e6:.0f} MB.",
            )


def make_room(work: Path) -> None:
    """Remove what is only half made: on a full disk it would keep even the state from being written. Units stay."""
    for leftover in [*work.glob("*.part"), *work.glob(f"{NAME}.*"), *work.glob("*.pcm")]:
        leftover.unlink(missing_ok=True)


def source_of(job: Job) -> Path:
    """The video that is exported: without its silence where that was removed, else as it was downloaded."""
    cut = job.inputs.get("remove_silence")
    if cut is not None and cut.facts.get("media"):
        return cut.path / str(cut.facts["media"])
    download = job.inputs["download"]
    return download.path / str(download.facts["media"])


def film_of(media: Media) -> Film:
    """What the decision needs to know of `media`."""
    picture, sound = media.picture, media.sound
    return Film(
        container=media.container,
        video_codec=picture.codec if picture is not None else None,
        pixel_format=picture.pixel_format if picture is not None else None,
        width=picture.width if picture is not None else 0,
        height=picture.height if picture is not None else 0,
        fps=float(picture.rate) if picture is not None else None,
        turned=picture is not None and picture.rotation != 0,
        audio_codec=sound.codec if sound is not None else None,
    )


def publish(attempt: Attempt, exported: Exported) -> Made:
    """The proven file in `attempt.out`, under its final name for the first time."""
    made_of, media = exported.made_of, exported.media
    name = f"{NAME}.{made_of.suffix}"
    try:
        os.link(exported.path, attempt.out / name)  # what is in `work` stays until the folder is published
    except OSError:
        shutil.copyfile(exported.path, attempt.out / name)
    if exported.complaints:
        attempt.log(f"Its source is damaged: the decoder complained {exported.complaints} times.")
    picture = media.picture
    return Made(
        facts={
            "media": name,
            "duration": round(media.duration, 3),
            "width": picture.width if picture is not None else None,
            "height": picture.height if picture is not None else None,
            "copied": made_of.copied,
            "why": made_of.why,
            "complaints": exported.complaints,
        },
        tools={"ffmpeg": importlib.metadata.version("imageio-ffmpeg")},
        work=exported.work,
    )
