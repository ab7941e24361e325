"""Pause, resume, stop, cancel and retry, given by commands to real work: what stands still stands, nothing is done twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import speech
from tests.support.kills import body, end_all, family, kill, open_attempt, published, unit_numbers
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.stillness import processor_ticks, stopped
from tests.support.transcription_kills import Killed, Reference
from tests.support.waiting import until

pytestmark = pytest.mark.speech


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    made = Reference(tmp_path_factory.mktemp("reference"), speech.talk(14))
    assert made.windows >= 2
    return made


@pytest.fixture
def run(tmp_path: Path, reference: Reference) -> Iterator[Killed]:
    """A run that is being transcribed: one decoding has begun, the others wait until `log.open()`."""
    with Killed(tmp_path, reference) as made:
        made.log.gate(1)
        made.serve()
        made.until_decoding(1)
        yield made


def workers(run: Killed) -> set[int]:
    assert run.service is not None
    return family(run.product) - {run.service.pid}


def batch_of(run: Killed) -> str:
    found: str = body(run.product, run.run_id)["batch_id"]
    return found


def attempt_pid(run: Killed) -> int:
    pid: int = open_attempt(run.product, run.run_id)["owner"]["pid"]
    return pid


def said(run: Killed, event: str) -> bool:
    return f'"{event}"' in run.product.log()


# --- pause ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["run", "batch", "pool"])
def test_what_is_paused_stands_still_and_goes_on_where_it_stood(run: Killed, what: str) -> None:
    target = {"run": [run.run_id], "batch": [batch_of(run)], "pool": []}[what]
    worker = {attempt_pid(run)}
    answer = run.product("pause", *target, "--reason", "lunch", "--json")
    assert answer.json["applied"]
    run.product.wait_for(run.run_id, "paused")
    assert stopped(worker)
    ticks, units = processor_ticks(worker), unit_numbers(run.product, "transcribe")
    assert "lunch" in run.product("why", run.run_id).out  # half a second of work for anybody who does not stand still
    assert processor_ticks(worker) == ticks
    assert unit_numbers(run.product, "transcribe") == units

    run.log.open()
    run.product("resume", *target)
    run.product.wait_for(run.run_id, "completed")
    run.judge(kills=0)
    assert run.attempts("transcribe") == ["committed"]


def test_a_pause_that_lasts_gives_its_memory_back_and_costs_only_the_windows_in_flight(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        run.product.environment["REPRISE_PAUSE_FREE_S"] = "0.1"
        run.log.gate(1)
        run.serve()
        run.until_decoding(1)
        worker, attempt = attempt_pid(run), open_attempt(run.product, run.run_id)["id"]
        run.product("pause", run.run_id)
        run.product.wait_for(run.run_id, "paused")
        until(lambda: worker not in family(run.product))
        until(lambda: open_attempt(run.product, run.run_id) == {})
        run.ended(attempt)
        assert run.product.phase(run.run_id) == "paused"
        run.log.open()
        run.product("resume", run.run_id)
        run.product.wait_for(run.run_id, "completed")
        run.judge()


def test_a_pause_outlives_the_service(run: Killed) -> None:
    run.product("pause", run.run_id)
    run.product.wait_for(run.run_id, "paused")
    run.kill("service")
    run.log.open()
    run.serve()
    until(lambda: said(run, "ready"))
    until(lambda: open_attempt(run.product, run.run_id) == {})
    assert run.product.phase(run.run_id) == "paused"
    assert workers(run) == set()
    run.product("resume", run.run_id)
    run.product.wait_for(run.run_id, "completed")
    run.judge()


def test_nothing_is_begun_while_the_pool_is_paused_also_after_a_restart(tmp_path: Path) -> None:
    product = Product(tmp_path)
    try:
        run_id = product.run_of(product("add", speech.talk(2), "--set", "transcribe=false", "--json"))
        product("pause", "--reason", "backup")
        for _ in range(2):
            service = product.serve()
            until(lambda: product.log().count('"ready"') > 0)
            assert product.phase(run_id) in ("queued", "paused")
            assert "backup" in product("why", run_id).out
            kill(product, service, "everything")
        product("resume")
        product.serve()
        product.wait_for(run_id, "completed")
        assert [one["outcome"] for one in body(product, run_id)["attempts"]] == ["committed"]
    finally:
        end_all(product)


def test_a_paused_download_ends_its_connection_and_later_fetches_only_the_rest(tmp_path: Path) -> None:
    content = speech.talk(10, suffix=".mp4").read_bytes()
    stall_at = len(content) // 2
    with MediaServer() as server:
        url = server.add("/talk.mp4", content, content_type="video/mp4", stall_at=stall_at)
        product = Product(tmp_path, allowed_hosts=server.host)
        try:
            run_id = product.run_of(product("add", url, "--set", "transcribe=false", "--json"))
            service = product.serve()
            server.wait_for(lambda: len(server.hits) == 2 and server.hits[1].sent >= stall_at)
            until(lambda: bool(list(product.storage.glob("work/download/*/*.part"))))
            product("pause", run_id)
            product.wait_for(run_id, "paused")
            assert family(product) == {service.pid}
            server.pages["/talk.mp4"].stall_at = None
            server.release()
            product("resume", run_id)
            product.wait_for(run_id, "completed")
            assert content in published(product, run_id).values()
            assert server.hits[-1].start is not None
            assert server.hits[-1].sent == len(content) - server.hits[-1].start
        finally:
            end_all(product)


# --- stop, cancel, retry ----------------------------------------------------------------------------------------


def test_a_stopped_run_keeps_its_windows_and_a_retry_does_only_those_that_are_missing(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        run.log.gate(1)
        run.serve()
        until(lambda: len(unit_numbers(run.product, "transcribe")) == 1)
        worker, attempt = attempt_pid(run), open_attempt(run.product, run.run_id)["id"]
        run.product("stop", run.run_id, "--reason", "wrong file")
        run.product.wait_for(run.run_id, "failed")
        run.ended(attempt)
        assert worker not in family(run.product)
        failure = body(run.product, run.run_id)["failure"]
        assert failure["kind"] == "stopped"
        before = len(run.log.decodings())
        run.log.open()
        run.product("retry", run.run_id)
        run.product.wait_for(run.run_id, "completed")
        run.judge(kills=0)
        assert len(run.log.decodings()) - before == reference.windows - 1
        assert body(run.product, run.run_id)["retry_count"] == 1


@pytest.mark.parametrize("what", ["run", "batch"])
def test_a_cancelled_run_ends_at_once_and_can_be_retried(run: Killed, what: str) -> None:
    worker, attempt = attempt_pid(run), open_attempt(run.product, run.run_id)["id"]
    run.product("cancel", run.run_id if what == "run" else batch_of(run))
    run.product.wait_for(run.run_id, "cancelled")
    run.ended(attempt)
    assert worker not in family(run.product)
    run.log.open()
    run.product("retry", run.run_id)
    run.product.wait_for(run.run_id, "completed")
    run.judge()


def test_a_retry_from_a_stage_makes_it_once_more_and_leaves_what_came_before(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        run.serve()
        run.product.wait_for(run.run_id, "completed")
        first = json.dumps(body(run.product, run.run_id)["stages"]["download"])
        run.product("retry", run.run_id, "--from", "transcribe")
        until(
            lambda: body(run.product, run.run_id)["retry_count"] == 1 and run.product.phase(run.run_id) == "completed"
        )
        assert json.dumps(body(run.product, run.run_id)["stages"]["download"]) == first
        assert sorted(one.sound for one in run.log.decodings()) == sorted(reference.sounds * 2)
        assert reference.same(run)
        assert run.attempts("download") == ["committed"]


def test_a_command_given_while_no_service_runs_is_carried_out_by_the_next_one(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        answer = run.product("cancel", run.run_id, "--json")
        assert not answer.json["applied"]
        assert run.product.phase(run.run_id) == "queued"
        run.serve()
        run.product.wait_for(run.run_id, "cancelled")
        assert run.log.decodings() == []
