"""A storage with runs in every state, as a busy week leaves it: for tests of the pages and for the screenshots."""

import functools
import json
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.errors import CLASSES, ErrorClass
from core.domain.plan import PIPELINE
from core.domain.run import Attempt, Failure, RunRecord, Source, StageState, Verdict, Work
from core.domain.states import AttemptOutcome, BatchPhase, FailureKind, Phase, StageStatus
from core.store.artifacts import Artifacts, Receipt
from core.store.layout import Layout, new_batch_id, new_run_id
from core.store.locks import Lock
from core.store.progress import write_progress
from core.store.state import StateStore, open_store
from core.system.clock import SystemClock
from tests.support.media_files import ffmpeg
from tests.support.transcripts import TALK, transcript

KEY = "0" * 31
USER = "local:anna"
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
        record = BatchRecord(
            batch_id=batch_id, name=name, owner=USER, created_at=at, updated_at=at, phase=phase, **fields
        )
        self.store.batches.create(batch_id, record)
        return batch_id

    def run(self, batch_id: str, title: str, phase: Phase = Phase.QUEUED, *, done: int = 0, **fields: Any) -> RunRecord:
        """A run with its first `done` stages committed, and an open attempt on the next one if it is running."""
        run_id, at = new_run_id(self.clock), self.ago(fields.pop("minutes", 25))
        position = 1 + sum(self.store.runs.get(known).value.batch_id == batch_id for known in self.store.runs.ids())
        done = len(PIPELINE) if phase == Phase.COMPLETED else done
        stages = {name: self._stage(place, name, done, at) for place, name in enumerate(PIPELINE)}
        attempts = [
            Attempt(
                id=f"a_{place:016x}",
                stage=name,
                epoch=4,
                started_at=stages[name].started_at or at,
                ended_at=stages[name].ended_at,
                outcome=AttemptOutcome.COMMITTED,
            )
            for place, name in enumerate(PIPELINE[:done])
        ]
        if phase == Phase.RUNNING:
            stage = PIPELINE[done]
            stages[stage] = StageState(status=StageStatus.RUNNING, started_at=self.ago(2))
            attempts.append(Attempt(id=f"a_{0xFF:016x}", stage=stage, epoch=4, started_at=self.ago(2)))
        values: dict[str, Any] = {
            "source": Source(kind="url", value=f"https://media.example.org/{position:03d}"),
            "duration_s": 56.0,
            "started_at": at if done or phase in OVER else None,
            "completed_at": at + timedelta(seconds=31) if phase in OVER else None,
            "stages": stages,
            "attempts": attempts,
        }
        values |= fields
        record = RunRecord(
            run_id=run_id,
            batch_id=batch_id,
            space_id=f"s_{run_id}",
            position=position,
            owner=USER,
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
        name, at = PIPELINE[stage], run.created_at
        attempt = Attempt(
            id=f"a_{0xEE:016x}",
            stage=name,
            epoch=4,
            started_at=at,
            ended_at=at + timedelta(seconds=4),
            outcome=AttemptOutcome.ERROR,
            failure=failure,
        )
        status = StageStatus.FAILED if phase == Phase.FAILED else StageStatus.PENDING
        state = StageState(status=status, tries=1, started_at=at, ended_at=attempt.ended_at, failure=failure)
        return self.change(run, attempts=[*run.attempts, attempt], stages={**run.stages, name: state})

    def change(self, run: RunRecord, **fields: Any) -> RunRecord:
        """The run with some fields changed on the disk, as the service would."""
        return self.store.runs.update(run.run_id, lambda before: replace(before, **fields)).value

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

    def stalls(self, run: RunRecord) -> RunRecord:
        """The run with the verdict of a service that has seen nothing new of it for long."""
        said = "Transcribe has made nothing new for 15 min."
        verdict = Verdict(kind="stalled", attempt=run.attempts[-1].id, at=self.ago(10), message=said)
        return self.change(run, verdict=verdict)

    def publish(self) -> None:
        """The results that every committed stage here shares."""
        said = transcript(TALK, flags={4: ["low_confidence"]})
        files: dict[str, dict[str, bytes]] = {
            "download": {"media.mp4": talk_video().read_bytes()},
            "transcribe": {
                "transcript.json": _json(said),
                "transcript.txt": "\n".join(TALK).encode(),
                "transcript.srt": b"1\n00:00:00,000 --> 00:00:04,400\n" + TALK[0].encode() + b"\n",
            },
            "quotes": {"quotes.json": _json(quotes(said)), "quotes.md": b"# Quotes\n"},
            "summary": {"summary.json": _json(SUMMARY), "summary.md": b"# Summary\n"},
        }
        for place, stage in enumerate(PIPELINE):
            key = f"{KEY}{place}"
            if self.layout.artifact(stage, key).exists():
                continue
            folder = self.layout.work(stage, key) / "tmp.showcase"
            folder.mkdir(parents=True)
            for name, content in files[stage].items():
                (folder / name).write_bytes(content)
            self._artifacts.publish(stage, key, folder, Receipt(stage=stage, key=key, version=1, params={}, units=1))

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


def busy_week(folder: Path) -> Showcase:
    """Everything at once: work going on, resumed, stalled, failed, waiting, paused, done and drafted."""
    case = Showcase(folder)
    spring = case.batch("Spring lectures", minutes=34, concurrency=3)
    interviews = case.batch(
        "Interviews with farmers", BatchPhase.COMPLETED, 190, outcome="partial", completed_at=case.ago(150)
    )
    done = case.batch("Annual meeting", BatchPhase.COMPLETED, 1600, outcome="success", completed_at=case.ago(1590))
    archive = case.batch("Archive 1998 to 2004", BatchPhase.DRAFT, 8)
    for year in range(1998, 2005):
        case.run(archive, f"Assembly {year}", minutes=8)
    case.run(spring, "River restoration in Wales: the annual meeting", Phase.COMPLETED, minutes=31)
    case.run(spring, "Salmon at the upper weir, April to October", Phase.COMPLETED, minutes=28)
    resumed = case.run(
        spring,
        "What the water remembers: a lecture on flood plains",
        Phase.RUNNING,
        done=1,
        resumed=True,
        resumed_count=1,
        duration_s=1840,
    )
    case.progress(resumed, 1140, 1840, "window 41 of 66")
    loading = case.run(spring, "Field recording 14, downstream of the old mill", Phase.RUNNING, duration_s=612)
    case.progress(loading, 48e6, 131e6, "4.1 MB/s")
    case.fails(
        spring,
        "Meeting of the fishing club",
        ErrorClass.NETWORK,
        "The connection to media.example.org was reset.",
        phase=Phase.RETRY_WAIT,
        next_at=case.ago(-45),
        wait_s=2700,
    )
    for title in ("Trees and shade, part 1", "Trees and shade, part 2", "Questions from the audience"):
        case.run(spring, title, minutes=24)
    stuck = case.run(interviews, "Interview with Gwen Davies", Phase.RUNNING, done=1, minutes=180, duration_s=2400)
    stuck = case.change(stuck, attempts=[*stuck.attempts[:-1], replace(stuck.attempts[-1], started_at=case.ago(20))])
    case.progress(stuck, 300, 2400, "window 11 of 80")
    case.stalls(stuck)
    case.fails(
        interviews,
        "Interview at the farm, morning",
        ErrorClass.FORBIDDEN,
        "media.example.org refused access (403).",
        minutes=170,
    )
    case.fails(
        interviews,
        "Interview at the farm, evening",
        ErrorClass.NOT_MEDIA,
        "The file is text, not a recording.",
        minutes=165,
    )
    case.run(interviews, "Interview with the county engineer", Phase.COMPLETED, minutes=160)
    for number in (1, 2, 3):
        case.run(done, f"Annual meeting, part {number}", Phase.COMPLETED, minutes=1595)
    return case


@functools.cache
def talk_video() -> Path:
    """A minute of moving colours and a quiet tone."""
    path = Path(tempfile.mkdtemp(dir=os.environ.get("HOME"))) / "talk.mp4"
    picture = (
        "gradients=size=640x360:rate=5:duration=57:c0=0x16324f:c1=0x3f7d6e:c2=0x8fb8a8:nb_colors=3:speed=0.02:seed=7"
    )
    sound = ("-f", "lavfi", "-i", "sine=frequency=180:duration=57")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "32k")
    ffmpeg("-f", "lavfi", "-i", picture, *sound, *coded, "-movflags", "+faststart", str(path))
    return path


def quotes(said: dict[str, Any]) -> dict[str, Any]:
    """Quotes as the stage publishes them: one repaired, the others verified."""
    chosen = [
        (2, "verified", "says what the recording is about; names figures"),
        (6, "repaired", "compares costs"),
        (9, "verified", "closes the recording"),
    ]
    found = [
        {
            "quote_id": f"q_{place:020d}",
            "text": said["segments"][place]["text"].strip(),
            "start": said["segments"][place]["start"],
            "end": said["segments"][place]["end"],
            "segment_ids": [place],
            "status": status,
            "score": 1.0,
            "why": why,
            "source": "extractive",
        }
        for place, status, why in chosen
    ]
    return {"quotes": found, "rejected": 1, "transcript_sha256": "0" * 64}


SUMMARY = {
    "title": "Salmon are back in the upper river",
    "abstract": "Ten years of restoration brought salmon back to the upper river, at a tenth of the cost of a fish ladder.",
    "points": [
        {"text": "Salmon have returned to the upper river for the first time since 1974.", "segment_ids": [2, 3]},
        {"text": "Removing two weirs cost less than one tenth of the planned fish ladder.", "segment_ids": [6]},
        {"text": "Shade from planted trees made the water colder.", "segment_ids": [7, 8]},
    ],
    "keywords": ["salmon", "weir", "restoration", "shade", "farmers"],
    "source": "extractive",
    "model": None,
}


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()
