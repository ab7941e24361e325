"""The service itself: one a storage, whatever starts it; it ends when told to, and no disk puts it out of action."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.system.files import free_bytes
from tests.support.kills import (
    ORPHAN_LIMIT_S,
    assert_no_orphans,
    assert_sound,
    body,
    end_all,
    family,
    open_attempt,
    unit_numbers,
)
from tests.support.product import Product, command
from tests.support.small_disk import fill_bytes, remount, small_disk
from tests.support.stillness import stopped
from tests.support.transcription_kills import Killed, Reference
from tests.support.waiting import until

STOP_LIMIT_S = 10.0
MANY = 20


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path)
    yield made
    end_all(made)


def start(product: Product) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command(), "serve"],
        env=product.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def pool(product: Product) -> dict[str, int]:
    found: dict[str, int] = json.loads(product.layout.pool_state().read_text())["body"]
    return found


# --- one a storage ----------------------------------------------------------------------------------------------


def test_a_second_service_is_refused_and_told_who_is_the_first(product: Product) -> None:
    first = product.serve()
    answer = product("serve", "--json", check=False)
    assert answer.code == 4
    assert str(first.pid) in answer.error["message"]
    assert first.poll() is None
    assert pool(product)["epoch"] == 1


def test_a_service_that_stands_still_is_not_replaced(product: Product) -> None:
    first = product.serve()
    first.send_signal(signal.SIGSTOP)
    try:
        answer = product("serve", check=False)
    finally:
        first.send_signal(signal.SIGCONT)
    assert answer.code == 4
    assert str(first.pid) in answer.err


def test_of_twenty_services_started_at_once_exactly_one_is_active(product: Product) -> None:
    product("status")
    services = [start(product) for _ in range(MANY)]
    try:
        until(lambda: sum(service.poll() is None for service in services) == 1)
        until(product.has_service)
        (active,) = [service for service in services if service.poll() is None]
        assert {service.returncode for service in services if service is not active} == {4}
        until(lambda: pool(product)["epoch"] >= 1)
        active.terminate()
        assert active.wait(STOP_LIMIT_S) == 0
        assert pool(product)["epoch"] == 1
    finally:
        for service in services:
            service.kill()
            service.communicate()


# --- signals ----------------------------------------------------------------------------------------------------


@pytest.mark.speech
def test_sigterm_ends_it_within_ten_seconds_with_every_window_that_was_whole(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        run.serve()
        run.until_decoding(3)
        service, everyone = run.service, family(run.product)
        attempt = open_attempt(run.product, run.run_id)["id"]
        assert service is not None
        service.terminate()
        assert service.wait(STOP_LIMIT_S) == 0
        assert_no_orphans(everyone)
        run.ended(attempt)
        assert run.attempts("transcribe") == ["shutdown"]
        state = body(run.product, run.run_id)
        assert (state["phase"], state["stages"]["transcribe"]["tries"]) == ("queued", 0)
        assert len(unit_numbers(run.product, "transcribe")) >= 1, "a window that was whole is kept"
        assert_sound(run.product)
        run.finish()
        run.judge()


@pytest.mark.speech
def test_a_second_sigterm_ends_it_at_once(tmp_path: Path, reference: Reference) -> None:
    with Killed(tmp_path, reference) as run:
        run.log.gate(1)
        run.serve()
        run.until_held()
        service, everyone = run.service, family(run.product)
        attempt = open_attempt(run.product, run.run_id)["id"]
        assert service is not None
        service.terminate()
        until(lambda: '"stopping"' in run.product.log())
        service.terminate()
        assert service.wait(ORPHAN_LIMIT_S) == -signal.SIGTERM
        assert_no_orphans(everyone)
        run.ended(attempt)
        run.finish()
        run.judge()


def test_the_end_of_a_terminal_is_not_its_end(product: Product) -> None:
    service = product.serve()
    service.send_signal(signal.SIGHUP)
    # A signal is delivered before the answer to the next one: had it ended the service, that end would be seen here.
    service.send_signal(signal.SIGTERM)
    assert service.wait(STOP_LIMIT_S) == 0


# --- disks ------------------------------------------------------------------------------------------------------


@pytest.mark.root
@pytest.mark.speech
def test_a_disk_that_fills_up_during_a_transcription_is_got_over_without_a_hand(
    tmp_path: Path, reference: Reference
) -> None:
    with small_disk(tmp_path / "disk", "size=48m") as folder, Killed(folder, reference) as run:
        log_free = run.log  # its log lies on the same disk: a line that does not fit is one decoding not counted
        log_free.gate(1)
        run.serve()
        run.until_held()
        free = fill_bytes(folder)
        log_free.open()
        until(lambda: "disk" in run.product.log() or run.product.phase(run.run_id) != "running")
        assert run.service is not None
        assert run.service.poll() is None
        assert run.product("status", "--json").json["service"]["alive"]
        free()
        run.finish()
        assert reference.same(run)
        assert_sound(run.product)


@pytest.mark.root
@pytest.mark.speech
def test_running_work_stands_still_below_the_reserve_and_goes_on_by_itself(
    tmp_path: Path, reference: Reference
) -> None:
    with small_disk(tmp_path / "disk", "size=64m") as folder, Killed(folder, reference) as run:
        run.product.environment["REPRISE_FREE_SPACE_BYTES"] = str(12 * 1024**2)
        run.log.gate(1)
        run.serve()
        run.until_held()
        worker = {open_attempt(run.product, run.run_id)["owner"]["pid"]}
        ballast = folder / "ballast"
        ballast.write_bytes(b"x" * (free_bytes(folder) - 8 * 1024**2))
        run.product.wait_for(run.run_id, "paused")
        assert stopped(worker)
        said = run.product("why", run.run_id, "--json").json
        assert (said["code"], said["until"]) == ("disk", None)
        ballast.unlink()
        run.log.open()
        run.product.wait_for(run.run_id, "completed")
        record = body(run.product, run.run_id)
        assert [one["outcome"] for one in record["attempts"]] == ["committed"] * 4
        assert sum(stage["tries"] for stage in record["stages"].values()) == 0
        assert reference.same(run)


@pytest.mark.root
def test_a_full_disk_is_said_by_every_command_that_writes_and_hides_nothing(tmp_path: Path) -> None:
    source = tmp_path / "talk.wav"
    source.write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(1000))
    with small_disk(tmp_path / "disk", "size=4m") as folder:
        product = Product(folder)
        product("list")
        free = fill_bytes(folder)
        answer = product("add", source, "--json", check=False)
        assert answer.code != 0
        assert "disk is full" in answer.error["message"]
        assert product("list", "--json").json["runs"] == []
        free()
        assert product("add", source, "--json").json["runs"]


@pytest.mark.root
def test_a_storage_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=4m") as folder:
        remount(folder, "ro")
        product = Product(folder)
        answer = product("serve", "--json", check=False)
        assert answer.code not in (0, 1)
        assert str(product.storage) in answer.error["message"]
        assert answer.error["hint"]
