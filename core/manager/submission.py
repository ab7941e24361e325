"""What somebody hands in, source by source: what can be used of it, and why the rest cannot."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from core.domain.batch import MAX_RUNS
from core.domain.errors import BadInput, RepriseError
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.manager.sidecars import Sidecars
from core.stages.download.archive import address_of, archive_id, read_archive
from core.stages.download.source import absolute_file, expand_folder, parse_source, space_id
from core.system.network import AllowedHosts

OnHash = Callable[[str, float], None]
Check = Callable[[str], None]


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to have made of some sources.

    Without a `priority` it is the usual one of whoever asks. `transcripts` are files that are taken instead of transcribing; with `sidecars`, so is what lies beside a medium under
    its name. `archive` is one of yt-dlp's: its videos are left out (`skip`) or are the sources (`add`). `template` is the
    name of what the settings began with.
    """

    sources: tuple[str, ...]
    name: str = ""
    description: str = ""
    settings: Settings = Settings()
    priority: int | None = None
    concurrency: int = 3
    draft: bool = False
    playlist_limit: int = MAX_RUNS
    cookies: str | None = None
    proxy: str | None = None
    transcripts: tuple[str, ...] = ()
    sidecars: bool = True
    archive: str | None = None
    archived: Literal["skip", "add"] = "skip"
    template: str = ""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A source that was not taken, and why."""

    source: str
    code: str
    message: str
    hint: str


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a submission; `batch_id` is None when nothing was taken."""

    batch_id: str | None
    runs: tuple[RunRecord, ...]
    rejected: tuple[Rejected, ...]
    expanding: bool


def take(
    submission: Submission, allowed: AllowedHosts, on_hash: OnHash | None = None, check: Check = lambda text: None
) -> tuple[list[tuple[Source, str]], list[Rejected]]:
    """The sources that can be used, each with its `space_id`, and those that cannot with the reason.

    `check` raises for a source that may not be named by whoever asks, before anything is looked at. Raises `BadInput` for
    an archive that is none.
    """
    rejected: list[Rejected] = []
    archive = absolute_file(submission.archive, "archive") if submission.archive else None
    archived = read_archive(archive) if archive is not None else ()
    skipped = frozenset(archived) if submission.archived == "skip" else frozenset()
    found = list(expand(submission.sources, check))
    if archive is not None and submission.archived == "add":
        found += _of_archive(archive, archived, MAX_RUNS - _texts(found))
    sidecars = Sidecars(
        submission.transcripts,
        alone=_texts(found) == 1,
        beside=submission.sidecars,
        language=submission.settings.language,
    )
    taken: list[tuple[Source, str]] = []
    numbers: dict[str, int] = {}  # which of the given sources brought a video
    number = 0
    for text in found:
        if isinstance(text, Rejected):
            rejected.append(text)
            continue
        number += 1
        try:
            check(text)
            source = parse_source(text, allowed, on_hash=on_hash)
            space = space_id(source)
            if space in numbers:
                raise BadInput(
                    f"Number {number} is the same video as number {numbers[space]}.",
                    code="duplicate",
                    hint="One copy is enough; it is added once.",
                )
            if source.kind == "url" and archive_id(source.value) in skipped:
                raise BadInput(
                    "It is in the archive of what was downloaded before.",
                    code="archived",
                    hint="Add it without the archive to make it all the same.",
                )
            if len(taken) >= MAX_RUNS:
                raise BadInput(
                    f"A batch holds at most {MAX_RUNS} videos.",
                    code="batch_full",
                    hint="Put the rest into another batch.",
                )
            source = _with_all(source, submission, sidecars, archive if skipped else None)
        except RepriseError as error:
            rejected.append(_rejected(text, error))
            continue
        taken.append((source, space))
        numbers[space] = number
    unused = BadInput(
        "This transcript belongs to none of the sources.",
        code="transcript",
        hint="Name it like its video: talk.srt or talk.en.srt for talk.mp4.",
    )
    return taken, rejected + [_rejected(text, unused) for text in sidecars.unused()]


def _with_all(source: Source, submission: Submission, sidecars: Sidecars, archive: Path | None) -> Source:
    """`source` with all that belongs to it beside its address."""
    transcript = sidecars.of(source.value)
    if source.kind == "file":
        return replace(source, transcript=transcript)
    return replace(
        source,
        cookies=submission.cookies,
        proxy=submission.proxy,
        transcript=transcript,
        archive=str(archive) if archive is not None else None,
    )


def _of_archive(archive: Path, entries: Sequence[str], room: int) -> Iterator[str | Rejected]:
    """The addresses of the videos in an archive; then those without one, and together those that do not fit."""
    addresses = [address for entry in entries if (address := address_of(entry)) is not None]
    yield from addresses[: max(0, room)]
    for entry in entries:
        if address_of(entry) is None:
            site = entry.partition(" ")[0]
            unknown = BadInput(
                f"An archive does not say the address of a video of “{site}”.",
                code="archive",
                hint="Add the video by its address.",
            )
            yield _rejected(entry, unknown)
    left = len(addresses) - max(0, room)
    if left > 0:
        full = BadInput(
            f"A batch holds at most {MAX_RUNS} videos; {left} of this archive are left out.",
            code="batch_full",
            hint="Put the rest into another batch.",
        )
        yield _rejected(str(archive), full)


def _texts(found: Sequence[str | Rejected]) -> int:
    return sum(isinstance(one, str) for one in found)


def _rejected(text: str, error: RepriseError) -> Rejected:
    return Rejected(source=text, code=error.code, message=error.message, hint=error.hint)


def expand(sources: Sequence[str], check: Check = lambda text: None) -> Iterator[str | Rejected]:
    """The sources in their order, each folder replaced by the media files in it, or by what is wrong with it."""
    for text in sources:
        try:
            check(text)
        except RepriseError as error:
            yield _rejected(text, error)
            continue
        if not _is_folder(text):
            yield text
            continue
        try:
            yield from (str(path) for path in expand_folder(Path(text)))
        except RepriseError as error:
            yield _rejected(text, error)


def _is_folder(text: str) -> bool:
    try:
        return bool(text.strip()) and "://" not in text and Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):
        return False  # no name of anything here; what is wrong with it is said where it is parsed
