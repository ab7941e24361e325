"""Writes a storage as work leaves it, with runs in any state: for tests of the pages and for the screenshots."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.breaker import HOST, Breaker
from core.domain.errors import CLASSES, ErrorClass
from core.domain.notices import Kind, Notice
from core.domain.outbox import Board
from core.domain.run import Attempt, Failure, RunRecord, Source, StageState, Verdict, Work
from core.domain.states import AttemptOutcome, BatchPhase, FailureKind, Phase, StageStatus
from core.store.artifacts import Artifacts, Receipt
from core.store.layout import Layout, new_batch_id, new_run_id
from core.store.locks import Lock
from core.store.notices import NoticeStore
from core.store.progress import write_progress
from core.store.state import StateStore, open_store
from core.system.clock import SystemClock
from tests.support.records import USUAL
from tests.support.showcase_results import SUMMARY, as_json, cut_files, highlights, poster, quotes, talk_video
from tests.support.transcripts import TALK, transcript

KEY = "0" * 31
USER = "local:anna"
# What a download tells of the video that `talk_video` makes.
FACTS = {"media": "media.mp4", "duration": 57.0, "has_audio": True, "has_video": True}
OVER = (Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED)


class Showcase:
    """Writes records and artifacts; `hold` keeps a service from changing them."""

    def __init__(self, folder: Path) -> None:
        self.layout = Layout(folder)
        self.layout.create()
        self.clock = SystemClock()
        self.store: StateStore = open_store(self.layout, self.clock)
        self._artifacts = Artifacts(self.layout, self.clock)
        self._lock = Lock(self.layout.service_lock())

    def hold(self) -> None:
        """Be the service of this storage, one that does nothing."""
        assert self._lock.acquire()
        now = self.clock.now()
        found = {"found": 3.0, "resumed": 2.0, "adopted": 0.0, "held": 1.0, "redone_s": 21.0}
        since = now - timedelta(minutes=52)
        self.store.pool.update("pool", lambda pool: replace(pool, epoch=4, service_since=since, recovery=found))

    def close(self) -> None:
        """Let others be the service."""
        self._lock.release()

    def ago(self, minutes: float) -> datetime:
        """The time that many minutes ago."""
        return self.clock.now() - timedelta(minutes=minutes)

    def batch(self, name: str, phase: BatchPhase = BatchPhase.RUNNING, minutes: float = 30, **fields: Any) -> str:
        """A batch without runs; gives its id."""
        batch_id, at = new_batch_id(self.clock), self.ago(minutes)
        values: dict[str, Any] = {"owner": USER, **fields}
        record = BatchRecord(batch_id=batch_id, name=name, created_at=at, updated_at=at, phase=phase, **values)
        self.store.batches.create(batch_id, record)
        return batch_id

    def run(self, batch_id: str, title: str, phase: Phase = Phase.QUEUED, *, done: int = 0, **fields: Any) -> RunRecord:
        """A run with its first `done` stages committed, and an open attempt on the next one if it is running."""
        run_id, at = new_run_id(self.clock), self.ago(fields.pop("minutes", 25))
        position = 1 + sum(self.store.runs.get(known).value.batch_id == batch_id for known in self.store.runs.ids())
        done = len(USUAL) if phase == Phase.COMPLETED else done
        stages = {name: self._stage(place, name, done, at) for place, name in enumerate(USUAL)}
        attempts = [
            Attempt(
                id=f"a_{place:016x}",
                stage=name,
                epoch=4,
                started_at=stages[name].started_at or at,
                ended_at=stages[name].ended_at,
                outcome=AttemptOutcome.COMMITTED,
            )
            for place, name in enumerate(USUAL[:done])
        ]
        if phase == Phase.RUNNING:
            stage = USUAL[done]
            stages[stage] = StageState(status=StageStatus.RUNNING, started_at=self.ago(2))
            attempts.append(Attempt(id=f"a_{0xFF:016x}", stage=stage, epoch=4, started_at=self.ago(2)))
        values: dict[str, Any] = {
            "source": Source(kind="url", value=f"https://media.example.org/{position:03d}"),
            "duration_s": 56.0,
            "started_at": at if done or phase in OVER else None,
            "completed_at": at + timedelta(seconds=31) if phase in OVER else None,
            "stages": stages,
            "attempts": attempts,
            "owner": USER,
        }
        values |= fields
        record = RunRecord(
            run_id=run_id,
            batch_id=batch_id,
            space_id=f"s_{run_id}",
            position=position,
            created_at=at,
            updated_at=at,
            title=title,
            phase=phase,
            **values,
        )
        self.store.runs.create(run_id, record)
        if done:
            self.publish()
        return record

    def fails(
        self, batch_id: str, title: str, error: ErrorClass, message: str, stage: int = 0, **fields: Any
    ) -> RunRecord:
        """A run whose stage number `stage` failed with this error, or will be tried again."""
        failure = Failure(kind=FailureKind.PERMANENT, error_class=error, message=message, hint=CLASSES[error].hint)
        phase = fields.pop("phase", Phase.FAILED)
        run = self.run(batch_id, title, phase, done=stage, failure=failure, **fields)
        name, at = USUAL[stage], run.created_at
        attempt = Attempt(
            id=f"a_{0xEE:016x}",
            stage=name,
            epoch=4,
            started_at=at,
            ended_at=at + timedelta(seconds=4),
            outcome=AttemptOutcome.ERROR if CLASSES[error].counts else AttemptOutcome.WAITED,
            failure=failure,
        )
        status = StageStatus.FAILED if phase == Phase.FAILED else StageStatus.PENDING
        state = StageState(
            status=status, tries=int(CLASSES[error].counts), started_at=at, ended_at=attempt.ended_at, failure=failure
        )
        return self.change(run, attempts=[*run.attempts, attempt], stages={**run.stages, name: state})

    def change(self, run: RunRecord, **fields: Any) -> RunRecord:
        """The run with some fields changed on the disk, as the service would."""
        return self.store.runs.update(run.run_id, lambda before: replace(before, **fields)).value

    def change_batch(self, batch_id: str, **fields: Any) -> BatchRecord:
        """The batch with some fields changed on the disk, as the service would."""
        return self.store.batches.update(batch_id, lambda before: replace(before, **fields)).value

    def stalls(self, run: RunRecord, minutes: float = 20) -> RunRecord:
        """A running run whose worker has told nothing for a while, as the service found."""
        attempt = replace(run.attempts[-1], started_at=self.ago(minutes))
        said = f"{attempt.stage.capitalize()} has made nothing new for {round(minutes - 8)} min."
        verdict = Verdict(kind="stalled", attempt=attempt.id, at=self.ago(minutes - 13), message=said)
        changed = self.change(run, attempts=[*run.attempts[:-1], attempt], verdict=verdict)
        self.progress(changed, 300, 2400, "window 11 of 80")
        return changed

    def tried(self, run: RunRecord, *outcomes: AttemptOutcome, message: str = "") -> RunRecord:
        """A run with more attempts before its last one: errors with this message, interruptions and the like."""
        failure = Failure(kind=FailureKind.ERROR, error_class=ErrorClass.NETWORK, message=message)
        made = [
            Attempt(
                id=f"a_{0xA0 + number:016x}",
                stage=run.next_stage or USUAL[0],
                epoch=3,
                started_at=self.ago(22 - number),
                ended_at=self.ago(21.5 - number),
                active_s=28.0 - 3 * number,
                outcome=outcome,
                failure=failure if outcome == AttemptOutcome.ERROR else None,
            )
            for number, outcome in enumerate(outcomes)
        ]
        there = run.attempts
        return self.change(run, attempts=[*there[:-1], *made, *there[-1:]] if run.open_attempt else [*there, *made])

    def breaks(self, host: str, minutes_left: float, why: str) -> None:
        """A host that is left alone for a while."""
        broken = Breaker(
            at=self.ago(1),
            failures=4,
            runs=["r_1", "r_2"],
            hosts=[host],
            why=why,
            opened_at=self.ago(1),
            until=self.ago(-minutes_left),
            open_s=60 * (minutes_left + 1),
        )
        self.store.pool.update("pool", lambda pool: replace(pool, breakers={**pool.breakers, HOST + host: broken}))

    def progress(self, run: RunRecord, done: float, total: float, note: str = "") -> None:
        """What the run's worker told last, and how long ago that was."""
        attempt = run.attempts[-1]
        told = {
            "attempt": attempt.id,
            "stage": attempt.stage,
            "key": KEY + "0",
            "done": done,
            "total": total,
            "share": done / total,
            "note": note,
        }
        write_progress(self.layout, run.run_id, told)

    def tells(self, *titles: str, batch: str = "b_1", **fields: Any) -> None:
        """Notices that a batch is completed, one a title, numbered from 1 on, are all that anybody was told."""
        notices = [
            Notice(
                number=number,
                event=f"e{number}",
                kind=Kind.BATCH_COMPLETED,
                tone="good",
                at=self.ago(5),
                owner=USER,
                batch_id=batch,
                title=title,
                what="is completed",
                text="2 runs: 2 completed.",
            )
            for number, title in enumerate(titles, start=1)
        ]
        NoticeStore(self.layout, self.clock).write(Board(notices=notices, number=len(notices), **fields))

    def without_silence(self, run: RunRecord) -> None:
        """The silence of a completed run's video is removed too."""
        self.result(run, "remove_silence", f"{KEY}9", cut_files(transcript(TALK)))

    def highlighted(self, run: RunRecord, *words: str) -> RunRecord:
        """What stands out in a completed run was looked for too; `words` are told of the second as its words and reason."""
        made = as_json(highlights(transcript(TALK), *words))
        key = hashlib.sha256(made).hexdigest()[:32]
        self.result(run, "detect_highlights", key, {"highlights.json": made, "highlights.md": b"# Highlights\n"})
        return self.store.runs.get(run.run_id).value

    def pictured(self, run: RunRecord, number: int) -> None:
        """The video of a run has a picture that lists know it by."""
        files = {"media.mp4": talk_video().read_bytes(), "poster.jpg": poster(number)}
        self.result(run, "download", f"{0xF00 + number:032x}", files)

    def result(self, run: RunRecord, stage: str, key: str, files: dict[str, bytes]) -> None:
        """A stage of a run published these files, under a key of its own."""
        self._publish(stage, key, files)
        ended = run.created_at + timedelta(seconds=6.2)
        state = StageState(status=StageStatus.COMMITTED, key=key, started_at=run.created_at, ended_at=ended)
        self.store.runs.update(run.run_id, lambda old: replace(old, stages=old.stages | {stage: state}))

    def publish(self) -> None:
        """The results that every committed stage here shares."""
        said = transcript(TALK, flags={4: ["low_confidence"]})
        files: dict[str, dict[str, bytes]] = {
            "download": {"media.mp4": talk_video().read_bytes()},
            "transcribe": {
                "transcript.json": as_json(said),
                "transcript.txt": "\n".join(TALK).encode(),
                "transcript.srt": b"1\n00:00:00,000 --> 00:00:04,400\n" + TALK[0].encode() + b"\n",
            },
            "quotes": {"quotes.json": as_json(quotes(said)), "quotes.md": b"# Quotes\n"},
            "summary": {"summary.json": as_json(SUMMARY), "summary.md": b"# Summary\n"},
        }
        for place, stage in enumerate(USUAL):
            key = f"{KEY}{place}"
            self._publish(stage, key, files[stage])

    def _publish(self, stage: str, key: str, files: dict[str, bytes]) -> None:
        if self.layout.artifact(stage, key).exists():
            return
        folder = self.layout.work(stage, key) / "tmp.showcase"
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        facts = FACTS if stage == "download" else {}
        self._artifacts.publish(
            stage, key, folder, Receipt(stage=stage, key=key, version=1, params={}, units=1, facts=facts)
        )

    def _stage(self, place: int, name: str, done: int, at: datetime) -> StageState:
        if place >= done:
            return StageState()
        began = at + timedelta(seconds=6 * place)
        took = (4.1, 17.6, 0.4, 0.3)[place]
        work = Work(unit="audio_s", done=56.0, reused=12.0) if name == "transcribe" else Work(unit="bytes", done=2.4e6)
        return StageState(
            status=StageStatus.COMMITTED,
            key=f"{KEY}{place}",
            started_at=began,
            ended_at=began + timedelta(seconds=took),
            work=work if place < 2 else None,
        )
