"""An upgrade with work in flight: it is drained or ends at a checkpoint, nothing is lost, and a failure goes back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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

    def upgrade(
        self, *arguments: str, drain_s: int = 0, start: str = "start", script: Path = UPGRADE
    ) -> subprocess.CompletedProcess[str]:
        """The script, to its end."""
        settings = {
            "UPGRADE_STOP": str(self.folder / "stop"),
            "UPGRADE_START": str(self.folder / start),
            "UPGRADE_REPRISE": str(self.folder / "reprise"),
            "UPGRADE_AS": "",
            "UPGRADE_DRAIN_S": str(drain_s),
        }
        return subprocess.run(
            [script, *arguments],
            check=False,
            env={**self._environment(), **settings},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
        )

    def status(self) -> dict[str, Any]:
        """What the product says of itself."""
        found: dict[str, Any] = self._product("status", "--json").json
        return found

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


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose service has nothing to do."""
    product = Product(tmp_path)
    (tmp_path / "machine").mkdir()
    machine = Machine(product, tmp_path / "machine")
    machine.start()
    yield machine
    end_all(product)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    return subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The script in a working copy of its own, whose remote has gone one commit further since it was cloned."""
    remote = tmp_path / "remote"
    (remote / "docs" / "deploy").mkdir(parents=True)
    shutil.copy(UPGRADE, remote / "docs" / "deploy")
    git(remote, "init", "--quiet", "--initial-branch=main")
    git(remote, "add", ".")
    git(remote, "commit", "--quiet", "--message=installed")
    git(tmp_path, "clone", "--quiet", str(remote), "copy")
    git(remote, "commit", "--quiet", "--allow-empty", "--message=newer")
    git(remote, "tag", "v2.1")
    return tmp_path / "copy" / "docs" / "deploy" / "upgrade.sh"


@pytest.mark.parametrize("version", ["main", "v2.1"])
def test_a_branch_is_upgraded_to_where_it_is_now_as_a_tag_is(empty: Machine, script: Path, version: str) -> None:
    done = empty.upgrade(version, script=script)
    assert done.returncode == 0, done.stderr
    assert git(script.parent, "log", "-1", "--format=%s").strip() == "newer"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["v9"], "there is no version v9"),
        (["--force"], "there is no option --force"),
        (["v2.1", "v9"], "one version is taken, not 2"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_paused(
    empty: Machine, script: Path, arguments: list[str], said: str
) -> None:
    done = empty.upgrade(*arguments, script=script)
    assert (done.returncode, said in done.stderr, "stopping" in done.stderr) == (2, True, False)
    assert empty.status()["pause"] is None
    assert git(script.parent, "log", "-1", "--format=%s").strip() == "installed"


def test_files_changed_by_hand_are_not_run_into_when_all_has_stopped(empty: Machine, script: Path) -> None:
    with script.open("a") as file:
        file.write("# mine\n")
    done = empty.upgrade("v2.1", script=script)
    assert (done.returncode, "changed by hand" in done.stderr) == (2, True)
    assert empty.status()["service"]["alive"]


def test_who_asks_for_help_upgrades_nothing(empty: Machine, script: Path) -> None:
    done = empty.upgrade("--help", script=script)
    assert (done.returncode, "without losing work" in done.stdout, done.stderr) == (0, True, "")
    assert git(script.parent, "log", "-1", "--format=%s").strip() == "installed"
