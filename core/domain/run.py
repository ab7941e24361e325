"""One run: its record, as its state file holds it. It is changed by `commands` (intent) and `moves` (phase)."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from core.domain.errors import ErrorClass
from core.domain.settings import Settings
from core.domain.states import AttemptOutcome, FailureKind, Phase, StageStatus, Want

REMEMBERED_TRANSITIONS = 8


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """A transcript that was there before: an absolute path, and the checksum seen when it was added."""

    path: str
    sha256: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where a video comes from: a canonical URL, or an absolute path with the checksum seen when it was added.

    `transcript` is what is taken instead of transcribing it; `archive` is a yt-dlp archive whose videos a playlist leaves
    out.
    """

    kind: Literal["url", "file"]
    value: str
    sha256: str | None = None
    size: int | None = None
    cookies: str | None = None
    proxy: str | None = None
    transcript: Transcript | None = None
    archive: str | None = None

    def paths(self) -> tuple[str, ...]:
        """The files of this machine that are read for it."""
        value = self.value if self.kind == "file" else None
        named = (value, self.transcript.path if self.transcript is not None else None, self.archive)
        return tuple(path for path in named if path)


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator wants, who said so, when and why.

    `again` asks for one more round (retry), `drain` lets a pause wait for the end of the running stage, and `recover`
    names the one stalled attempt that is to be ended and begun anew.
    """

    want: Want = Want.RUN
    by: str = ""
    why: str = ""
    at: datetime | None = None
    again: bool = False
    drain: bool = False
    recover: str | None = None
    from_stage: str | None = None
    changes: dict[str, Any] = msgspec.field(default_factory=dict)


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it is shown: its class, one sentence and what to do about it."""

    kind: FailureKind
    error_class: ErrorClass = msgspec.field(name="class", default=ErrorClass.UNKNOWN)
    message: str = ""
    hint: str = ""


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """The process that works on an attempt, named so that a reused pid is not mistaken for it."""

    host: str
    boot_id: str
    pid: int
    start_ticks: int
    pid_namespace: int = 0


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the ledger: one try of one stage, never changed after its end.

    `active_s` is how long it really worked, in seconds of a clock that no one can set, without pauses; `probe` names
    the circuit breaker whose one trial it was.
    """

    id: str
    stage: str
    epoch: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    owner: Owner | None = None
    failure: Failure | None = None
    units_done: int = 0
    active_s: float | None = None
    probe: str | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the service found about an attempt that does not come on as it should; gone as soon as it does."""

    kind: Literal["stalled", "slow"]
    attempt: str
    at: datetime
    message: str


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The work receipt of a stage in its unit (seconds of audio, bytes, tokens).

    `done` was made by the attempt that finished it, `reused` taken over from earlier attempts or another run, and
    `redone` is what was begun, lost and made again; None where that is not known.
    """

    unit: str
    done: float = 0.0
    reused: float = 0.0
    redone: float | None = None


class StageState(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a run: its status, the key of what it published, and what it used up in this round.

    `tries` counts errors, `stalls` recoveries from a stall, and `damages` how often what it published was found damaged:
    three budgets that never mix.
    """

    status: StageStatus = StageStatus.PENDING
    key: str | None = None
    redo: int = 0
    tries: int = 0
    stalls: int = 0
    damages: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failure: Failure | None = None
    reused: bool = False
    work: Work | None = None

    def afresh(self) -> "StageState":
        """The same with every budget whole again."""
        return replace(self, tries=0, stalls=0, damages=0)


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the run's history, kept so that a crash cannot keep it out of the journal."""

    id: str
    at: datetime
    event: str
    source: str
    target: str
    by: str = "service"
    why: str = ""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One video of a playlist, with the id its run will have."""

    run_id: str
    space_id: str
    url: str
    title: str = ""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The whole truth about one run, as its state file holds it.

    `priority` is its own, None that of its batch. `round_after` is the last attempt before the present round (None: all
    there are belong to it). `crashes` are the latest deaths of its worker alone, `service_crashes` those together with the
    service, without anything new between them. A removed run is no more part of its batch, and never will be.
    """

    run_id: str
    batch_id: str
    space_id: str
    position: int
    source: Source
    owner: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    duration_s: float | None = None
    phase: Phase = Phase.QUEUED
    intent: Intent = Intent()
    priority: int | None = None
    front: int = 0
    settings: Settings | None = None
    stages: dict[str, StageState] = msgspec.field(default_factory=dict)
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    failure: Failure | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    next_at: datetime | None = None
    wait_s: float | None = None
    waits_for: str | None = None
    retry_count: int = 0
    resumed_count: int = 0
    crashes: list[datetime] = msgspec.field(default_factory=list)
    service_crashes: list[datetime] = msgspec.field(default_factory=list)
    round_after: str | None = None
    verdict: Verdict | None = None
    removed: bool = False
    resumed: bool = False
    adopted: bool = False
    playlist: str = ""
    entries: list[Entry] = msgspec.field(default_factory=list)
    commands: list[str] = msgspec.field(default_factory=list)
    transitions: list[Transition] = msgspec.field(default_factory=list)

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt that has not ended, if any: at most one, and always the last."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.outcome is None else None

    @property
    def was_stopped(self) -> bool:
        """Whether it failed because a person ended it on purpose: such a failure needs nobody."""
        return self.phase == Phase.FAILED and self.failure is not None and self.failure.kind == FailureKind.STOPPED

    @property
    def needs_attention(self) -> bool:
        """Whether it goes no further without a person, and nobody wanted that."""
        return self.phase == Phase.FAILED and not self.was_stopped

    @property
    def next_stage(self) -> str | None:
        """The first stage, in pipeline order, that is neither committed nor unneeded."""
        done = (StageStatus.COMMITTED, StageStatus.NOT_NEEDED)
        return next((name for name, stage in self.stages.items() if stage.status not in done), None)
