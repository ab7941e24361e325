"""Real work that is watched: drained, asked to end, forced to, found stalled, taking too long, and paused when that is hardest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.system.clock import SystemClock, rfc3339
from tests.support import speech
from tests.support.kills import body, family, kill, open_attempt, unit_numbers
from tests.support.stillness import stopped
from tests.support.transcription_kills import Killed, Reference
from tests.support.waiting import until

pytestmark = pytest.mark.speech


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    made = Reference(tmp_path_factory.mktemp("reference"), speech.talk(14))
    assert made.windows >= 2
    return made


def at_work(folder: Path, reference: Reference, *, fault: str = "", **settings: str) -> Killed:
    """A run of which one decoding goes on and the others wait, with a service of these settings."""
    run = Killed(folder, reference, fault=fault)
    run.product.environment.update({f"REPRISE_{name.upper()}": value for name, value in settings.items()})
    run.log.gate(1)
    run.serve()
    run.until_decoding(1)
    return run


@pytest.fixture
def working(tmp_path: Path, reference: Reference) -> Iterator[Killed]:
    with at_work(tmp_path, reference) as run:
        yield run


@pytest.mark.parametrize("what", ["run", "batch", "pool"])
def test_a_drain_lets_the_stage_end_and_begins_no_other(working: Killed, what: str) -> None:
    run = working
    target = {"run": [run.run_id], "batch": [body(run.product, run.run_id)["batch_id"]], "pool": []}[what]
    run.product("pause", *target, "--drain", "--reason", "lunch")
    assert run.product.phase(run.run_id) == "running"
    assert not stopped({open_attempt(run.product, run.run_id)["owner"]["pid"]})
    run.log.open()
    run.product.wait_for(run.run_id, "paused")
    stages = body(run.product, run.run_id)["stages"]
    assert (stages["transcribe"]["status"], stages["quotes"]["status"]) == ("committed", "pending")
    run.product("resume", *target)
    run.product.wait_for(run.run_id, "completed")
    run.judge(kills=0)
    assert run.attempts("transcribe") == ["committed"]


@pytest.mark.parametrize(("verb", "phase"), [("stop", "failed"), ("cancel", "cancelled")])
def test_who_ignores_being_asked_to_end_is_killed_and_that_is_said(
    tmp_path: Path, reference: Reference, verb: str, phase: str
) -> None:
    with at_work(tmp_path, reference, fault="hear no term", cancel_grace_s="0.5") as run:
        worker = open_attempt(run.product, run.run_id)["owner"]["pid"]
        run.product(verb, run.run_id, "--reason", "enough")
        run.product.wait_for(run.run_id, phase)
        assert worker not in family(run.product), "it is gone when that is said"
        record = body(run.product, run.run_id)
        assert record["transitions"][-1]["why"].startswith("enough. It had to be killed after 0.5")
        if verb == "stop":
            assert "It had to be killed after 0.5" in record["failure"]["message"]
        run.log.open()
        run.product("retry", run.run_id)
        run.product.wait_for(run.run_id, "completed")


def test_who_ends_when_asked_is_not_said_to_have_been_forced(working: Killed) -> None:
    working.product("cancel", working.run_id, "--reason", "enough")
    working.product.wait_for(working.run_id, "cancelled")
    assert body(working.product, working.run_id)["transitions"][-1]["why"] == "enough"


def test_work_without_news_is_called_stalled_and_a_recovery_goes_on_with_all_units(
    tmp_path: Path, reference: Reference
) -> None:
    with at_work(tmp_path, reference, stall_s="1.5") as run:
        until(lambda: len(unit_numbers(run.product, "transcribe")) == 1, patience_s=60)
        since = rfc3339(SystemClock().now())  # from now on nothing becomes new; before, a model was loaded

        def found() -> bool:
            verdict = body(run.product, run.run_id).get("verdict") or {"kind": "", "at": ""}
            return verdict["kind"] == "stalled" and verdict["at"] > since

        until(found, patience_s=60)
        assert run.product("show", run.run_id, "--json").json["flags"] == ["stalled"]
        worker = open_attempt(run.product, run.run_id)["owner"]["pid"]
        before = len(unit_numbers(run.product, "transcribe"))
        run.product("recover", run.run_id)
        until(lambda: worker not in family(run.product))
        run.log.open()
        run.product.wait_for(run.run_id, "completed")
        assert run.attempts("transcribe") == ["stalled", "committed"]
        assert len(unit_numbers(run.product, "transcribe")) >= before
        record = body(run.product, run.run_id)
        assert (record["stages"]["transcribe"]["stalls"], record["stages"]["transcribe"]["tries"]) == (1, 0)
        assert record["verdict"] is None
        assert reference.same(run)


def test_a_stage_that_takes_too_long_fails_and_a_retry_goes_on_with_its_units(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        run.log.gate(1)
        run.product.environment["REPRISE_STAGE_TIMEOUT_S"] = "6"
        run.serve()
        run.product.wait_for(run.run_id, "failed")
        record = body(run.product, run.run_id)
        assert record["failure"]["kind"] == "timeout"
        assert record["attempts"][-1]["active_s"] == pytest.approx(6.0, abs=3.0)
        units = unit_numbers(run.product, "transcribe")
        assert run.service is not None
        kill(run.product, run.service, "service")
        del run.product.environment["REPRISE_STAGE_TIMEOUT_S"]
        run.log.open()
        run.serve()
        run.product("retry", run.run_id)
        run.product.wait_for(run.run_id, "completed")
        assert set(units) <= set(unit_numbers(run.product, "transcribe"))
        assert reference.same(run)


@pytest.mark.parametrize("verb", ["run", "pool"])
def test_a_pause_given_while_the_service_stops_is_kept(working: Killed, verb: str) -> None:
    run = working
    assert run.service is not None
    worker = open_attempt(run.product, run.run_id)["owner"]["pid"]
    run.service.terminate()
    run.product("pause", *([run.run_id] if verb == "run" else []), "--reason", "lunch")
    run.service.wait(30)
    assert worker not in family(run.product)
    run.log.open()
    run.serve()
    until(lambda: run.product.log().count('"ready"') == 2)
    assert run.product.phase(run.run_id) in ("paused", "queued")
    assert "lunch" in run.product("why", run.run_id).out
    assert open_attempt(run.product, run.run_id) == {}
    run.product("resume", *([run.run_id] if verb == "run" else []))
    run.product.wait_for(run.run_id, "completed")
    assert run.reference.same(run)


def test_a_pause_given_while_a_service_takes_back_what_was_interrupted_is_kept(working: Killed) -> None:
    run = working
    run.kill("service")
    run.serve()  # it holds the storage, and has not looked at anything yet
    run.product("pause", run.run_id, "--reason", "lunch")
    run.product.wait_for(run.run_id, "paused")
    run.log.open()
    attempts = len(body(run.product, run.run_id)["attempts"])
    assert "lunch" in run.product("why", run.run_id).out
    assert len(body(run.product, run.run_id)["attempts"]) == attempts
    run.product("resume", run.run_id)
    run.product.wait_for(run.run_id, "completed")
    assert run.reference.same(run)
