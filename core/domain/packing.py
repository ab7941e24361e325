"""Which files of which runs an export is made of, and what is missing from it. Pure; the manager brings what there is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from core.domain.exports import ExportOptions, Kind, Missing, Packed
from core.domain.names import suffix_of
from core.domain.package_names import Named, stems
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, Phase

# Which of a run's videos is the one that a person wants: the one that most was done to.
VIDEO_STAGES = ("export", "remove_silence", "download")
SOUND = frozenset({".mp3", ".m4a", ".aac", ".wav", ".ogg", ".opus", ".flac", ".wma"})
VIDEO = (
    frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".ogv", ".ts", ".mpg", ".flv", ".3gp", ".wmv"}) | SOUND
)
CONTENTS = "MISSING.txt"
_EXTRAS: dict[Kind, tuple[str, ...]] = {
    "transcript": ("transcript.srt", "transcript.txt"),
    "summary": ("summary.md",),
    "quotes": ("quotes.md",),
}


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One published file of a run that could go into an export."""

    stage: str
    key: str
    file: str
    size: int
    sha256: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A run as an export sees it: its place in the batch from 1, and what it has, the best video first.

    `lost` says what of it should be there and is not.
    """

    run_id: str
    number: int
    title: str
    id: str
    original: str
    added: datetime
    phase: Phase
    language: str = ""
    duration_s: float | None = None
    video: Offer | None = None
    others: Mapping[str, Offer] = msgspec.field(default_factory=dict)
    lost: tuple[str, ...] = ()


def found_phase(run: RunRecord) -> Phase:
    """The phase that counts: of a run that is to be made again, the one that it is not finished."""
    return Phase.QUEUED if run.phase in TERMINAL and run.intent.again else run.phase


def packed(found: Sequence[Found], options: ExportOptions, batch: str) -> tuple[list[Packed], list[Missing]]:
    """The files of the export in the order of the batch, with their names, and what is missing.

    Raises `BadInput` for a pattern that cannot be used.
    """
    kept, missing = [], []
    for run in found:
        why = _left_out(run, options)
        if why:
            missing.append(Missing(run_id=run.run_id, title=run.title, why=why, lost=_is_lost(run, options)))
        elif run.phase != Phase.SKIPPED:
            kept.append(run)
            missing += [Missing(run_id=run.run_id, title=run.title, why=lost, lost=True) for lost in run.lost]
    files = [_files(run, options) for run in kept]
    named = [
        Named(
            number=run.number,
            title=run.title,
            id=run.id,
            original=run.original,
            added=run.added,
            suffixes=tuple(suffix for suffix, _, _ in of),
        )
        for run, of in zip(kept, files, strict=True)
    ]
    members = [
        Packed(
            name=f"{stem}{suffix}",
            kind=kind,
            run_id=run.run_id,
            title=run.title,
            stage=offer.stage,
            key=offer.key,
            file=offer.file,
            size=offer.size,
            sha256=offer.sha256,
            duration_s=run.duration_s if kind == "video" else None,
        )
        for run, of, stem in zip(kept, files, stems(named, options, batch, taken=[CONTENTS]), strict=True)
        for suffix, kind, offer in of
    ]
    if members and missing and options.format == "zip":
        members.append(contents(missing))
    return members, missing


def contents(missing: Iterable[Missing]) -> Packed:
    """The file that tells whoever gets the export what is not in it."""
    lines = [f"{' '.join(one.title.split())}: {one.why}" for one in missing]
    text = "Not in this export:\n" + "".join(f"- {line}\n" for line in lines)
    return Packed(name=CONTENTS, kind="note", text=text, size=len(text.encode()))


def _left_out(run: Found, options: ExportOptions) -> str:
    """Why a run is not in the export; empty when it is, or was taken out of the batch on purpose."""
    match run.phase:
        case Phase.SKIPPED:
            return ""
        case Phase.COMPLETED:
            return "" if run.video is not None else (run.lost[0] if run.lost else "it has no video")
        case Phase.FAILED | Phase.CANCELLED:
            if not options.include_failed:
                return f"it {'has failed' if run.phase == Phase.FAILED else 'was cancelled'}"
            lost = run.lost[0] if run.lost else "it ended before there was a video of it"
            return "" if run.video is not None else lost
        case _:
            return "it is not finished"


def _is_lost(run: Found, options: ExportOptions) -> bool:
    """Whether a run that is left out should have been in the export."""
    ended = run.phase in (Phase.FAILED, Phase.CANCELLED)
    return run.phase == Phase.COMPLETED or (ended and options.include_failed and bool(run.lost))


def _files(run: Found, options: ExportOptions) -> list[tuple[str, Kind, Offer]]:
    """What goes into the export of one run: the end of each name, what it is, and the file."""
    assert run.video is not None
    chosen: list[tuple[str, Kind, Offer]] = [(_suffix(run.video.file), "video", run.video)]
    if options.format != "zip":
        return chosen
    asked: dict[Kind, bool] = {
        "transcript": options.transcripts,
        "summary": options.summaries,
        "quotes": options.quotes,
    }
    for kind in [kind for kind, wanted in asked.items() if wanted]:
        for name in _EXTRAS[kind]:
            offer = run.others.get(name)
            if offer is not None:
                chosen.append((suffix_of("", name, run.language), kind, offer))
    return chosen


def _suffix(name: str) -> str:
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""
