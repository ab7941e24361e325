"""A busy week: runs in every state, for the tests in the browser and for the screenshots."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.bootstrap import open_manager
from core.config import Config
from core.domain.batch import Pause
from core.domain.errors import ErrorClass
from core.domain.exports import OPEN, ExportOptions, ExportPhase
from core.domain.states import AttemptOutcome, BatchPhase, Phase
from core.store.progress import write_progress
from tests.support.showcase import USER, Showcase


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
    resumed = case.tried(resumed, AttemptOutcome.INTERRUPTED)
    case.progress(resumed, 1140, 1840, "window 41 of 66")
    loading = case.run(spring, "Field recording 14, downstream of the old mill", Phase.RUNNING, duration_s=612)
    case.progress(loading, 48e6, 131e6, "4.1 MB/s")
    case.fails(
        spring,
        "Meeting of the fishing club",
        ErrorClass.NOT_YET,
        "media.example.org is still broadcasting this, or has not begun.",
        phase=Phase.RETRY_WAIT,
        next_at=case.ago(-45),
        wait_s=2700,
    )
    for title in ("Trees and shade, part 1", "Trees and shade, part 2", "Questions from the audience"):
        case.run(spring, title, minutes=24)
    stuck = case.run(interviews, "Interview with Gwen Davies", Phase.RUNNING, done=1, minutes=180, duration_s=2400)
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


def exported(case: Showcase) -> None:
    """What people took along: of each format one, ready, being made, cancelled and past its time."""
    manager = open_manager(Config(storage=str(case.layout.root)), via="showcase")
    shelf = case.store.exports
    batches = {batch.name: batch_id for batch_id, batch in manager.storage.index.batches.items()}
    meeting, spring = batches["Annual meeting"], batches["Spring lectures"]

    def ask(batch_id: str, minutes: float, phase: ExportPhase, **options: Any) -> str:
        record, _ = manager.exports.asking.ask(batch_id, ExportOptions(**options), by=USER, partial=True)
        at = case.ago(minutes)
        over = at if phase not in OPEN else None
        left = at + timedelta(hours=24) if phase == ExportPhase.READY else None
        shelf.update(
            record.export_id,
            lambda old: replace(old, phase=phase, created_at=at, completed_at=over, expires_at=left),
        )
        return record.export_id

    ask(meeting, 1560, ExportPhase.READY, prefix=True)
    ask(meeting, 400, ExportPhase.READY, format="playlist")
    ask(meeting, 95, ExportPhase.CANCELLED, format="merged")
    ask(spring, 22, ExportPhase.READY, transcripts=True, summaries=True)
    making = ask(meeting, 3, ExportPhase.RUNNING, format="merged")
    told = {"key": shelf.get(making).value.key, "share": 0.62, "note": "3 of 3: Annual meeting, part 3"}
    write_progress(case.layout, making, told | {"began_share": 0.0, "worked_s": 105.0})


def long_queue(case: Showcase) -> None:
    """Somebody else's batch waits too, one run of it with a priority of its own."""
    hikes = case.batch("Hiking club, winter talks", minutes=22, concurrency=2, owner="local:ben")
    for number, title in enumerate(("Maps and compass", "Snow and ice", "The long ridge", "First aid in the cold")):
        case.run(
            hikes,
            title,
            minutes=20,
            owner="local:ben",
            duration_s=1500.0 + 400 * number,
            priority=7 if number == 2 else None,
        )


def trouble(case: Showcase) -> None:
    """A batch that paused itself after five failures, and a host that is left alone."""
    why = "5 runs failed one after another, all with: media.example.org refused access (403)."
    notes = case.batch("Field notes", minutes=50)
    runs = [
        case.fails(notes, f"Field notes, day {day}", ErrorClass.FORBIDDEN, "media.example.org refused access (403).")
        for day in range(1, 6)
    ]
    case.run(notes, "Field notes, day 6", minutes=20)
    pause = Pause(reason="auto", by="service", why=why, at=case.ago(2), runs=[run.run_id for run in runs])
    case.change_batch(notes, phase=BatchPhase.PAUSED, pause=pause)
    case.breaks("media.example.org", 9, "media.example.org asks to slow down (429).")
