"""The one vocabulary of phases, and the tables of every allowed transition.

`docs/states.md` is generated from these rows and the exhaustive tests walk them; the functions of `core.domain.run`
and `core.domain.batch` may move a record only along a row.
"""

from enum import StrEnum

import msgspec


class Phase(StrEnum):
    """Where a run is."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    RETRY_WAIT = "retry_wait"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Want(StrEnum):
    """What the operator wants of a run; the service drives the phase towards it."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"
    CANCEL = "cancel"
    SKIP = "skip"


class StageStatus(StrEnum):
    """Where one stage of a run is."""

    NOT_NEEDED = "not_needed"
    PENDING = "pending"
    RUNNING = "running"
    COMMITTED = "committed"
    FAILED = "failed"


class AttemptOutcome(StrEnum):
    """How an attempt ended; `error` counts as a try, `stalled` as a recovery, and nothing else counts.

    One that `waited` found that something has to happen first: another run makes the same, or, with a failure that
    tells, something outside has to change (a site asks to slow down, the disk is full).
    """

    COMMITTED = "committed"
    ERROR = "error"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    STALLED = "stalled"
    SHUTDOWN = "shutdown"
    WAITED = "waited"


class FailureKind(StrEnum):
    """Why a run is failed."""

    ERROR = "error"
    EXHAUSTED = "exhausted"
    PERMANENT = "permanent"
    STOPPED = "stopped"
    STALLED = "stalled"
    TIMEOUT = "timeout"
    POISON = "poison"
    INPUT_LOST = "input_lost"
    STATE_CORRUPT = "state_corrupt"


class BatchPhase(StrEnum):
    """Where a batch is."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETED = "deleted"


TERMINAL = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.SKIPPED})
WAITING = frozenset({Phase.RECEIVING, Phase.QUEUED, Phase.RETRY_WAIT, Phase.PAUSED})


class Row(msgspec.Struct, frozen=True):
    """One allowed transition: what happens, from where, to where, and under which guard with which effect."""

    id: str
    event: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    note: str


_T = tuple(sorted(TERMINAL))

RUN_TABLE: tuple[Row, ...] = (
    Row("R1", "create", (), ("queued", "receiving"), "the same source is refused twice in one batch"),
    Row("R2", "uploaded", ("receiving",), ("queued",), "the upload is whole"),
    Row("R2", "upload_failed", ("receiving",), ("failed",), "after 3 tries"),
    Row("R3", "claim", ("queued",), ("running",), "intent run; batch and pool running; a free slot; opens an attempt"),
    Row(
        "R4",
        "stage_commit",
        ("running",),
        ("running",),
        "the published artifact is noted; the next stage starts if intent is run",
    ),
    Row("R4", "stage_commit", ("paused",), ("paused",), "a commit that landed just before everything stood still"),
    Row(
        "R5",
        "complete",
        ("running", "queued", "paused"),
        ("completed",),
        "the last stage is committed, also under intent pause or stop; or nothing is left to do",
    ),
    Row(
        "R6", "retry_later", ("running",), ("retry_wait",), "a retryable error with tries left; the slot is free again"
    ),
    Row("R7", "wait_over", ("retry_wait",), ("queued",), "at the front of its batch"),
    Row("R8", "fail", ("running", "paused"), ("failed",), "a permanent error, or the last try failed"),
    Row("R8", "hold", ("running", "paused"), ("paused",), "the same, when the batch says on_exhausted=hold"),
    Row(
        "R9",
        "pause",
        ("queued", "retry_wait", "running"),
        ("paused",),
        "intent pause; a running one once every process stands still",
    ),
    Row(
        "R10",
        "resume",
        ("paused",),
        ("queued",),
        "intent run; at the front of its batch; what is left of a back-off is dropped",
    ),
    Row(
        "R10",
        "resume_still",
        ("paused",),
        ("running",),
        "intent run while its stopped processes are still there, once its batch and its user have a place for it: they go on",
    ),
    Row(
        "R11",
        "stop",
        ("queued", "retry_wait", "paused", "running"),
        ("failed",),
        "intent stop; keeps the last error and all units",
    ),
    Row(
        "R12",
        "cancel",
        ("receiving", "queued", "retry_wait", "paused", "running"),
        ("cancelled",),
        "intent cancel; after the real exit of every process",
    ),
    Row(
        "R10",
        "release",
        ("running",),
        ("queued",),
        "its attempt ended for a pause or stop that was withdrawn meanwhile; front of the queue",
    ),
    Row("R13", "skip", ("queued", "retry_wait", "paused", "failed"), ("skipped",), "intent skip; counts as done"),
    Row("R13", "unskip", ("skipped",), ("queued",), "intent run"),
    Row(
        "R14",
        "retry",
        ("failed", "cancelled"),
        ("queued",),
        "one more round; tries start again; goes on at the first uncommitted unit",
    ),
    Row(
        "R15", "rerun", _T, ("queued",), "from a stage or with changed settings; the stages after it are pending again"
    ),
    Row(
        "R16",
        "recover",
        ("running",),
        ("queued",),
        "stalled; its processes are killed; counts as a recovery, not as a try; front of the queue",
    ),
    Row("R16", "stall", ("running",), ("failed",), "stalled once more than it may be recovered"),
    Row(
        "R17",
        "crash",
        ("running",),
        ("queued",),
        "the owner is dead and intent is run; front of the queue, flag resumed",
    ),
    Row(
        "R18",
        "poison",
        ("running",),
        ("failed",),
        "the third crash within 72 h without a new unit; the sixth if the service died too",
    ),
    Row("R19", "shutdown", ("running",), ("queued",), "the service stops; counts nothing; order kept"),
    Row(
        "R20",
        "invalidate",
        ("completed",),
        ("queued",),
        "a receipt no longer verifies; found at start-up or by check --repair",
    ),
    Row(
        "R21",
        "timeout",
        ("queued", "retry_wait", "running"),
        ("failed",),
        "its stage, itself or its batch worked longer than it may; its processes are ended; all units are kept",
    ),
)

BATCH_TABLE: tuple[Row, ...] = (
    Row("B1", "create", (), ("draft", "running"), "at least one run"),
    Row("B2", "start", ("draft",), ("running",), "a paused one resumes instead"),
    Row("B3", "pause", ("running",), ("paused",), "at once; with reason and by whom"),
    Row("B3", "auto_pause", ("running",), ("paused",), "so many runs failed one after another; running stages end"),
    Row("B4", "resume", ("paused",), ("running",), "the count of consecutive failures starts again"),
    Row(
        "B5",
        "settle",
        ("running",),
        ("completed", "failed"),
        "every run is terminal; failed if none completed or was skipped",
    ),
    Row(
        "B6",
        "cancel",
        ("draft", "running", "paused"),
        ("cancelled",),
        "at once; shown as cancelling until the last run is",
    ),
    Row("B7", "reopen", ("completed", "failed", "cancelled"), ("running",), "a run of it is retried"),
    Row("B8", "delete", ("draft", "completed", "failed", "cancelled"), ("deleted",), "hidden; its files stay"),
    Row(
        "B9",
        "restore",
        ("deleted",),
        ("draft", "completed", "failed", "cancelled"),
        "back to the phase it was deleted from, unless its files are being removed for good",
    ),
)

STAGE_TABLE: tuple[Row, ...] = (
    Row("S1", "start", ("pending",), ("running",), "an attempt is opened"),
    Row("S2", "commit", ("running", "pending"), ("committed",), "published under its key; from pending when adopted"),
    Row("S3", "end", ("running",), ("pending",), "error, pause, stop, shutdown or crash; units are kept"),
    Row("S4", "fail", ("running",), ("failed",), "only together with the run"),
    Row(
        "S5",
        "reset",
        ("committed", "failed", "not_needed"),
        ("pending",),
        "retry, rerun or failed verification; then the stages after it too",
    ),
    Row("S6", "drop", ("pending", "committed", "failed"), ("not_needed",), "changed settings no longer ask for it"),
)


def allowed(table: tuple[Row, ...], event: str, source: str, target: str) -> bool:
    """Whether some row of `table` lets `event` lead from `source` to `target`."""
    return any(row.event == event and source in row.sources and target in row.targets for row in table)
