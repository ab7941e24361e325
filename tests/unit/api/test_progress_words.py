"""What streams say: in the words of S1 for a batch, in ours for a run."""

from typing import Any

import pytest

from core.api.happening import Happening, event, said
from core.api.progress_words import batch_job_event, batch_job_snapshot, run_event

RUN: dict[str, Any] = {
    "run_id": "r_1",
    "batch_id": "b_1",
    "space_id": "s_1",
    "source": "https://example.com/1",
    "title": "One",
    "phase": "running",
    "progress": 0.416,
    "stage": "transcribe",
    "stage_progress": 0.5,
    "note": "",
    "error": None,
}
BATCH: dict[str, Any] = {
    "batch_id": "b_1",
    "phase": "running",
    "progress": 0.5,
    "total": 6,
    "completed": 1,
    "failed": 1,
    "cancelled": 0,
    "skipped": 1,
    "eta_s": {"low": 10.0, "high": 20.0},
}


def line(type_: str, source: str | None = None, target: str | None = None, **more: Any) -> dict[str, Any]:
    about = {"batch_id": "b_1"} | ({"run_id": "r_1"} if type_.startswith("run.") else {})
    return {"seq": 7, "t": "2026-11-22T12:00:00.000Z", "type": type_, "from": source, "to": target, **about, **more}


def test_progress_has_the_fields_of_the_contract() -> None:
    found = batch_job_event(Happening(run=RUN))
    assert found is not None
    assert found | {"type": "progress", "batch_id": "b_1", "video_id": "s_1", "progress": 41} == found
    assert found["current_stage"] == "transcribing"


@pytest.mark.parametrize(
    ("kind", "source", "target", "type_", "status"),
    [
        ("run.claim", "queued", "running", "status", "processing"),
        ("run.commit", "running", "running", "progress", "processing"),
        ("run.pause", "running", "paused", "status", "pending"),
        ("run.retry_wait", "running", "retry_wait", "status", "pending"),
        ("run.commit", "running", "completed", "status", "completed"),
        ("run.fail", "running", "failed", "status", "failed"),
        ("run.stalled", None, None, "progress", "processing"),
    ],
)
def test_a_step_of_a_run_is_a_status_when_its_phase_changes(
    kind: str, source: str | None, target: str | None, type_: str, status: str
) -> None:
    found = batch_job_event(Happening(line=line(kind, source, target), run=RUN))
    assert found is not None
    assert (found["type"], found["status"]) == (type_, status)


@pytest.mark.parametrize(
    ("target", "type_", "status"),
    [
        ("running", "status", "processing"),
        ("paused", "status", "paused"),
        ("completed", "completed", "completed"),
        ("failed", "completed", "failed"),
        ("cancelled", "completed", "cancelled"),
    ],
)
def test_a_batch_that_ended_is_completed_however_it_ended(target: str, type_: str, status: str) -> None:
    found = batch_job_event(Happening(line=line("batch.x", "running", target, data={"why": "lunch"})))
    assert found == {"type": type_, "batch_id": "b_1", "video_id": None, "status": status, "message": "lunch"}


def test_a_deleted_batch_is_told_to_be_deleted_and_a_command_is_nothing_by_itself() -> None:
    deleted = batch_job_event(Happening(line=line("batch.delete", "completed", "deleted")))
    assert deleted == {"type": "deleted", "batch_id": "b_1"}
    assert batch_job_event(Happening(line=line("command.pause"))) is None
    assert batch_job_event(Happening(line=line("run.claim", "queued", "running"), run=None)) is None


def test_the_whole_batch_has_the_counts_and_the_current_video() -> None:
    found = batch_job_event(Happening(batch={**BATCH, "running": [RUN]}))
    assert found == {
        "type": "batch",
        "batch_id": "b_1",
        "batch_job_id": "b_1",
        "status": "processing",
        "progress_percentage": 50,
        "current_video_id": "s_1",
        "current_video_name": "One",
        "current_stage": "transcribing",
        "completed_count": 1,
        "failed_count": 1,
        "pending_count": 2,
        "estimated_time_remaining": 15,
    }


def test_a_snapshot_is_the_batch_and_then_each_video_with_its_error() -> None:
    failed = {**RUN, "run_id": "r_2", "phase": "failed", "failure": {"message": "It is gone."}}
    failed.pop("error")
    first, *videos = batch_job_snapshot({**BATCH, "runs": [RUN, failed]})
    assert first["type"] == "batch"
    assert [(one["batch_video_id"], one["status"], one["error_message"]) for one in videos] == [
        ("r_1", "processing", None),
        ("r_2", "failed", "It is gone."),
    ]


def test_a_run_tells_the_lines_of_the_journal_as_they_are_and_its_progress() -> None:
    told = line("command.pause", run_id="r_1", actor="ana", data={"why": "lunch"}, crc="x")
    found = run_event(Happening(line=told, run=RUN))
    assert found == {name: value for name, value in told.items() if name != "crc"}
    assert run_event(Happening(run=RUN)) == {"type": "progress", **RUN}
    assert run_event(Happening(batch=BATCH)) is None


def test_nobody_is_told_from_which_address_somebody_gave_a_command() -> None:
    found = run_event(Happening(line=line("command.pause", run_id="r_1", actor="admin", address="192.0.2.7"), run=RUN))
    assert found is not None
    assert (found["actor"], found["address"]) == ("admin", None)


def test_only_a_line_of_the_journal_gives_a_position_and_no_message_breaks_a_line() -> None:
    message = said(
        Happening(line=line("run.claim", "queued", "running"), run={**RUN, "title": "a\n\nid: 9"}), run_event
    )
    assert message is not None
    assert message.startswith(b"id: 7\ndata: {")
    assert said(Happening(run={**RUN, "title": "a\n\ndata: x\r\rb"}), run_event) is not None
    assert event({"title": "a\n\ndata: x\r\rb"}).count(b"\n") == 2
    assert b"\r" not in event({"title": "a\rb"})
