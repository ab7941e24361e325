"""What a stage is, what it is given, and what it gives back: the contract between the runner and every stage.

A stage is made of units. It asks `attempt.units` which are already durable, makes the others, and adds each as soon as
it is whole; killed at any moment it loses only the units in flight. It writes its results into `attempt.out`; the runner
publishes that folder by one rename. It never touches state files, locks or artifacts itself.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from core.domain.run import Source, Work
from core.domain.settings import Settings


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact of an earlier stage: its folder, the facts and file checksums of its receipt, and their digest.

    Only its files tell results apart (`content` is in the key of what is made of it): a later stage must not write
    what is true of this artifact alone, such as the title of its source.
    """

    stage: str
    key: str
    content: str
    path: Path
    files: dict[str, str]
    facts: dict[str, Any]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a stage's parameters may depend on: the source, the settings and what was published before it.

    `inputs` are the artifacts of the stages it needs, without those that this run does not have.
    """

    space_id: str
    source: Source
    settings: Settings
    inputs: Mapping[str, Published]


class Units(Protocol):
    """The durable units of one piece of work, kept in `units.jsonl` across attempts."""

    def done(self) -> dict[int, dict[str, Any]]:
        """The data of every unit that is whole, by its number."""
        ...

    def begin(self, number: int, size: float | None = None) -> None:
        """Say that unit `number` is begun now, so that it is known what a kill costs. Cheap; thread-safe.

        `size` is in the stage's unit; None is that which it will have once it is whole.
        """
        ...

    def withdraw(self, number: int) -> None:
        """Say that the latest beginning of unit `number` came to nothing and cost nothing."""
        ...

    def lost(self, size: float) -> None:
        """Say that so much, in the stage's unit, was made and had to be thrown away."""
        ...

    def add(self, number: int, size: float, data: dict[str, Any]) -> None:
        """Make unit `number` durable; `size` is in the stage's unit. Returns once it is on disk. Thread-safe."""
        ...


class Attempt(Protocol):
    """What the runner gives to one attempt of a stage."""

    @property
    def job(self) -> Job:
        """What the stage is to work on."""
        ...

    @property
    def work(self) -> Path:
        """The folder that survives attempts: plans, partial files."""
        ...

    @property
    def out(self) -> Path:
        """What is written here is published when `run` returns."""
        ...

    @property
    def units(self) -> Units:
        """The durable units of this piece of work."""
        ...

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        """Tell how far it is, in any unit; written at most 4 times a second, never durable. Cheap; thread-safe.

        What is shown of a piece of work never falls, so what only prepares it is told with `total` None.
        """
        ...

    def log(self, text: str) -> None:
        """One line of console output, kept and shown. Thread-safe."""
        ...

    def check(self) -> None:
        """Raise `Stop` if the attempt has to end; call it at every unit boundary and at least once a second."""
        ...

    def file(self, name: str, content: bytes) -> Path:
        """Write `content` durably (fsync, rename) as `name` in `work`; for plans that must exist before the first unit."""
        ...


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One video that a playlist names."""

    url: str
    title: str = ""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A finished stage: what goes into its receipt beside the files in `out`.

    `work` is what this attempt did and what it found done; the runner adds what was done twice.

    `facts` are small, depend only on inputs and parameters, and are what later stages read; `tools` are versions.
    """

    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    tools: dict[str, str] = msgspec.field(default_factory=dict)
    work: Work | None = None
    title: str = ""
    duration_s: float | None = None


class Expanded(msgspec.Struct, frozen=True, kw_only=True):
    """The source turned out to be a playlist: its videos, at most the limit, and how many there are if known."""

    title: str
    entries: tuple[Entry, ...]
    total: int | None = None


class Stage(Protocol):
    """One step of a run. Importing its module is cheap: heavy libraries are imported inside `run`."""

    name: str
    lane: str  # network, cpu, gpu or api
    unit: str  # audio_s, bytes, tokens or cuts
    needs: tuple[str, ...]  # the stages whose artifacts it reads

    @property
    def version(self) -> int:
        """Raised when the same input must give another result."""
        ...

    def wanted(self, settings: Settings) -> bool:
        """Whether a run with these settings has this stage."""
        ...

    def params(self, job: Job) -> dict[str, Any]:
        """The parameters that change the result; they enter the key beside name, version, inputs and redo.

        Raises `StageError` when the stage cannot work at all (no such model, no key).
        """
        ...

    def run(self, attempt: Attempt) -> Made | Expanded:
        """Do the work. Raises `StageError` for what went wrong, `Stop` when `attempt.check` did."""
        ...


StageFactory = Callable[[], Stage]
