"""The download stage: from a source to one verified media file, `out/media.<suffix>`."""

import hashlib
import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.domain.run import Source, Work
from core.domain.settings import Settings
from core.stages.download.facts import Facts
from core.stages.download.local import bring_in
from core.stages.download.merge import Part, join, needs_joining
from core.stages.download.poster import make_poster
from core.stages.download.probe import probe
from core.stages.download.remote import Bounds, Fetched, fetch, read_cookies, require_space
from core.stages.download.source import file_title
from core.stages.download.subtitles import embedded, wants_subtitles
from core.stages.stage import Attempt, Expanded, Job, Made
from core.system.network import AllowedHosts

# The content is at fault, not the line: what was fetched is thrown away, so that a retry asks the server again.
_WORTHLESS = frozenset({ErrorClass.NOT_MEDIA, ErrorClass.TRUNCATED, ErrorClass.DRM, ErrorClass.LIMIT_EXCEEDED})


class DownloadStage:
    """Brings the source into the storage and judges it by its content; a playlist gives its entries instead.

    `allowed_hosts` is REPRISE_ALLOWED_HOSTS; `free_space_bytes` must stay free on the disk of the storage.
    """

    name = "download"
    version = 1
    lane = "network"
    unit = "bytes"
    needs: tuple[str, ...] = ()

    def __init__(
        self,
        allowed_hosts: str,
        socket_timeout_s: float,
        max_media_bytes: int,
        max_media_s: float,
        free_space_bytes: int,
    ) -> None:
        self._bounds = Bounds(
            allowed=AllowedHosts.parse(allowed_hosts),
            socket_timeout_s=socket_timeout_s,
            max_media_bytes=max_media_bytes,
            max_media_s=max_media_s,
            free_space_bytes=free_space_bytes,
        )

    def wanted(self, settings: Settings) -> bool:
        """Every run needs its video."""
        return True

    def params(self, job: Job) -> dict[str, Any]:
        """The source's identity, the wanted format, and whose cookies it is fetched with (as a fingerprint)."""
        params: dict[str, Any] = {"space_id": job.space_id, "format": job.settings.format}
        cookies = read_cookies(job.source)
        if cookies is not None:
            params["credentials"] = hashlib.sha256(cookies.encode()).hexdigest()
        if wants_subtitles(job):
            params["subtitles"] = [job.settings.use_subtitles, job.settings.language]
        return params

    def run(self, attempt: Attempt) -> Made | Expanded:
        """See `core.stages.stage.Stage.run`."""
        source = attempt.job.source
        require_space(attempt.work, source.size or 0, self._bounds)
        if source.kind == "file":
            got: Fetched | Expanded = self._local(attempt, source)
        else:
            got = fetch(attempt, source, attempt.job.settings, self._bounds)
        if isinstance(got, Expanded):
            return got
        try:
            path, facts = self._verified(attempt, got, joined=source.kind == "url")
        except StageError as error:
            if error.error_class in _WORTHLESS:
                attempt.units.lost(sum(path.stat().st_size for path in got.files))
                for leftover in [*attempt.work.glob("source.*"), *attempt.work.glob("joined.*")]:
                    leftover.unlink(missing_ok=True)
            raise
        name = f"media.{facts.suffix}"
        _publish(path, attempt.out / name)
        poster = make_poster(path, facts, attempt.out, check=attempt.check)
        own = _subtitles(attempt, got, path)
        aside = [*([poster.name] if poster is not None else []), *([own["file"]] if own else [])]
        attempt.log(_summary(facts))
        return Made(
            facts={
                "media": name,
                "title": got.title,
                **({"id": got.id} if got.id else {}),
                **({"aside": aside} if aside else {}),
                **({"subtitles": own} if own else {}),
                **{key: value for key, value in msgspec.to_builtins(facts).items() if key != "suffix"},
            },
            tools={tool: _version(tool) for tool in (("av",) if source.kind == "file" else ("av", "yt-dlp"))},
            work=got.work,
            title=got.title,
            duration_s=facts.duration,
        )

    def _local(self, attempt: Attempt, source: Source) -> Fetched:
        if source.size is not None and source.size > self._bounds.max_media_bytes:
            raise StageError(
                ErrorClass.LIMIT_EXCEEDED,
                f"The file has {source.size / 1e6:.0f} MB; {self._bounds.max_media_bytes / 1e6:.0f} MB are allowed.",
            )
        path, work = bring_in(attempt, source)
        return Fetched(files=(path,), title=file_title(source), work=work)

    def _verified(self, attempt: Attempt, got: Fetched, *, joined: bool) -> tuple[Path, Facts]:
        """The one file to publish and what it is; parts of a download are joined first."""

        size = sum(path.stat().st_size for path in got.files)

        def examine(path: Path) -> Facts:
            attempt.progress(size, size, "checking")
            return probe(path, max_media_s=self._bounds.max_media_s, check=attempt.check)

        parts = [Part(path, examine(path)) for path in got.files]
        if not joined or not needs_joining(parts):
            return parts[0].path, parts[0].facts
        require_space(attempt.work, size, self._bounds)
        attempt.progress(size, size, "joining")
        path = join(parts, attempt.work, check=attempt.check, max_bytes=self._bounds.max_media_bytes)
        return path, examine(path)


def _subtitles(attempt: Attempt, got: Fetched, media: Path) -> dict[str, str | None] | None:
    """Publish the subtitles that came along, those that people made before others; tells file, language and kind."""
    if not wants_subtitles(attempt.job):
        return None
    fetched = got.subtitles
    found = fetched if fetched is not None and fetched.kind == "manual" else embedded(attempt, media) or fetched
    if found is None:
        return None
    name = f"subtitles{found.path.suffix}"
    shutil.copyfile(found.path, attempt.out / name)
    attempt.log(f"it comes with subtitles ({found.kind}, {found.language or 'language unknown'})")
    return {"file": name, "language": found.language, "kind": found.kind}


def _publish(path: Path, target: Path) -> None:
    """`path` as `target`; both lie in our storage, so a link serves and a kill before publishing loses nothing."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


def _summary(facts: Facts) -> str:
    picture = f"{facts.video_codec} {facts.width}x{facts.height}" if facts.has_video else "no picture"
    return f"{facts.container}, {facts.duration:.1f} s, {picture}, {facts.audio_codec or 'no sound'}."


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


__all__ = ["DownloadStage", "Work"]
