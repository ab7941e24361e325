import os
import subprocess
import sys

import pytest
from msgspec.structs import replace

from core.system.identity import is_alive, start_ticks, this_process


def a_process() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


def test_this_process_is_alive_and_so_is_a_child_until_it_ends() -> None:
    assert is_alive(this_process()) is True
    with a_process() as child:
        owner = this_process(child.pid)
        assert is_alive(owner) is True
        child.kill()
        # A zombie works on nothing any more.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(owner) is False
    assert is_alive(owner) is False


def test_a_reused_pid_is_not_mistaken_for_the_process_before() -> None:
    owner = replace(this_process(), start_ticks=this_process().start_ticks - 1)
    assert is_alive(owner) is False


def test_a_process_of_another_boot_is_dead_whatever_its_pid() -> None:
    assert is_alive(replace(this_process(), boot_id="another")) is False


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"pid_namespace": 1}])
def test_what_cannot_be_known_from_here_is_not_assumed(change: dict[str, object]) -> None:
    owner = replace(this_process(), **change)
    assert is_alive(owner) is None


@pytest.mark.parametrize("pid", [0, -1, 2**40])
def test_strange_pids_name_no_process(pid: int) -> None:
    assert start_ticks(pid) is None
    with pytest.raises(ProcessLookupError):
        this_process(pid)
