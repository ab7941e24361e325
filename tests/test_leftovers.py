"""The watch over the tests themselves: what a test leaves behind is seen, named and ended."""

import os
import subprocess
from pathlib import Path

import psutil

from tests.support.leftovers import files_of, survivors


def test_a_file_left_in_the_repository_is_seen_and_source_or_caches_are_not(tmp_path: Path) -> None:
    for name in ("core/new.py", "README.md", ".venv/bin/python", "core/__pycache__/new.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_of(tmp_path) == set()
    (tmp_path / "storage" / "state").mkdir(parents=True)
    (tmp_path / "storage" / "state" / "pool.json").touch()
    assert files_of(tmp_path) == {"storage/state/pool.json"}


def test_a_child_that_outlives_its_test_is_named_and_ended(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"], env={**os.environ, "HOME": str(tmp_path)}) as child:
        assert survivors(str(tmp_path), orphans_only=True, grace_s=0.01) == []
        (found,) = survivors(str(tmp_path), orphans_only=False, grace_s=0.01)
        assert "sleep 600 (started in tests/test_leftovers.py::test_a_child_that_outlives" in found
        assert not psutil.pid_exists(child.pid)


def test_a_process_whose_parent_has_gone_is_an_orphan(tmp_path: Path) -> None:
    command = ["setsid", "sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"]
    started = subprocess.run(command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, check=True)
    (found,) = survivors(str(tmp_path), orphans_only=True, grace_s=0.01)
    assert found.startswith(started.stdout.decode().strip())
    assert survivors(str(tmp_path), orphans_only=True, grace_s=0.01) == []
