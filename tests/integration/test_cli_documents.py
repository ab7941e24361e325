"""Every JSON document of the outside contract, field by field: unknown values are null, never absent; nothing else on
standard output."""

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from core.domain.plan import PIPELINE
from tests.support.media_files import mp4
from tests.support.product import Answer, Product
from tests.support.speech import talk

pytestmark = pytest.mark.speech


def fields(words: str) -> set[str]:
    """The names in `words`."""
    return set(words.split())


RUN = fields(
    "run_id batch_id space_id position source title owner phase intent flags priority progress stage created_at"
    " started_at completed_at updated_at eta_s attempts retry_count resumed_count failure blocked_reason work"
)
STAGE = fields("status attempts progress started_at ended_at units_done units_total files error")
BATCH = fields(
    "batch_id name description owner phase intent pause settings priority concurrency total completed failed cancelled"
    " skipped consecutive_failures total_duration_s processed_duration_s eta_s progress runs"
)
STATUS = fields(
    "status active_workers pending processing completed failed paused stalled resumed throughput_per_min eta_s service"
    " recovery"
)
EVENT = fields("seq t type actor via address batch_id run_id stage attempt gen from to data")
COMMAND = fields("id phase intent changed applied")
FILES = ["transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt", "quotes.json", "summary.json"]


class Made:
    """A finished run, a failed one, and a draft; `service` ran while they were made and is gone."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.added = product("add", "--json", "--wait", "--batch", "talks", talk(2), check=False)
        mute = mp4(audio=False)
        self.failing = product("add", "--json", "--wait", mute, check=False)
        self.draft = product("add", "--json", "--draft", mp4(seconds=3.0))
        self.good, self.bad, self.waiting = (product.run_of(one) for one in (self.added, self.failing, self.draft))

    def ask(self, *words: object) -> dict[str, Any]:
        answer: Answer = self.product(*words, "--json")
        assert answer.err == ""
        return answer.json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    product = Product(tmp_path_factory.mktemp("documents"))
    try:
        yield Made(product)
    finally:
        product.close()


def assert_times(document: Any) -> None:
    """Every value of a field that ends in `_at`, or is called `t` or `since`, is RFC 3339 in UTC, or null."""
    if isinstance(document, dict):
        for name, value in document.items():
            if (name.endswith("_at") or name in ("t", "since", "until", "at")) and value is not None:
                assert value.endswith("Z"), (name, value)
                assert datetime.fromisoformat(value).tzinfo is not None
            assert_times(value)
    elif isinstance(document, list):
        for value in document:
            assert_times(value)


def test_add_answers_what_it_took(made: Made) -> None:
    document = made.draft.json
    assert set(document) == {"batch_id", "runs", "rejected", "expanding"}
    (run,) = document["runs"]
    assert set(run) == {"run_id", "space_id", "position", "source", "transcript"}
    assert (document["rejected"], document["expanding"]) == ([], False)


def test_waiting_adds_the_settled_batch_and_the_exit_code_tells_the_outcome(made: Made) -> None:
    assert made.added.code == 0
    assert made.added.json["batch"]["phase"] == "completed"
    assert made.failing.code == 1
    assert made.failing.json["batch"]["phase"] == "failed"
    assert made.added.err == made.failing.err == ""


def test_a_run_has_every_field(made: Made) -> None:
    for run_id in (made.good, made.bad, made.waiting):
        run = made.ask("show", run_id)
        assert set(run) >= RUN | {"stages"}
        assert list(run["stages"]) == list(PIPELINE)
        assert all(set(stage) >= STAGE for stage in run["stages"].values())
        assert_times(run)


def test_a_finished_run_tells_its_work_and_its_files(made: Made) -> None:
    run = made.ask("show", made.good)
    assert (run["phase"], run["progress"], run["stage"], run["eta_s"], run["failure"]) == (
        "completed",
        1.0,
        None,
        None,
        None,
    )
    assert {stage: work["unit"] for stage, work in run["work"].items()} == {
        "download": "bytes",
        "transcribe": "audio_s",
        "quotes": "tokens",
        "summary": "tokens",
    }
    assert all(set(work) == {"unit", "done", "reused", "redone"} for work in run["work"].values())
    files = [file for stage in run["stages"].values() for file in stage["files"]]
    assert {file["name"] for file in files} >= {"media.wav", *FILES}
    assert all(re.fullmatch("[0-9a-f]{64}", file["sha256"]) and file["size"] > 0 for file in files)
    assert run["stages"]["transcribe"]["units_done"] == run["stages"]["transcribe"]["units_total"] == 1


def test_a_failed_run_tells_why_and_a_waiting_one_what_it_waits_for(made: Made) -> None:
    failed = made.ask("show", made.bad)
    assert set(failed["failure"]) == {"kind", "class", "message", "hint"}
    assert failed["failure"] == failed["stages"]["transcribe"]["error"]
    assert failed["blocked_reason"] is None
    waiting = made.ask("show", made.waiting)
    assert (waiting["started_at"], waiting["completed_at"], waiting["failure"]) == (None, None, None)
    assert "draft" in waiting["blocked_reason"], "a service alone would not start it"


def test_why_is_one_code_and_a_sentence(made: Made) -> None:
    for run_id, code in ((made.good, "terminal"), (made.bad, "terminal"), (made.waiting, "paused")):
        reason = made.ask("why", run_id)
        assert set(reason) == {"run_id", "code", "message", "until"}
        assert (reason["run_id"], reason["code"], reason["until"]) == (run_id, code, None)


def test_a_batch_has_every_field_and_its_runs(made: Made) -> None:
    batch = made.ask("show", made.added.json["batch_id"])
    assert set(batch) >= BATCH
    assert (batch["name"], batch["total"], batch["completed"], batch["progress"]) == ("talks", 1, 1, 1.0)
    assert batch["total_duration_s"] == batch["processed_duration_s"] > 4
    (run,) = batch["runs"]
    assert set(run) >= RUN
    assert "stages" not in run
    assert_times(batch)


def test_a_report_sums_up_a_batch_also_for_people(made: Made) -> None:
    batch_id = made.added.json["batch_id"]
    report = made.ask("report", batch_id)
    assert set(report) >= fields("batch_id outcome runs work seconds_saved")
    assert report["outcome"] == "success"
    assert {name: work["unit"] for name, work in report["work"].items()} == {
        "download": "bytes",
        "transcribe": "audio_s",
        "quotes": "tokens",
        "summary": "tokens",
    }
    assert report["seconds_saved"] == 0.0
    (run,) = report["runs"]
    assert (run["phase"], run["attempt_counts"], run["retries"]) == ("completed", {"committed": 4}, 0)
    assert run["worked_s"] > 0
    told = made.product("report", batch_id).out
    assert "completed, success" in told
    assert "DONE TWICE" in told
    assert made.product("report", "b_nothing", check=False).code == 3


def test_the_list_names_all_and_can_be_narrowed(made: Made) -> None:
    listed = made.ask("list")
    assert listed["total"] == 3
    assert [run["run_id"] for run in listed["runs"]] == [made.waiting, made.bad, made.good], "the newest batch first"
    assert all(set(run) >= RUN and "stages" not in run for run in listed["runs"])
    assert [run["run_id"] for run in made.ask("list", "--phase", "failed")["runs"]] == [made.bad]
    assert made.ask("list", "--user", "somebody:else")["total"] == 0


def test_the_status_counts(made: Made) -> None:
    status = made.ask("status")
    assert set(status) >= STATUS
    assert (status["completed"], status["failed"], status["processing"]) == (1, 1, 0)
    assert set(status["service"]) == {"alive", "pid", "since", "epoch"}
    assert status["service"]["alive"] is False
    assert status["service"]["pid"] is None
    assert set(status["recovery"]) == {"found", "resumed", "adopted", "held", "redone_s"}
    assert_times(status)


def test_the_log_is_lines_with_time_stage_and_attempt(made: Made) -> None:
    lines = made.ask("log", made.good)["lines"]
    assert all(set(line) == {"t", "stage", "attempt", "text"} for line in lines)
    assert {line["stage"] for line in lines} == {"download", "transcribe", "quotes", "summary"}
    only = made.ask("log", made.good, "--stage", "transcribe")["lines"]
    assert {line["stage"] for line in only} == {"transcribe"}
    assert_times(lines)


def test_events_have_every_field_in_the_order_they_happened(made: Made) -> None:
    audit, history = made.ask("audit")["events"], made.ask("history")["events"]
    for events in (audit, history):
        assert all(set(event) == EVENT for event in events)
        assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
        assert_times(events)
    assert {event["type"].split(".")[0] for event in history} == {"run", "batch"}
    given = [event for event in audit if event["type"] == "command.add"]
    assert [(event["via"], event["actor"].startswith("local:")) for event in given] == [("cli", True)] * 3
    moves = [(event["from"], event["to"]) for event in history if event["run_id"] == made.good]
    assert moves[0] == ("queued", "running")
    assert moves[-1] == ("running", "completed")
    assert len(made.ask("history", "--limit", 2)["events"]) == 2


def test_a_command_answers_with_what_it_changed_and_whether_it_is_carried_out(made: Made) -> None:
    paused = made.ask("pause", made.waiting, "--reason", "tea")
    assert set(paused) >= COMMAND
    assert (paused["id"], paused["intent"], paused["changed"], paused["applied"]) == (
        made.waiting,
        "pause",
        True,
        False,
    )
    assert "reprise serve" in paused["hint"]
    again = made.ask("pause", made.waiting)
    assert (again["changed"], again["applied"], again["hint"]) == (False, True, None)
    assert made.ask("why", made.waiting)["message"].endswith("tea")
    assert made.ask("resume", made.waiting)["intent"] == "run"


def test_the_pool_is_paused_without_a_service(made: Made) -> None:
    paused = made.ask("pause", "--reason", "night")
    assert (paused["id"], paused["phase"], paused["changed"], paused["applied"]) == ("pool", "paused", True, True)
    assert made.ask("status")["status"] == "paused"
    assert json.loads(made.product.layout.pool_state().read_text())["body"]["pause"]["why"] == "night"
    assert made.ask("resume")["phase"] == "running"


def test_results_are_copied_with_their_checksums(made: Made) -> None:
    out = made.product.storage.parent / "out"
    files = made.ask("get", made.good, "-o", out)["files"]
    assert all(set(file) == {"name", "path", "size", "sha256"} for file in files)
    assert {file["name"] for file in files} >= set(FILES)
    for file in files:
        assert hashlib.sha256((out / file["name"]).read_bytes()).hexdigest() == file["sha256"]
    assert made.product("get", made.good, "transcript.txt").out == (out / "transcript.txt").read_text()


def test_the_results_have_the_fields_of_the_contract_and_no_trace_of_their_making(made: Made) -> None:
    bodies = dict(zip(FILES, made.product.results(made.good, tuple(FILES)), strict=True))
    transcript, quotes, summary = (json.loads(bodies[f"{name}.json"]) for name in ("transcript", "quotes", "summary"))
    assert list(transcript) == ["language", "duration", "model", "segments"]
    assert [segment["id"] for segment in transcript["segments"]] == list(range(len(transcript["segments"])))
    for segment in transcript["segments"]:
        assert set(segment) == {"id", "start", "end", "text", "words", "flags"}
        assert all(set(word) == {"word", "start", "end", "probability"} for word in segment["words"])
        assert all(round(segment[name], 3) == segment[name] for name in ("start", "end"))
    assert set(quotes) == {"quotes", "rejected", "transcript_sha256"}
    wanted = {"quote_id", "text", "start", "end", "segment_ids", "status", "score", "why", "source"}
    assert all(set(quote) == wanted for quote in quotes["quotes"])
    assert set(summary) >= {"title", "abstract", "points", "keywords", "source", "model"}
    assert all(set(point) == {"text", "segment_ids"} for point in summary["points"])
    assert bodies["transcript.vtt"].startswith(b"WEBVTT")
    run = made.ask("show", made.good)
    traces = [
        made.good,
        made.added.json["batch_id"],
        str(made.product.storage),
        run["stages"]["quotes"]["attempts"][0]["id"],
    ]
    assert not [trace for trace in traces for body in bodies.values() if trace.encode() in body]
    assert run["created_at"][:10].encode() not in b"".join(bodies.values())


def test_doctor_and_check_list_what_they_looked_at(made: Made) -> None:
    doctor = made.product("doctor", "--json", check=False)
    assert set(doctor.json) == {"ok", "checks"}
    assert doctor.code == (0 if doctor.json["ok"] else 1)
    assert all(set(check) == {"name", "ok", "message", "hint"} for check in doctor.json["checks"])
    assert made.ask("check") == {"ok": True, "findings": []}
