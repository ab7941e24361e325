import os
import signal
import subprocess
import sys

import pytest
from msgspec.structs import replace

from core.system.identity import is_alive, signal_exactly, start_ticks, this_process


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
    assert signal_exactly(owner, signal.SIGKILL) is False


def test_a_process_of_another_boot_is_dead_whatever_its_pid() -> None:
    assert is_alive(replace(this_process(), boot_id="another")) is False


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"pid_namespace": 1}])
def test_what_cannot_be_known_from_here_is_not_assumed(change: dict[str, object]) -> None:
    owner = replace(this_process(), **change)
    assert is_alive(owner) is None
    assert signal_exactly(owner, signal.SIGKILL) is False


@pytest.mark.parametrize("pid", [1, 0, -1, 2**40])
def test_strange_pids_are_never_signalled(pid: int) -> None:
    assert signal_exactly(replace(this_process(), pid=pid), signal.SIGKILL) is False


@pytest.mark.parametrize("pid", [0, -1, 2**40])
def test_strange_pids_name_no_process(pid: int) -> None:
    assert start_ticks(pid) is None
    with pytest.raises(ProcessLookupError):
        this_process(pid)


def test_exactly_the_named_process_gets_the_signal() -> None:
    with a_process() as child:
        assert signal_exactly(this_process(child.pid), signal.SIGTERM) is True
        assert child.wait(10) == -signal.SIGTERM
