import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.domain.errors import StorageError
from core.store.locks import Lock
from core.system.identity import this_process
from tests.support.shortage import no_more_descriptors

HOLDER = """
import sys
from pathlib import Path
from core.store.locks import Lock
lock = Lock(Path(sys.argv[1]))
assert lock.acquire()
print("held", flush=True)
sys.stdin.readline()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock; it has it when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_held_by_another_process_is_free_the_moment_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "r_a.owner"
    lock = Lock(path)
    with holder(path) as other:
        assert lock.acquire() is False
        assert lock.held_by_other() is True
        owner = lock.holder()
        assert owner is not None
        assert owner.pid == other.pid
        other.kill()
        other.wait()
        assert lock.held_by_other() is False
        assert lock.acquire() is True
    assert lock.holder() == this_process()
    lock.release()
    assert path.exists(), "lock files are never deleted"


def test_a_second_lock_in_this_process_waits_too(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "x"), Lock(tmp_path / "x")
    assert first.acquire()
    assert second.held_by_other()
    assert not first.held_by_other()
    assert not second.acquire(0.02)
    first.release()
    assert second.acquire(1)
    second.release()


def test_a_lock_taken_in_one_thread_is_released_in_another(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "x")
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    assert lock.held()
    lock.release()
    lock.release()
    assert Lock(tmp_path / "x").acquire()


def test_whoever_waits_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "x"), Lock(tmp_path / "x")
    assert first.acquire()
    got: list[bool] = []
    thread = threading.Thread(target=lambda: got.append(second.acquire(10)))
    thread.start()
    first.release()
    thread.join()
    assert got == [True]
    second.release()


def test_a_block_that_cannot_have_the_lock_names_the_holder(tmp_path: Path) -> None:
    named = pytest.raises(StorageError, match=f"process {os.getpid()}")
    with Lock(tmp_path / "x").holding(), named, Lock(tmp_path / "x").holding(0.02):
        pytest.fail("it was held")


def test_a_lock_file_deleted_by_hand_does_not_split_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x"
    stale = os.open(path, os.O_RDWR | os.O_CREAT)
    lock = Lock(path)

    class Deleting(Lock):
        """Somebody deletes and makes the file between our open and our look at it."""

        tries = 0

        def _acquired(self, fd: int) -> None:
            self.tries += 1
            if self.tries == 1:
                path.unlink()
                path.touch()
            super()._acquired(fd)

    deleting = Deleting(path)
    assert deleting.acquire()
    assert deleting.tries == 2, "the first file locked was not the one at the path"
    assert lock.acquire() is False
    deleting.release()
    os.close(stale)


@pytest.mark.parametrize("kind", ["folder", "symlink", "fifo"])
def test_what_cannot_be_a_lock_is_said_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    target = tmp_path / "target"
    target.write_text("untouched")
    if kind == "folder":
        path.mkdir()
    elif kind == "symlink":
        path.symlink_to(target)
    else:
        os.mkfifo(path)
    with pytest.raises(StorageError):
        Lock(path).acquire(1)
    assert target.read_text() == "untouched"


def test_no_more_descriptors_is_not_taken_for_held(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "x")
    with no_more_descriptors(), pytest.raises(StorageError, match="Too many open files"):
        lock.acquire()
    assert lock.acquire()
    lock.release()


def test_looking_makes_no_file_and_takes_nothing(tmp_path: Path) -> None:
    assert Lock(tmp_path / "x").held_by_other() is False
    assert Lock(tmp_path / "x").holder() is None
    assert not (tmp_path / "x").exists()


def test_garbage_in_a_lock_file_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff{")
    assert Lock(tmp_path / "x").holder() is None


def test_a_shorter_name_leaves_nothing_of_the_longer_one_before_it(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x" * 4000)
    lock = Lock(tmp_path / "x")
    assert lock.acquire()
    assert lock.holder() == this_process()
    lock.release()


def test_a_lock_that_was_waited_for_is_held_and_let_go_like_one_that_was_free(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "x"), Lock(tmp_path / "x")
    assert first.acquire()
    thread = threading.Thread(target=second.acquire, args=(10,))
    thread.start()
    first.release()
    thread.join()
    assert second.held()
    assert first.held_by_other()
    assert not first.acquire()
    with pytest.raises(StorageError, match="already held"):
        second.acquire()
    second.release()
    assert not second.held()
    assert first.acquire()
    first.release()


def test_a_block_lets_go_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Lock(tmp_path / "x").holding(1):
        raise KeyError
    assert not Lock(tmp_path / "x").held_by_other()


def test_a_lock_that_is_thrown_away_is_not_held(tmp_path: Path) -> None:
    assert Lock(tmp_path / "x").acquire()
    gc.collect()
    assert not Lock(tmp_path / "x").held_by_other()
