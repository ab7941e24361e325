"""The inbox: a folder that is watched; each recording in it becomes a run once, when it has stopped growing.

What was taken, or refused with the reason, is noted in `state/inbox.json`, by path, size and time of the last change. A
file that goes away is forgotten. Files stay where they are; what lies there belongs to whoever put it there.
"""

import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec

from core.config import Config
from core.domain.batch import MAX_RUNS
from core.domain.captions import FORMATS
from core.domain.errors import RepriseError
from core.manager.index import Index
from core.manager.intake import Intake, Submission
from core.manager.sidecars import belongs
from core.manager.templates import Template
from core.store.layout import Layout
from core.system import files
from core.system.clock import Clock
from core.system.logs import Log

LOOK_S, SOON_S = 5.0, 1.0
TROUBLE_S = 30.0
MAX_LEDGER_BYTES = 64 * 2**20
# What browsers and copying programs call a file they are not done with.
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".filepart", ".ytdl", "~")
_log = Log("inbox")


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of the inbox: the batch it is in, or why it was not taken."""

    size: int
    mtime_ns: int
    batch_id: str | None = None
    why: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The inbox as it is shown: its folders, the files that are not taken yet, and those that were refused with why."""

    folders: tuple[str, ...]
    growing: tuple[str, ...]
    refused: dict[str, str]
    taken: int


Stamp = tuple[int, int]  # size and mtime in ns


class Inbox:
    """Looked into by the service at every turn; files are read by a thread of its own, so that no turn waits for one."""

    def __init__(
        self,
        intake: Intake,
        usual: Callable[[], Template],
        *,
        index: Index,
        layout: Layout,
        config: Config,
        clock: Clock,
        actor: str,
        ring: Callable[[], None] = lambda: None,
        spawn: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._folders, self._settle_s = inbox_folders(layout, config.inbox), config.inbox_settle_s
        self._ledger_path = ledger_path(layout)
        self._index, self._intake, self._usual, self._actor = index, intake, usual, actor
        self._clock, self._ring, self._spawn = clock, ring, spawn or _in_a_thread
        self._seen: dict[Path, tuple[Stamp, float]] = {}
        self._ledger: dict[str, Noted] | None = None
        self._came_again: set[Path] = set()  # what was taken away; when it is there again somebody wants it again
        self._busy = threading.Event()
        self._next_at_s = 0.0  # on the monotonic clock

    def turn(self) -> float:
        """Look, if it is time, and hand what is ready to the thread; the seconds until it is time again."""
        now_s = self._clock.monotonic()
        if self._busy.is_set() or now_s < self._next_at_s:
            return max(SOON_S, self._next_at_s - now_s)
        try:
            if self._ledger is None:
                self._ledger = read_ledger(self._ledger_path)
            waiting = self._look(now_s)
            captions = [path for path in self._seen if path.suffix.lower() in FORMATS]
            ready = list(islice((path for path in waiting if self._is_ready(path, captions, now_s)), MAX_RUNS))
        except OSError as error:
            _log.error("inbox_unreadable", error=str(error))
            self._next_at_s = now_s + TROUBLE_S
            return TROUBLE_S
        self._next_at_s = now_s + (SOON_S if waiting else LOOK_S)
        if ready:
            self._busy.set()
            self._spawn(lambda: self._take(ready))
        return max(SOON_S, self._next_at_s - now_s)

    def _look(self, now_s: float) -> list[Path]:
        """The files that are not noted yet, in order; since when each is as it is now is remembered."""
        assert self._ledger is not None
        found = {path: stamp for folder in self._folders for path, stamp in _files(folder)}
        for name in [name for name in self._ledger if Path(name) not in found and self._is_gone(Path(name))]:
            del self._ledger[name]
            self._came_again.add(Path(name))
        self._seen = {
            path: known if (known := self._seen.get(path)) is not None and known[0] == stamp else (stamp, now_s)
            for path, stamp in found.items()
        }
        media = [
            path for path in found if path.suffix.lower() not in FORMATS and not _is_noted(self._ledger, path, found)
        ]
        return sorted(media)

    def _is_ready(self, path: Path, captions: Sequence[Path], now_s: float) -> bool:
        """Whether it, and each of the `captions` that belongs to it, stopped growing and is open for writing nowhere."""
        if not self._stands_still(path, now_s):
            return False  # without a look at thousands of others, in every turn of the service
        mine = (other for other in captions if other.parent == path.parent and belongs(other.name, path.name))
        return all(self._stands_still(other, now_s) for other in mine)

    def _stands_still(self, path: Path, now_s: float) -> bool:
        return now_s - self._seen[path][1] >= self._settle_s and not _is_being_written(path)

    def _is_gone(self, path: Path) -> bool:
        """Whether a file that was not found is really away, and not its whole folder, such as a disk that is not mounted."""
        if path.parent not in self._folders or not path.parent.is_dir():
            return False
        return path.parent == self._folders[0] or any(path.parent.iterdir())  # the first is in the storage itself

    def _take(self, ready: list[Path]) -> None:
        """In the thread: make a batch of files and note what became of each."""
        try:
            self._note(self._added(ready))
        except (RepriseError, OSError) as error:  # the next look tries again
            _log.error("inbox_not_taken", error=str(error))
            self._next_at_s = self._clock.monotonic() + TROUBLE_S
        finally:
            self._busy.clear()
            self._ring()

    def _added(self, ready: list[Path]) -> dict[str, Noted]:
        stamps = {path: self._seen[path][0] for path in ready}
        known = {path: batch_id for path in ready if (batch_id := self._batch_of(path)) is not None}
        notes = {
            path: Noted(size=size, mtime_ns=mtime, batch_id=known.get(path)) for path, (size, mtime) in stamps.items()
        }
        fresh = [str(path) for path in ready if path not in known]
        if fresh:
            usual = self._usual()
            submission = Submission(
                sources=tuple(fresh),
                description="From the inbox",
                settings=usual.settings,
                priority=usual.priority,
                concurrency=usual.concurrency,
            )
            added = self._intake.add(submission, self._actor)
            refused = {
                Path(one.source): one.message.replace(one.source, Path(one.source).name) for one in added.rejected
            }
            for path in map(Path, fresh):
                why = refused.get(path, "")
                notes[path] = msgspec.structs.replace(notes[path], batch_id=None if why else added.batch_id, why=why)
                if why:
                    _log.info("inbox_refused", file=str(path), why=why)
        return {str(path): note for path, note in notes.items() if not _changed(path, stamps[path])}

    def _batch_of(self, path: Path) -> str | None:
        """The batch that has this very file, if a crash came between making that and noting it."""
        if path in self._came_again:
            return None
        runs = [run for run in self._index.snapshot()[0].values() if run.source.value == str(path)]
        size = files.size_of(path)
        alike = [run for run in runs if run.source.size == size and run.source.sha256]
        if not alike:
            return None
        digest = files.sha256_file(path)
        return next((run.batch_id for run in alike if run.source.sha256 == digest), None)

    def _note(self, notes: dict[str, Noted]) -> None:
        assert self._ledger is not None
        self._ledger = self._ledger | notes
        self._came_again.difference_update(map(Path, notes))
        files.write_durably(self._ledger_path, msgspec.json.encode(self._ledger))


def inbox_folders(layout: Layout, configured: str) -> tuple[Path, ...]:
    """The folders that are watched: that of the storage, and the configured one."""
    more = (Path(configured).expanduser().absolute(),) if configured else ()
    return (layout.inbox, *(folder for folder in more if folder != layout.inbox))


def ledger_path(layout: Layout) -> Path:
    """Where it is noted what became of the files."""
    return layout.state / "inbox.json"


def read_ledger(path: Path) -> dict[str, Noted]:
    """What is noted; nothing when nothing can be believed: then each file is compared with what the runs have."""
    try:
        return msgspec.json.decode(files.read_regular(path, MAX_LEDGER_BYTES), type=dict[str, Noted])
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def look_into(layout: Layout, configured: str) -> Waiting:
    """The inbox as a page shows it. Raises `StorageError`."""
    with files.explained("looking into the inbox"):
        ledger, folders = read_ledger(ledger_path(layout)), inbox_folders(layout, configured)
        found = {path: stamp for folder in folders for path, stamp in _files(folder)}
    media = {path for path in found if path.suffix.lower() not in FORMATS}
    noted = {path: ledger[str(path)] for path in media if _is_noted(ledger, path, found)}
    return Waiting(
        folders=tuple(map(str, folders)),
        growing=tuple(sorted(path.name for path in media - noted.keys())),
        refused={path.name: note.why for path, note in sorted(noted.items()) if note.why},
        taken=sum(not note.why for note in noted.values()),
    )


def _files(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    """The regular files directly in a folder that are neither hidden nor named as unfinished; none when it is not there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
                continue
            with suppress(FileNotFoundError):  # renamed while we looked
                state = entry.lstat()
                if stat.S_ISREG(state.st_mode) and state.st_size:
                    yield entry, (state.st_size, state.st_mtime_ns)


def _is_noted(ledger: dict[str, Noted], path: Path, found: dict[Path, Stamp]) -> bool:
    note = ledger.get(str(path))
    return note is not None and (note.size, note.mtime_ns) == found[path]


def _changed(path: Path, stamp: Stamp) -> bool:
    try:
        state = path.lstat()
    except OSError:
        return False  # its run says that it is gone
    return (state.st_size, state.st_mtime_ns) != stamp


def _is_being_written(path: Path) -> bool:
    """Whether some process has the file open for writing, where the kernel tells: it grants no lease then."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False  # what is wrong with it is said when it is added
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # of another user, or on a file system without leases
    finally:
        os.close(fd)
    return False


def _in_a_thread(step: Callable[[], None]) -> None:
    threading.Thread(target=step, name="inbox", daemon=True).start()
