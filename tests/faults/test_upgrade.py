"""An upgrade with work in flight: it is drained or ends at a checkpoint, nothing is lost, and a failure goes back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kills import assert_sound, body, end_all
from tests.support.product import ROOT, Product
from tests.support.transcription_kills import Killed, Reference
from tests.support.waiting import until

UPGRADE = ROOT / "docs" / "deploy" / "upgrade.sh"
SCRIPTS = {
    "reprise": 'exec "{python}" -m core "$@"',
    "stop": 'kill -TERM "$(cat "{folder}/pid")"\nuntil "{folder}/reprise" status --json | grep -q \'"alive": *false\'; do sleep 0.1; done',
    "start": 'setsid "{python}" -m core serve --no-api </dev/null >/dev/null 2>>"{folder}/serve.err" &\necho $! >"{folder}/pid"',
    "start_in_vain_once": 'rm "{folder}/broken" 2>/dev/null && exit 3\nexec "{folder}/start"',
}


class Machine:
    """What systemd does on a real one: two commands that stop and start the service of a product."""

    def __init__(self, product: Product, folder: Path) -> None:
        self._product, self.folder = product, folder
        for name, text in SCRIPTS.items():
            path = folder / name
            path.write_text(f"#!/bin/sh\n{text.format(python=sys.executable, folder=folder)}\n")
            path.chmod(0o700)

    def start(self) -> None:
        """The service runs."""
        subprocess.run([self.folder / "start"], env=self._environment(), check=True, cwd=ROOT)
        until(self._product.has_service)

    def upgrade(self, *, drain_s: int, start: str = "start") -> subprocess.CompletedProcess[str]:
        """The script, to its end."""
        settings = {
            "UPGRADE_STOP": str(self.folder / "stop"),
            "UPGRADE_START": str(self.folder / start),
            "UPGRADE_REPRISE": str(self.folder / "reprise"),
            "UPGRADE_AS": "",
            "UPGRADE_DRAIN_S": str(drain_s),
        }
        return subprocess.run(
            [UPGRADE],
            check=False,
            env={**self._environment(), **settings},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
        )

    def _environment(self) -> dict[str, str]:
        environment = self._product.environment
        return {
            **environment,
            "PYTHONPATH": os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")]).rstrip(":"),
        }


@pytest.fixture
def run(tmp_path: Path, reference: Reference) -> Iterator[Killed]:
    with Killed(tmp_path, reference) as made:
        yield made


@pytest.fixture
def machine(run: Killed, tmp_path: Path) -> Machine:
    (tmp_path / "machine").mkdir()
    machine = Machine(run.product, tmp_path / "machine")
    machine.start()
    run.until_decoding(2)
    return machine


@pytest.mark.speech
def test_a_drained_upgrade_interrupts_nothing(run: Killed, machine: Machine) -> None:
    done = machine.upgrade(drain_s=120)
    assert done.returncode == 0, done.stderr
    assert run.product.wait_for(run.run_id, "completed", "failed") == "completed"
    assert {one["outcome"] for one in body(run.product, run.run_id)["attempts"]} == {"committed"}
    assert run.reference.same(run)
    assert_sound(run.product)


@pytest.mark.speech
def test_an_upgrade_that_does_not_wait_ends_work_at_a_checkpoint_and_goes_on_there(
    run: Killed, machine: Machine
) -> None:
    done = machine.upgrade(drain_s=0)
    assert done.returncode == 0, done.stderr
    assert run.product.wait_for(run.run_id, "completed", "failed") == "completed"
    assert run.attempts("transcribe")[-1] == "committed"
    assert set(run.attempts("transcribe")[:-1]) <= {"shutdown", "paused"}
    assert run.reference.same(run)
    assert body(run.product, run.run_id)["stages"]["transcribe"]["work"]["redone"] == 0


@pytest.mark.speech
def test_an_upgrade_that_fails_is_taken_back_and_work_goes_on(run: Killed, machine: Machine) -> None:
    (machine.folder / "broken").touch()
    done = machine.upgrade(drain_s=0, start="start_in_vain_once")
    assert done.returncode == 3, done.stderr
    assert "going back" in done.stderr
    assert run.product.wait_for(run.run_id, "completed", "failed") == "completed"
    assert run.reference.same(run)


@pytest.mark.speech
def test_what_a_person_paused_stays_paused(run: Killed, machine: Machine) -> None:
    run.product("pause", "--reason", "my own")
    assert machine.upgrade(drain_s=0).returncode == 0
    status = run.product("status", "--json").json
    assert status["status"] == "paused"
    assert status["pause"]["why"] == "my own"
    end_all(run.product)
