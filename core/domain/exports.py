"""One export of a batch: what was asked for, which files it is made of, and how far it is. Its record, and the ways it changes."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace

from core.domain.errors import BadInput, Refused

DEFAULT_PATTERN = "{number}_{title}"
MERGED = "merged"  # the name under which merged videos are published, beside those of the stages
PART = "merged_part"  # and that of what they are made of where videos are first made alike
Kind = Literal["video", "transcript", "summary", "quotes", "note"]
Format = Literal["zip", "merged", "playlist"]


class ExportPhase(StrEnum):
    """Where an export is. A ZIP and a playlist are ready at once: they are made while they are fetched."""

    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = frozenset({ExportPhase.QUEUED, ExportPhase.RUNNING})


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be in an export and how its files are called.

    `pattern` names the files of a ZIP; `original_names` goes before it, `prefix` puts the batch's name in front.
    """

    format: Format = "zip"
    pattern: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = DEFAULT_PATTERN
    original_names: bool = False
    prefix: bool = False
    include_failed: bool = False
    transcripts: bool = False
    summaries: bool = False
    quotes: bool = False


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an export: its name there, and the published file it is, bit for bit.

    A `note` has no such file: it is what the export itself says.
    """

    name: str
    kind: Kind
    run_id: str = ""
    title: str = ""
    stage: str = ""
    key: str = ""
    file: str = ""
    size: int = 0
    sha256: str = ""
    duration_s: float | None = None
    text: str = ""


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A video of the batch, or a file of one, that is not in the export, and why.

    What is `lost` should have been in it; all else is not there because it was not asked for, or is not finished.
    """

    run_id: str
    title: str
    why: str
    lost: bool = False


class ExportFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why an export could not be made, and what to do about it."""

    code: str
    message: str
    hint: str = ""


class ExportRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The whole truth about one export, as its state file holds it.

    `members` are frozen when it is asked for and keep their artifacts from being swept until `expires_at`. `same` is a
    digest of all that decides what comes out: who asks for the same again gets this one. `key` names a merged video.
    """

    export_id: str
    batch_id: str
    owner: str
    name: str
    options: ExportOptions
    same: str
    created_at: datetime
    updated_at: datetime
    phase: ExportPhase = ExportPhase.QUEUED
    members: list[Packed] = msgspec.field(default_factory=list)
    missing: list[Missing] = msgspec.field(default_factory=list)
    size: int | None = None
    duration_s: float | None = None
    key: str = ""
    sha256: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
    cancel_by: str | None = None
    failure: ExportFailure | None = None

    @property
    def videos(self) -> list[Packed]:
        """The videos in it, in their order."""
        return [member for member in self.members if member.kind == "video"]

    def expired(self, now: datetime) -> bool:
        """Whether its time is over: it cannot be fetched any more, and keeps nothing."""
        return self.expires_at is not None and now >= self.expires_at

    def places(self, now: datetime) -> set[tuple[str, str]]:
        """The stage and key of every artifact that it needs as long as it can be fetched or is being made."""
        if self.phase in (ExportPhase.FAILED, ExportPhase.CANCELLED) or self.expired(now):
            return set()
        own = {(MERGED, self.key)} if self.key else set()
        if self.phase == ExportPhase.READY and self.options.format == "merged":
            return own
        return own | {(member.stage, member.key) for member in self.members if member.key}


def begun(record: ExportRecord, now: datetime) -> ExportRecord:
    """It is being made now."""
    if record.phase not in OPEN:
        return record
    return replace(record, phase=ExportPhase.RUNNING, started_at=record.started_at or now, updated_at=now)


def finished(
    record: ExportRecord,
    now: datetime,
    expires_at: datetime,
    *,
    size: int,
    sha256: str,
    suffix: str,
    left_out: list[Missing],
) -> ExportRecord:
    """It is made and verified, a file of the kind that `suffix` says; `left_out` could not go into it after all."""
    gone = {missing.run_id for missing in left_out}
    return replace(
        record,
        phase=ExportPhase.READY,
        name=f"{record.name.rpartition('.')[0] or record.name}{suffix}",
        members=[member for member in record.members if member.run_id not in gone],
        missing=[*record.missing, *left_out],
        size=size,
        sha256=sha256,
        completed_at=now,
        updated_at=now,
        expires_at=expires_at,
    )


def renewed(record: ExportRecord, now: datetime, kept: timedelta) -> ExportRecord:
    """It was asked for again: it can be fetched for `kept` from now on, unless more than half of that is left anyway."""
    if record.expires_at is None or record.expires_at - now >= kept / 2:
        return record
    return replace(record, expires_at=now + kept, updated_at=now)


def failed(record: ExportRecord, now: datetime, failure: ExportFailure) -> ExportRecord:
    """It could not be made."""
    return replace(record, phase=ExportPhase.FAILED, failure=failure, completed_at=now, updated_at=now)


def cancelled(record: ExportRecord, now: datetime) -> ExportRecord:
    """It is not made any more, as was asked for."""
    return replace(record, phase=ExportPhase.CANCELLED, completed_at=now, updated_at=now)


def asked_to_cancel(record: ExportRecord, by: str, now: datetime) -> ExportRecord:
    """Ask for its end; twice is once. Raises `Refused` when it has come to its end already."""
    if record.phase == ExportPhase.CANCELLED or (record.phase in OPEN and record.cancel_by):
        return record
    if record.phase not in OPEN:
        raise Refused(
            f"Export {record.export_id} is {record.phase}; only one that is being made can be cancelled.",
            hint="./reprise exports lists them.",
        )
    return replace(record, cancel_by=by, updated_at=now)


def parse_options(given: dict[str, Any]) -> ExportOptions:
    """The options that were `given`; raises `BadInput` naming the one that cannot be used."""
    try:
        return msgspec.convert(given, ExportOptions)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise BadInput(
            f"The option {where.strip('`$.') or 'given'} is not usable: {reason}.",
            hint="./reprise export --help lists the options.",
        ) from None
