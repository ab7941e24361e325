"""The documents of `/api/runs`: the contract's own JSON, as `./reprise … --json` prints it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from core.api.requests import Strict
from core.api.setting_fields import Given
from core.domain.limits import PRIORITY
from core.domain.states import Phase

MAX_REASON = 500
Text = Annotated[str, Field(max_length=MAX_REASON)]


class Said(Strict):
    """Why something is asked for; it stands in the history."""

    reason: Text = ""


class Pausing(Said):
    """How a run is to be paused."""

    drain: Annotated[bool, Field(description="Only after the stage that runs.")] = False


class Again(Said):
    """What is to be made again: from a stage on, or with other settings; without either, it goes on where it ended."""

    from_stage: Annotated[str, Field(max_length=40, examples=["quotes"])] | None = None
    settings: Given | None = None


class Place(Strict):
    """A priority of a run's own, or null for that of its batch."""

    priority: Annotated[int, Field(ge=PRIORITY[0], le=PRIORITY[1])] | None


class Done(Strict):
    """What was asked for; `applied` says whether a service is there to carry it out, `hint` what to do when not."""

    id: str
    phase: str
    intent: str
    changed: bool
    applied: bool
    hint: str | None


class Span(Strict):
    """Seconds, from and to."""

    low: float
    high: float


class Run(Strict):
    """A run without its stages; unknown values are null, never absent."""

    run_id: str
    batch_id: str
    space_id: str
    position: int
    source: str
    title: str
    duration_s: float | None
    owner: str
    phase: Phase
    intent: str
    pause: dict[str, Any] | None
    removed: bool
    flags: list[str]
    priority: int
    progress: float
    stage: str | None
    note: str
    worked_s: float
    created_at: str
    started_at: str | None
    completed_at: str | None
    updated_at: str
    eta_s: Span | None
    attempts: dict[str, int]
    attempt_counts: dict[str, int]
    last_error: dict[str, Any] | None
    retry_count: int
    resumed_count: int
    failure: dict[str, Any] | None
    blocked_reason: str | None
    work: dict[str, dict[str, Any]]


class RunWithStages(Run):
    """A run with its stages, their attempts and files."""

    stages: dict[str, dict[str, Any]]


class Damage(Strict):
    """A record of which nothing can be believed."""

    id: str
    problem: str


class Runs(Strict):
    """One page of runs; `total` counts all that match."""

    runs: list[Run]
    total: int
    damaged: list[Damage]


class Why(Strict):
    """The one reason why a run does not move."""

    run_id: str
    code: Literal[
        "none",
        "slot",
        "turn",
        "quota",
        "backoff",
        "breaker",
        "paused",
        "disk",
        "shared_work",
        "dependency",
        "service_down",
        "terminal",
    ]
    message: str
    until: str | None


class Line(Strict):
    """One line that a stage printed."""

    t: str
    stage: str
    attempt: str
    text: str


class Lines(Strict):
    """What the stages of a run printed, oldest first."""

    lines: list[Line]


class Events(Strict):
    """What happened, oldest first."""

    events: list[dict[str, Any]]
