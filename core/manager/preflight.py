"""What a batch would be, before it is one: how large, how long, whether it fits, when it may be done. Nothing is written."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from core.config import Config
from core.domain.batch import MAX_RUNS
from core.domain.errors import StageError
from core.domain.estimate import Estimate
from core.domain.plan import stages_for
from core.domain.run import RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import Phase
from core.manager.checks import check_settings
from core.manager.drafts import take_within
from core.manager.index import Index
from core.manager.intake import check_batch
from core.manager.measure import Measure
from core.manager.reach import Reach
from core.manager.submission import OnHash, Rejected, Submission
from core.stages.catalog import Catalog
from core.stages.download.glance import Glance, at_address, at_files
from core.stages.download.remote import Bounds
from core.stages.download.source import shown
from core.store.layout import Layout
from core.system import files
from core.system.clock import Clock
from core.system.network import AllowedHosts

SOUND_BYTES_PER_S = 32_000  # what transcribing keeps of a recording while it works
AT_ONCE = 4


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One source: sizes in bytes, lengths in seconds, None where that is not known.

    `videos` is how many a list has, `transcript` what is taken instead of transcribing, `before` the run that has the same
    video already, and `problem` why the site gives nothing about it.
    """

    source: str
    kind: str
    title: str
    size: int | None = None
    duration_s: float | None = None
    videos: int | None = None
    transcript: str | None = None
    before: str | None = None
    problem: str = ""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a submission would become. Totals are of what is known; `unknown` sources are not in them.

    `needed_bytes` is about what the disk has to hold in the end, of `free_bytes` that may be used; `eta` is None until
    runs with such settings were measured.
    """

    looks: tuple[Look, ...]
    rejected: tuple[Rejected, ...]
    size: int
    duration_s: float
    unknown: int
    needed_bytes: int
    free_bytes: int
    fits: bool
    eta: Estimate | None


class Opened(Protocol):
    """A storage that was opened, as far as it is needed here."""

    @property
    def config(self) -> Config: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def index(self) -> Index: ...
    @property
    def catalog(self) -> Catalog: ...


class Preflight:
    """Looks at submissions for one storage, of what is within `reach`."""

    def __init__(self, storage: Opened, reach: Reach) -> None:
        self._reach = reach
        self._index, self._layout, self._catalog = storage.index, storage.layout, storage.catalog
        self._config, self._clock = storage.config, storage.clock
        self._measure = Measure(index=self._index, layout=self._layout, catalog=self._catalog, clock=self._clock)

    def look(
        self, submission: Submission, on_hash: OnHash | None = None, check: Callable[[], None] = lambda: None
    ) -> Forecast:
        """What would become of a submission; sites are asked about addresses, 30 s each at most.

        Raises `BadInput` for what is wrong with the batch itself, as adding it would.
        """
        check_batch(submission)
        check_settings(submission.settings, self._catalog)
        taken, rejected = take_within(self._reach, submission, AllowedHosts.parse(self._config.allowed_hosts), on_hash)
        glances = self._glances([source for source, _ in taken], submission.settings, check)
        before = self._before({space for _, space in taken})
        looks = tuple(
            _look(source, glance, problem, before.get(space))
            for (source, space), (glance, problem) in zip(taken, glances, strict=True)
        )
        runs = self._runs(looks, submission)
        needed, free = self._needed(looks, submission.settings), self._free()
        return Forecast(
            looks=looks,
            rejected=tuple(rejected),
            size=sum(look.size or 0 for look in looks),
            duration_s=round(sum(look.duration_s or 0.0 for look in looks), 3),
            unknown=sum(look.size is None or look.duration_s is None for look in looks),
            needed_bytes=needed,
            free_bytes=free,
            fits=needed <= free,
            eta=self._measure.eta_of(runs, self._measure.rates(), self._config.capacity.lanes, submission.concurrency)
            if runs
            else None,
        )

    def _glances(
        self, sources: Sequence[Source], settings: Settings, check: Callable[[], None]
    ) -> list[tuple[Glance, str]]:
        """What is known of each source, and why it is not more."""
        paths = [Path(source.value) for source in sources if source.kind == "file"]
        local = at_files(paths, check) if paths else {}
        bounds = Bounds(
            allowed=AllowedHosts.parse(self._config.allowed_hosts),
            socket_timeout_s=self._config.socket_timeout_s,
            max_media_bytes=self._config.max_media_bytes,
            max_media_s=self._config.max_media_s,
            free_space_bytes=self._config.free_space_bytes,
        )

        def one(source: Source) -> tuple[Glance, str]:
            if source.kind == "file":
                known = local.get(Path(source.value))
                return known or Glance(size=source.size), "" if known else "Its length is not in its header."
            try:
                return at_address(source, settings, bounds, check), ""
            except StageError as error:
                return Glance(), error.message

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, sources))

    def _before(self, spaces: set[str]) -> dict[str, str]:
        """For each of these videos a completed run that has it."""
        runs = self._index.snapshot()[0].values()
        return {run.space_id: run.run_id for run in runs if run.phase == Phase.COMPLETED and run.space_id in spaces}

    def _runs(self, looks: Sequence[Look], submission: Submission) -> list[RunRecord]:
        """The runs that would be, as far as estimating needs them; a list counts as many times as it has videos."""
        now, stages = self._clock.now(), stages_for(self._catalog.wanted(submission.settings))
        counted = [look for look in looks for _ in range(min(look.videos or 1, submission.playlist_limit, MAX_RUNS))]
        return [
            RunRecord(
                run_id=f"r_{number}",
                batch_id="b_0",
                space_id="",
                position=number,
                source=Source(kind="url", value=look.source),
                owner="",
                created_at=now,
                updated_at=now,
                duration_s=look.duration_s,
                stages=stages,
            )
            for number, look in enumerate(counted[:MAX_RUNS], 1)
        ]

    def _needed(self, looks: Sequence[Look], settings: Settings) -> int:
        """What downloads, sound and rendered videos take together; a video that is here already is not fetched again."""
        fresh = sum(look.size or 0 for look in looks if look.before is None)
        sound = sum(SOUND_BYTES_PER_S * (look.duration_s or 0.0) for look in looks if not look.transcript)
        rendered = sum(look.size or 0 for look in looks) * (settings.remove_silence + settings.export)
        return int(fresh + (sound if settings.transcribe else 0) + rendered)

    def _free(self) -> int:
        return max(0, files.free_bytes(self._layout.root) - self._config.free_space_bytes)


def _look(source: Source, glance: Glance, problem: str, before: str | None) -> Look:
    return Look(
        source=source.value,
        kind=source.kind,
        title=glance.title or shown(source),
        size=glance.size,
        duration_s=glance.duration_s,
        videos=glance.videos,
        transcript=Path(source.transcript.path).name if source.transcript is not None else None,
        before=before,
        problem=problem,
    )
