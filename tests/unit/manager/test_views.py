"""What is shown: computed from the records each time, and right about what moves, waits and is left."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.errors import Damaged, ErrorClass, NotFound
from core.domain.run import Verdict, Work
from core.manager.measure import Measure
from core.manager.views import Views
from core.runner.outcome import Committed, Ended, Failed, Shared
from core.store.artifacts import Receipt
from core.store.locks import Lock
from core.store.progress import write_progress
from core.system.clock import local, rfc3339
from tests.support.dispatching import ANA, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def views(house: House, **settings: Any) -> Views:
    config = Config(free_space_bytes=0, **settings)
    return Views(
        whole=house.index,
        actor=Actor(name=ANA, scope=Scope.ADMIN),
        index=house.index,
        layout=house.layout,
        artifacts=house.artifacts,
        catalog=house.catalog,
        measure=Measure(index=house.index, layout=house.layout, catalog=house.catalog, clock=house.clock),
        journal=house.store.journal,
        config=config,
        clock=house.clock,
    )


def tell(house: House, run_id: str, share: float, *, duration_s: float, **more: float) -> None:
    """The running attempt writes how far it is in media of that length, and what else is given."""
    assignment = house.engine.running[run_id]
    house.given.run(run_id, lambda run: msgspec.structs.replace(run, duration_s=duration_s))
    told = {"attempt": assignment.attempt_id, "stage": assignment.stage, "key": "k", "unit": "audio_s"}
    write_progress(house.layout, run_id, told | {"done": share * 10, "total": 10, "share": share} | more)


def test_an_empty_storage_is_idle_and_full_of_zeros_and_nulls(house: House) -> None:
    status = views(house).status()
    assert status["status"] == "idle"
    assert (status["pending"], status["processing"], status["eta_s"]) == (0, 0, None)
    assert status["service"] == {"alive": False, "pid": None, "since": None, "epoch": 1}
    assert views(house).runs() == {"runs": [], "total": 0, "damaged": []}


def test_the_status_counts_runs_by_what_they_do(house: House) -> None:
    failed, paused, working, waiting = house.add(4, concurrency=2)
    house.add(phase="draft")
    house.turn()
    house.end(failed, Failed(error_class=ErrorClass.REMOVED, message="Gone.", hint="Look."))
    house.ask(waiting, "pause")
    house.ask(paused, "pause")
    status = views(house).status()
    counted = {name: status[name] for name in ("pending", "processing", "paused", "failed", "active_workers")}
    assert counted == {"pending": 0, "processing": 2, "paused": 1, "failed": 1, "active_workers": 2}
    assert working in house.engine.running


def test_a_run_between_two_stages_is_processed_and_nobody_works_on_it(served: House) -> None:
    first, second = served.add(2)
    served.turn()
    served.end(first)
    served.end(second)
    assert list(served.engine.running) == [first]
    status = views(served).status()
    assert (status["processing"], status["active_workers"]) == (2, 1)
    assert views(served).why(second)["code"] == "slot"
    assert views(served).run(second)["blocked_reason"] == "Waits for a free cpu worker; it is next."


def test_what_a_person_stopped_is_failed_and_needs_no_attention(house: House) -> None:
    broken, ended = house.add(2)
    house.turn()
    house.end(broken, Failed(error_class=ErrorClass.REMOVED, message="Gone.", hint="Look."))
    house.ask(ended, "stop")
    house.end(ended, Ended())
    status = views(house).status()
    assert (status["failed"], status["attention"]) == (2, 1)
    assert [run["run_id"] for run in views(house).runs(attention=True)["runs"]] == [broken]
    failure = views(house).run(ended)["failure"]
    assert (failure["kind"], failure["message"]) == ("stopped", "Stopped by ana.")
    assert "./reprise" not in failure["hint"], "a page shows it too"


@pytest.mark.parametrize(
    ("state", "code"),
    [("pause", "paused"), ("pool", "paused"), ("retry", "backoff"), ("busy", "breaker"), ("shared", "shared_work")],
)
def test_why_names_the_one_reason(served: House, state: str, code: str) -> None:
    (run,) = served.add()
    served.turn()
    lock = Lock(served.layout.key_lock("download", "abc"))
    assert lock.acquire()
    match state:
        case "pause":
            served.ask(run, "pause", why="tea")
            served.engine.die(run)
        case "pool":
            served.commands.pool("pause", by=ANA)
            served.turn()
            served.engine.die(run)
        case "retry":
            served.engine.end(run, Failed(error_class=ErrorClass.NETWORK, message="It broke off.", hint="Wait."))
        case "busy":
            served.engine.end(run, Failed(error_class=ErrorClass.RATE_LIMITED, message="Slow down.", hint="Wait."))
        case "shared":
            served.engine.end(run, Shared(key="abc"))
    served.turn()
    reason = views(served).why(run)
    lock.release()
    assert reason["code"] == code
    assert reason["message"].endswith((".", "tea"))
    assert views(served).run(run)["blocked_reason"] == reason["message"]
    assert (reason["until"] is not None) == (code in ("backoff", "breaker"))


def test_without_a_service_nothing_moves_and_that_is_the_reason(house: House) -> None:
    (run,) = house.add()
    assert views(house).why(run)["code"] == "service_down"


def test_a_queue_tells_the_place_in_it(served: House) -> None:
    first, second, third = served.add(3, concurrency=1)
    served.turn()
    assert views(served).why(first)["code"] == "none"
    assert [views(served).why(run)["code"] for run in (second, third)] == ["turn", "turn"]
    assert "it is next" in views(served).why(second)["message"]
    assert "1 run is ahead" in views(served).why(third)["message"]


def test_tries_and_the_last_error_are_shown_at_their_stage(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.end(run, Failed(error_class=ErrorClass.SERVER, message="Trouble.", hint="Wait."))
    shown = views(house).run(run)
    assert shown["attempts"] == {"download": 1, "transcribe": 0}
    stage = shown["stages"]["download"]
    assert (stage["status"], len(stage["attempts"])) == ("pending", 1)
    assert stage["error"]["message"] == "Trouble."
    assert stage["error"]["class"] == "server"


def test_a_batch_sums_up_its_runs(house: House) -> None:
    good, other = house.add(2)
    house.turn()
    house.finish(good)
    batch = views(house).batch(house.run(good).batch_id)
    assert (batch["total"], batch["completed"], batch["phase"], batch["intent"]) == (2, 1, "running", "run")
    assert 0.5 <= batch["progress"] < 1.0
    house.commands.batch(house.run(other).batch_id, "pause", by=ANA, why="tea")
    batch = views(house).batch(house.run(good).batch_id)
    assert (batch["phase"], batch["intent"], batch["pause"]["why"], batch["pause"]["by"]) == (
        "paused",
        "pause",
        "tea",
        ANA,
    )


def test_runs_are_listed_newest_batch_first_and_narrowed(house: House) -> None:
    old = house.add(2)
    house.clock.advance(1)
    (new,) = house.add(owner="local:bo")
    shown = views(house)
    assert [run["run_id"] for run in shown.runs()["runs"]] == [new, *old]
    assert [run["run_id"] for run in shown.runs(batch_id=house.run(new).batch_id)["runs"]] == [new]
    page = shown.runs(offset=1, limit=1)
    assert ([run["run_id"] for run in page["runs"]], page["total"]) == ([old[0]], 3)
    assert shown.runs(user="nobody")["total"] == 0
    with pytest.raises(NotFound):
        shown.runs(batch_id="b_none")


def test_an_id_of_the_other_kind_is_called_by_its_name(house: House) -> None:
    (run,) = house.add()
    batch = house.run(run).batch_id
    with pytest.raises(NotFound, match=f"{batch} is a batch; a run is needed"):
        views(house).why(batch)
    with pytest.raises(NotFound, match=f"{run} is a run; a batch is needed"):
        views(house).report(run)


def test_the_status_names_the_batches_that_are_paused(house: House) -> None:
    (run,) = house.add()
    house.add()
    batch = house.run(run).batch_id
    house.commands.batch(batch, "pause", by=ANA)
    assert views(house).status()["paused_batches"] == [batch]


def test_what_cannot_be_believed_is_listed_and_asked_for_by_name_says_why(house: House) -> None:
    (run,) = house.add()
    house.layout.run_state(run).write_bytes(b"{")
    house.restart()
    shown = views(house)
    assert [one["id"] for one in shown.runs()["damaged"]] == [run]
    assert shown.status()["damaged"] == 1
    with pytest.raises(Damaged, match=f"The state of {run} is damaged"):
        shown.run(run)


def test_runs_of_a_damaged_batch_are_said_to_be_damaged_and_not_to_be_missing(house: House) -> None:
    (run,) = house.add()
    batch_id = house.run(run).batch_id
    house.layout.batch_state(batch_id).write_bytes(b"")
    house.restart()
    with pytest.raises(Damaged, match=batch_id):
        views(house).run(run)
    with pytest.raises(Damaged, match=batch_id):
        views(house).batch(batch_id)
    house.turn()
    assert house.engine.running == {}, "nobody knows whether it may run"


def test_a_run_that_the_service_found_stalled_is_flagged_and_a_paused_one_is_not(house: House) -> None:
    (run,) = house.add()
    house.turn()
    for _ in range(62):
        house.clock.advance(5)
        house.turn()
    assert views(house).run(run)["flags"] == ["stalled"]
    assert views(house).status()["stalled"] == 1
    house.ask(run, "pause")
    house.engine.die(run)
    house.turn()
    house.clock.advance(301)
    assert views(house).run(run)["flags"] == []


def test_events_have_every_field_and_are_narrowed_before_they_are_counted(house: House) -> None:
    first, second = house.add(2)
    house.turn()
    house.finish(first)
    history = views(house).history
    (event,) = history.events(kinds=("run.",), run_id=second, limit=1)["events"]
    assert (event["type"], event["from"], event["to"], event["stage"]) == ("run.claim", "queued", "running", "download")
    (added,) = history.events(kinds=("command.",))["events"]
    assert (added["type"], added["actor"], added["run_id"], added["from"]) == ("command.add", ANA, None, None)


def test_failures_in_a_row_are_counted_from_the_last_run_that_went_well(house: House) -> None:
    runs = house.add(4)
    lost = Failed(error_class=ErrorClass.REMOVED, message="It is gone.", hint="Check the address.")
    for run, outcome in zip(runs, (lost, None, lost, lost), strict=True):
        house.turn()
        house.clock.advance(1.0)
        house.end(run, outcome)
        if outcome is None:
            house.end(run)
    assert views(house).batch(house.run(runs[0]).batch_id)["consecutive_failures"] == 2


def test_a_pause_is_told_from_what_still_moves_to_the_moment_when_all_stands_still(served: House) -> None:
    first, second, waiting = served.add(3)
    served.turn()
    tell(served, first, 0.5, duration_s=4960.0)
    batch_id = served.run(first).batch_id
    served.commands.batch(batch_id, "pause", by=ANA, why="cookies expired")
    pause = views(served).batch(batch_id)["pause"]
    assert [(one["run_id"], one["stage"], one["at_s"]) for one in pause["in_flight"]] == [
        (first, "download", 2480.0),
        (second, "download", None),
    ]
    assert pause["since"] is None
    assert pause["sentence"].startswith('pausing, 2 in flight: "')
    assert " download at 41:20, " in pause["sentence"]
    assert views(served).run(waiting)["pause"]["in_flight"] == []
    served.turn()
    served.clock.advance(2)
    served.end(first, Ended())
    served.clock.advance(1)
    served.end(second, Ended())
    stood_still = served.clock.now()
    served.clock.advance(60)
    pause = views(served).batch(batch_id)["pause"]
    assert (pause["in_flight"], pause["since"]) == ([], rfc3339(stood_still))
    assert pause["sentence"] == f'paused at {local(stood_still):%H:%M:%S} by ana: "cookies expired"'
    assert views(served).run(first)["pause"]["since"] == rfc3339(stood_still - timedelta(seconds=1))
    assert pause["why"] == "cookies expired"


def test_a_pause_of_all_and_of_one_run_are_told_like_that_of_a_batch(served: House) -> None:
    first, second = served.add(2)
    served.turn()
    served.ask(first, "pause", why="later")
    assert views(served).run(first)["pause"]["sentence"].startswith("pausing, 1 in flight")
    assert views(served).run(second)["pause"] is None
    assert views(served).status()["pause"] is None
    served.commands.pool("pause", by=ANA, drain=True)
    pause = views(served).status()["pause"]
    assert len(pause["in_flight"]) == 2
    assert pause["sentence"].startswith("pausing: the running stages of 2 go on to the end: ")
    assert views(served).run(second)["pause"]["drain"]


def test_without_a_service_nothing_moves(house: House) -> None:
    (run,) = house.add()
    house.turn()
    house.commands.pool("pause", by=ANA)
    pause = views(house).status()["pause"]
    assert pause["in_flight"] == []
    assert pause["sentence"].startswith("paused at ")
    assert views(house).run(run)["pause"]["in_flight"] == []


def test_a_run_tells_how_its_attempts_ended_and_its_last_error(served: House) -> None:
    (run,) = served.add()
    assert views(served).run(run)["last_error"] is None
    served.turn()
    served.end(run, Failed(error_class=ErrorClass.NETWORK, message="The line broke.", hint="Wait."))
    failed_at = rfc3339(served.clock.now())
    served.clock.advance(60)
    served.turn()
    served.turn()
    served.end(run)
    shown = views(served).run(run)
    assert shown["attempt_counts"] == {"error": 1, "committed": 1}
    error = shown["last_error"]
    assert (error["class"], error["stage"], error["at"]) == ("network", "download", failed_at)
    assert error["message"] == "The line broke."


def test_what_the_service_found_about_an_attempt_is_a_flag_for_as_long_as_that_is_open(served: House) -> None:
    (run,) = served.add()
    served.turn()
    attempt = served.engine.running[run].attempt_id

    def judge(attempt_id: str) -> None:
        verdict = Verdict(kind="stalled", attempt=attempt_id, at=served.clock.now(), message="No progress.")
        served.given.run(run, lambda run: msgspec.structs.replace(run, verdict=verdict))

    judge("another")
    assert views(served).run(run)["flags"] == []
    judge(attempt)
    assert views(served).run(run)["flags"] == ["stalled"]
    assert views(served).status()["stalled"] == 1


def test_a_report_adds_up_what_making_the_results_used_each_result_once(served: House) -> None:
    runs = served.add(3)
    served.turn(2)
    made = {"params": {}, "cpu_s": 2.5, "memory_bytes": 7_000_000}
    for key, memory in (("k1", 7_000_000), ("k2", 9_000_000)):
        out = served.layout.work("download", key) / "tmp.a_1"
        out.mkdir(parents=True)
        (out / "media.mp4").write_text(key)
        receipt = Receipt(stage="download", key=key, version=1, **made | {"memory_bytes": memory})
        served.artifacts.publish("download", key, out, receipt)
    for run, key in zip(runs, ("k1", "k2", "k2"), strict=True):
        until_running(served, run)
        served.end(run, Committed(key=key))
    report = views(served).report(served.run(runs[0]).batch_id)
    assert report["uses"] == {"download": {"cpu_s": 5.0, "memory_bytes": 9_000_000}}


def until_running(house: House, run_id: str) -> None:
    """The run has its turn."""
    while run_id not in house.engine.running:
        house.turn()


def test_a_report_adds_up_what_was_done_and_what_resuming_saved(served: House) -> None:
    first, second = served.add(2)
    served.turn()
    served.clock.advance(50)
    work = Work(unit="audio_s", done=100.0, reused=40.0, redone=10.0)
    served.end(first, Committed(key="k1", work=work))
    served.end(second, Failed(error_class=ErrorClass.REMOVED, message="Gone.", hint="Look."))
    report = views(served).report(served.run(first).batch_id)
    assert report["work"]["download"] == {
        "unit": "audio_s",
        "done": 100.0,
        "reused": 40.0,
        "redone": 10.0,
        "seconds_saved": 20.0,
    }
    assert report["seconds_saved"] == 20.0
    assert report["sentence"] == "Resuming saved about 20 s of work (40 s of audio were not transcribed again)."
    rows = {row["run_id"]: row for row in report["runs"]}
    assert rows[first]["attempt_counts"] == {"committed": 1}
    assert (rows[first]["worked_s"], rows[first]["waited_s"], rows[first]["paused_s"]) == (50.0, 0.0, 0.0)
    assert (rows[second]["phase"], rows[second]["retries"], rows[second]["last_error"]["class"]) == (
        "failed",
        0,
        "removed",
    )


def test_a_report_tells_how_long_it_was_paused_and_waited(served: House) -> None:
    (run,) = served.add()
    batch_id = served.run(run).batch_id
    served.clock.advance(7)
    served.turn()
    served.commands.batch(batch_id, "pause", by=ANA)
    served.turn()
    served.end(run, Ended())
    served.clock.advance(60)
    served.commands.batch(batch_id, "resume", by=ANA)
    served.turn()
    report = views(served).report(batch_id)
    assert report["paused_s"] == 60.0
    assert (report["runs"][0]["waited_s"], report["runs"][0]["paused_s"]) == (7.0, 60.0)
    assert report["work"] == {}
    assert report["seconds_saved"] == 0.0
    assert report["suggestions"] == []


def test_a_report_of_a_batch_that_is_not_there_is_refused(house: House) -> None:
    with pytest.raises(NotFound):
        views(house).report("b_nothing")


def test_an_attempt_that_shows_its_speed_gives_its_run_batch_and_the_pool_a_time_left(served: House) -> None:
    (run,) = served.add()
    served.turn()
    served.end(run)
    served.turn()
    assert views(served).status()["eta_s"] is None, "nothing was measured yet"
    tell(served, run, 0.5, duration_s=100.0, began_share=0.0, worked_s=40.0)
    left = {"low": 30.0, "high": 53.2}
    assert views(served).run(run)["eta_s"] == left
    assert views(served).batch(served.run(run).batch_id)["eta_s"] == left
    assert views(served).status()["eta_s"] == left
    served.commands.pool("pause", by=ANA)
    assert views(served).status()["eta_s"] == left, "what is left once it is resumed"


def test_a_draft_and_what_is_paused_beside_work_that_goes_on_are_not_waited_for(served: House) -> None:
    going, paused = served.add()[0], served.add()[0]
    served.add(phase="draft")
    served.turn()
    served.end(going)
    served.turn()
    served.commands.batch(served.run(paused).batch_id, "pause", by=ANA)
    tell(served, going, 0.5, duration_s=100.0, began_share=0.0, worked_s=40.0)
    assert views(served).status()["eta_s"] == {"low": 30.0, "high": 53.2}


def test_what_was_taken_over_is_worth_an_unknown_time_while_its_speed_was_never_measured(served: House) -> None:
    (run,) = served.add()
    served.turn()
    served.end(run, Committed(key="k1", reused=True, work=Work(unit="audio_s", reused=27.0, redone=0.0)))
    report = views(served).report(served.run(run).batch_id)
    assert report["work"]["download"]["seconds_saved"] is None
    assert report["seconds_saved"] is None
    assert report["sentence"].startswith("Resuming saved work of unknown length (27 s of audio")
