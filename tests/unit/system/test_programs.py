"""Outside programs die with their parent, stop at once, and cannot flood the memory."""

import os
import resource
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.system.programs import Limits, Program, run_program, signal_name

ROOT = Path(__file__).parents[3]


def never() -> None:
    """A check that lets everything go on."""


@contextmanager
def watched(pid: int) -> Iterator[int]:
    """A descriptor that becomes readable when the process `pid` has ended, whoever its parent is."""
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def has_ended(pidfd: int, timeout_s: float = 10.0) -> bool:
    return bool(select.select([pidfd], [], [], timeout_s)[0])


def test_the_return_code_and_the_last_lines_of_both_streams_are_told() -> None:
    ended = run_program(["sh", "-c", "echo one; echo two; echo wrong >&2; exit 3"], check=never)
    assert (ended.returncode, ended.tail_stdout, ended.tail_stderr) == (3, ("one", "two"), ("wrong",))


def test_every_line_is_heard_while_the_program_runs_and_only_the_last_forty_are_kept() -> None:
    heard: list[str] = []
    ended = run_program(["seq", "1", "1000"], check=never, on_line=heard.append)
    assert heard == [str(number) for number in range(1, 1001)]
    assert ended.tail_stdout == tuple(heard[-40:])


def test_standard_input_of_any_size_reaches_the_program() -> None:
    assert run_program(["wc", "-c"], check=never, stdin=b"x" * 1_000_000).tail_stdout == ("1000000",)


def test_input_that_the_program_does_not_read_is_no_error() -> None:
    assert run_program(["true"], check=never, stdin=b"x" * 1_000_000).returncode == 0


def test_a_flood_without_line_ends_is_cut_and_does_not_stay_in_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    script = "head -c 200000000 /dev/zero | tr '\\0' x >&2; echo the end >&2"
    ended = run_program(["sh", "-c", script], check=never, max_line_bytes=1000)
    assert [len(line) for line in ended.tail_stderr] == [1000]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kilobytes


def test_lines_may_end_with_a_carriage_return_as_progress_bars_do() -> None:
    assert run_program(["printf", "1%%\r2%%\r3%%"], check=never).tail_stdout == ("1%", "2%", "3%")


def test_output_that_is_no_text_is_handed_over_byte_for_byte() -> None:
    heard: list[bytes] = []
    ended = run_program(["sh", "-c", "head -c 1000000 /dev/zero; echo wrong >&2"], check=never, on_data=heard.append)
    assert b"".join(heard) == bytes(1_000_000)
    assert (ended.tail_stdout, ended.tail_stderr) == ((), ("wrong",))


def test_a_missing_program_is_a_fault_of_the_tooling_that_names_it() -> None:
    with pytest.raises(StageError, match="no-such-tool is missing") as caught:
        run_program(["no-such-tool"], check=never)
    assert caught.value.error_class == ErrorClass.TOOLING


def test_a_file_that_is_no_program_is_a_fault_of_the_tooling(tmp_path: Path) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_bytes(b"\x7fELF nonsense")
    fake.chmod(0o755)
    with pytest.raises(StageError, match="ffmpeg: Exec format error") as caught:
        run_program([fake], check=never)
    assert caught.value.error_class == ErrorClass.TOOLING


def test_a_stop_ends_the_program_before_it_is_raised() -> None:
    pids: list[int] = []
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise Stop

    def note(line: str) -> None:
        pids.append(int(line))
        stopped.set()

    with pytest.raises(Stop):
        run_program(["sh", "-c", "echo $$; exec sleep 60"], check=check, on_line=note)
    assert not psutil.pid_exists(pids[0])


def test_a_program_that_ignores_the_polite_signal_is_killed() -> None:
    started = threading.Event()

    def check() -> None:
        if started.is_set():
            raise Stop

    with pytest.raises(Stop):
        run_program(
            ["sh", "-c", "trap '' TERM; echo ready; exec sleep 60"],
            check=check,
            on_line=lambda _: started.set(),
            grace_s=0.1,
        )
    assert not [child for child in psutil.Process().children() if child.name() == "sleep"]


def test_check_is_asked_at_least_four_times_a_second_also_when_the_program_talks_without_pause() -> None:
    asked: list[None] = []
    for script in ("sleep 1", "end=$(($(date +%s%N) + 1000000000)); while [ $(date +%s%N) -lt $end ]; do echo x; done"):
        asked.clear()
        run_program(["bash", "-c", script], check=lambda: asked.append(None))
        assert len(asked) >= 4, script


def test_a_program_that_does_not_end_in_time_is_ended() -> None:
    with pytest.raises(StageError, match=r"sleep did not end within 0\.3 seconds"):
        run_program(["sleep", "60"], check=never, timeout_s=0.3)


def test_a_killed_parent_takes_its_program_along() -> None:
    code = (
        "from core.system.programs import run_program\n"
        "run_program(['sh', '-c', 'echo $$; exec sleep 60'], check=lambda: None, on_line=lambda x: print(x, flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        with watched(pid) as pidfd:
            parent.send_signal(signal.SIGKILL)
            assert has_ended(pidfd)


def test_a_program_stays_in_our_process_group_so_that_killing_the_group_reaches_it() -> None:
    ended = run_program(["sh", "-c", "ps -o pgid= -p $$ || cut -d' ' -f5 /proc/$$/stat"], check=never)
    assert int(ended.tail_stdout[0]) == os.getpgrp()


def test_signals_that_python_ignores_are_as_usual_in_the_program() -> None:
    ended = run_program(["sh", "-c", "grep SigIgn /proc/$$/status"], check=never)
    ignored = int(ended.tail_stdout[0].split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


def test_the_kernel_holds_a_program_to_its_limits(tmp_path: Path) -> None:
    limits = Limits(file_size_bytes=100_000, open_files=32, address_space_bytes=2**30, cpu_s=5)
    ended = run_program(["sh", "-c", "ulimit -n; ulimit -v; ulimit -t; ulimit -c"], check=never, limits=limits)
    assert ended.tail_stdout == ("32", str(2**20), "5", "0")
    target = tmp_path / "large"
    run_program(["head", "-c", "200000", "/dev/zero"], check=never, limits=limits)
    ended = run_program(["dd", "if=/dev/zero", f"of={target}", "bs=1000", "count=200"], check=never, limits=limits)
    assert ended.returncode != 0
    assert target.stat().st_size == 100_000


def test_leaving_the_block_early_ends_the_program() -> None:
    with Program(["sh", "-c", "echo ready; exec sleep 60"], check=never) as program:
        assert next(program.lines()) == ("stdout", "ready")
        with watched(program.pid) as pidfd:
            program.terminate()
            assert has_ended(pidfd, 0)


def test_a_grandchild_that_keeps_the_pipes_open_is_not_waited_for() -> None:
    heard: list[str] = []
    ended = run_program(["sh", "-c", "sleep 60 & echo $!; exit 0"], check=never, on_line=heard.append, timeout_s=10)
    os.kill(int(heard[0]), signal.SIGKILL)
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")]
)
def test_a_return_code_is_told_in_words(code: int, words: str) -> None:
    assert signal_name(code) == words
