"""Clips of a run's video, rendered when somebody asks: of a highlight, a quote, any stretch, or all highlights as a reel.

A clip is an artifact like any other, under a key made of the video's content and the cut list: who asks for it again
has it at once. No run names it, so it goes away with what nobody needs, a day later at the earliest.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from core.domain.access import Scope
from core.domain.clips import Recorded, clip_of
from core.domain.cuts import CutList
from core.domain.errors import Refused, RepriseError, StorageError
from core.domain.highlights import read_highlights
from core.domain.quotes import Quote
from core.domain.run import RunRecord
from core.domain.sentences import join, read_transcript
from core.domain.states import StageStatus
from core.manager.access import EVERYTHING, Gate
from core.manager.clip_order import Asked, Order
from core.manager.clip_work import STAGE, ClipWork
from core.manager.index import Index
from core.manager.pause_gate import PauseGate
from core.manager.results import Results
from core.store.artifacts import Artifacts, Receipt, stage_key
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import Clock
from core.system.files import free_bytes
from core.system.logs import Log

VERSION = 1
BOX = (1920, 1080)  # larger pictures are shrunk into it
PATIENCE_S = 3600.0
READ = ("download", "transcribe", "detect_highlights", "quotes")
MOST_WAITING = 20  # each waits in a thread of its own
CODED_BYTES_PER_S = 1_000_000  # its parts lie beside the whole for a while

log = Log("clips")


class _Quotes(msgspec.Struct, frozen=True):
    quotes: tuple[Quote, ...]


class _Job:
    def __init__(self) -> None:
        self.share = 0.0
        self.moves = False
        self.error: RepriseError | None = None


class _Held(Exception):
    """Everything was paused while a clip was being rendered."""


class Jobs:
    """The clips that are being made in the background of this process, whoever asked for them."""

    def __init__(self) -> None:
        self.jobs: dict[str, _Job] = {}
        self.guard, self.turn = threading.Lock(), threading.Semaphore(1)


class Clips:
    """Finds out which clip is meant, and makes it: while the asker waits, or one after another in the background.

    A pause of everything holds the making of clips too; what is made already can be had.
    """

    def __init__(
        self,
        index: Index,
        layout: Layout,
        artifacts: Artifacts,
        clock: Clock,
        free_space_bytes: int,
        making: Jobs | None = None,
        gate: Gate = EVERYTHING,
    ) -> None:
        self._index, self._layout, self._artifacts = index, layout, artifacts
        self._results = Results(index, layout, artifacts)
        self._free_space_bytes = free_space_bytes
        self._gate, making = gate, making or Jobs()
        self._pauses = PauseGate(index, clock)
        self._recent: tuple[object, Recorded] | None = None
        self._jobs, self._guard, self._turn = making.jobs, making.guard, making.turn

    def recorded(self, run_id: str) -> Recorded:
        """What was found in the recording of a run; raises `NotFound`, and `Refused` before the video is there."""
        run = self._index.run(run_id)
        return self._recorded(run, self._source(run)[1])

    def order(self, run_id: str, wanted: str) -> Order:
        """The clip `wanted` (see `clip_of`) of a run. Raises `NotFound`, `BadInput`, and `Refused` before the video is there."""
        run = self._index.run(run_id)
        folder, receipt = self._source(run)
        clip = clip_of(wanted, self._recorded(run, receipt))
        params = {"kept": msgspec.to_builtins(clip.kept.kept), "spec": msgspec.to_builtins(_spec())}
        return Order(
            run_id=run_id,
            clip=clip,
            key=stage_key(STAGE, VERSION, params, {"download": receipt.content}, 0),
            media=folder / str(receipt.facts["media"]),
            source=receipt,
            stem=f"{self._results.stem(run)} - {clip.name}",
        )

    def made(self, order: Order) -> Path | None:
        """The file of a clip that is made already; None when it is not, or not what it was."""
        receipt = self._artifacts.verify(STAGE, order.key, deep=False)
        if receipt is None or not self._artifacts.touch(STAGE, order.key):  # who is about to get it has a day for that
            return None
        return self._layout.artifact(STAGE, order.key) / next(iter(receipt.files))

    def make(
        self,
        order: Order,
        check: Callable[[], None] = lambda: None,
        tell: Callable[[float], None] = lambda share: None,
        held: Callable[[str], None] = lambda why: None,
    ) -> Path:
        """The file of the clip, made now unless it is there; who is second waits for the first.

        While everything is paused it waits, and `held` is told why; with an empty sentence once it goes on.
        Raises `StageError` when it cannot be rendered, `StorageError` when there is no room for it, `NotAllowed`.
        """
        self._gate.need(Scope.OPERATE, "making clips")

        def go_on() -> None:
            check()
            if self._pauses.why(begun=True):
                raise _Held

        while (path := self.made(order)) is None:
            self._pauses.wait(check, held)
            held("")
            with suppress(_Held), Lock(self._layout.key_lock(STAGE, order.key)).holding(timeout_s=PATIENCE_S):
                return self.made(order) or self._render(order, go_on, tell)
        return path

    def ask(self, order: Order) -> Asked:
        """How far the clip is; it is begun in the background when nobody has asked for it, or its last try failed.

        Raises `NotAllowed` for who may only look, and `Refused` while many are being made.
        """
        self._gate.need(Scope.OPERATE, "making clips")
        if (path := self.made(order)) is not None:
            with self._guard:
                self._jobs.pop(order.key, None)
            return Asked(status="ready", share=1.0, path=path)
        with self._guard:
            job = self._jobs.get(order.key)
            if job is None:
                if sum(one.error is None for one in self._jobs.values()) >= MOST_WAITING:
                    raise Refused(f"{MOST_WAITING} clips are being made already.", hint="Ask again in a while.")
                job = self._jobs[order.key] = _Job()
                threading.Thread(target=self._work, args=(order, job), name="clip", daemon=True).start()
            if job.error is not None:
                del self._jobs[order.key]  # told once; who asks again means it
                return Asked(status="failed", error=job.error)
        return Asked(status="making", share=job.share, waits="" if job.moves else self._pauses.why())

    def _work(self, order: Order, job: _Job) -> None:
        def tell(share: float) -> None:
            job.share = max(job.share, share)

        def hold(why: str) -> None:
            job.moves = not why

        try:
            with self._turn:
                self.make(order, tell=tell, held=hold)
        except RepriseError as error:
            job.error = error
        except Exception as error:  # noqa: BLE001 - a thread has nobody above it; who asked is told, the log knows more
            log.error("clip failed", run=order.run_id, error=repr(error))
            job.error = RepriseError(
                "The clip could not be made.", hint="Try again; the log of the dashboard says more."
            )
        else:
            with self._guard:
                self._jobs.pop(order.key, None)

    def _render(self, order: Order, check: Callable[[], None], tell: Callable[[float], None]) -> Path:
        from core.stages.rendering.groups import render, scratch_bytes
        from core.stages.rendering.media import look

        self._require_room(0)
        place = ClipWork(self._layout, order.key, check=check, tell=tell)
        try:
            media = look(order.media, check)
            kept = CutList.keeping(media.duration, order.clip.kept.kept).kept
            if not kept:  # its header says that it is longer than it is
                raise Refused(f"The video ends before {order.clip.name}; it lasts {media.duration:.1f} seconds.")
            self._require_room(scratch_bytes(media, kept, _spec()) + int(order.clip.seconds * CODED_BYTES_PER_S))
            out = place.out / f"clip{order.suffix}"
            made = render(media, kept, _spec(), attempt=place, out=out, unit="seconds")
            self._artifacts.publish(STAGE, order.key, place.out, _receipt(order, made.media.duration))
            place.finish()
        finally:
            place.close()
        return self._layout.artifact(STAGE, order.key) / out.name

    def _require_room(self, needed: int) -> None:
        if free_bytes(self._layout.root) < self._free_space_bytes + needed:
            raise StorageError("The disk is full: there is no room for a clip.", hint="Free some space and try again.")

    def _source(self, run: RunRecord) -> tuple[Path, Receipt]:
        stage = run.stages.get("download")
        if stage is not None and stage.status == StageStatus.COMMITTED and stage.key is not None:
            receipt = self._artifacts.receipt("download", stage.key)
            if receipt is not None:
                return self._layout.artifact("download", stage.key), receipt
        raise Refused(
            f"Run {run.run_id} has no video yet; it is {run.phase}.",
            hint=f"./reprise why {run.run_id} tells what it waits for.",
            code="not_made_yet",
        )

    def _recorded(self, run: RunRecord, receipt: Receipt) -> Recorded:
        """What is known of the recording; the last one is remembered, since a page asks twice a second how far a clip is."""
        stages = [(name, run.stages[name].status, run.stages[name].key) for name in READ if name in run.stages]
        recent = self._recent
        if recent is None or recent[0] != (run.run_id, stages):
            self._recent = recent = (run.run_id, stages), self._read_recorded(run, receipt)
        return recent[1]

    def _read_recorded(self, run: RunRecord, receipt: Receipt) -> Recorded:
        transcript = self._read(run, "transcribe", "transcript.json")
        highlights = self._read(run, "detect_highlights", "highlights.json")
        quotes = self._read(run, "quotes", "quotes.json")
        return Recorded(
            duration=float(receipt.facts["duration"]),
            highlights=read_highlights(highlights) if highlights is not None else None,
            quotes=msgspec.json.decode(quotes, type=_Quotes).quotes if quotes is not None else None,
            text=join(read_transcript(transcript)) if transcript is not None else None,
        )

    def _read(self, run: RunRecord, stage: str, name: str) -> bytes | None:
        state = run.stages.get(stage)
        if state is None or state.status != StageStatus.COMMITTED or state.key is None:
            return None
        if self._artifacts.verify(stage, state.key, deep=True) is None:
            return None
        return (self._layout.artifact(stage, state.key) / name).read_bytes()


def _receipt(order: Order, duration: float) -> Receipt:
    """What is kept of how it was made; a deletion of the run that got the video finds the clip by its attempt."""
    return Receipt(
        stage=STAGE,
        key=order.key,
        version=VERSION,
        params={"kept": msgspec.to_builtins(order.clip.kept.kept)},
        inputs={"download": order.source.content},
        facts={"duration": duration},
        attempt=order.source.attempt,
    )


def _spec() -> Any:
    from core.stages.rendering.spec import Spec

    return Spec(container="mp4", long_side=BOX[0], short_side=BOX[1])
