"""Listening to media for people who look: each once, by a child process in the background, kept by content.

A page asks again and again and is answered at once with what is known by now; a command may wait for it.
"""

import json
import math
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import msgspec

from core.domain.cuts import Span
from core.domain.errors import CLASSES, ErrorClass, RepriseError, StageError
from core.domain.levels import Levels
from core.stages.sound.ear import kept_levels, kept_voices
from core.stages.sound.recording import BYTES_PER_SAMPLE, NAME, RATE
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.bound import Limits
from core.system.files import free_bytes, make_folder, remove
from core.system.logs import Log
from core.system.programs import run_program, signal_name

KEPT = 500  # media whose sound is remembered: about 60 kB for ten minutes
AGAIN_S = 10.0  # after so long what failed for want of something is tried again
MEMORY_BYTES = 4 * 1024**3
OPEN_FILES = 128

log = Log("manager")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A medium to listen to: its bytes' checksum, where it lies, how long it is, and how many frames a second it has."""

    sha256: str
    path: Path
    duration: float
    fps: float


class Job:
    """One thing that is being found out; `told` is what the child said last, `error` why it came to nothing.

    From the moment `again_at` on (of the monotonic clock) it may be tried again, where that may help.
    """

    def __init__(self) -> None:
        self.over = threading.Event()
        self.told = 0.0
        self.error = ""
        self.again_at = math.inf

    def failed(self, message: str, error_class: ErrorClass) -> None:
        """Remember why; a full disk may have room a little later, a damaged medium stays damaged."""
        self.again_at = monotonic() + AGAIN_S if CLASSES[error_class].retryable else math.inf
        self.error = message


class Listening:
    """Levels and voices of media, found out one after another; thread-safe. `free_space_bytes` of the disk stay free."""

    def __init__(self, layout: Layout, free_space_bytes: int) -> None:
        self._layout, self._free_space_bytes = layout, free_space_bytes
        self._jobs: dict[tuple[str, str], Job] = {}
        self._turn = threading.Semaphore(1)
        self._guard = threading.Lock()
        self._levels: dict[str, Levels] = {}

    def levels(self, asked: Asked) -> Levels | Job:
        """How loud it is, or the job that finds it out, begun if need be."""
        known = self._levels.get(asked.sha256) or kept_levels(self._folder(asked))
        if known is None:
            return self._begun(asked, "levels")
        self._levels = {asked.sha256: known}  # of the one that is looked at: settings are tried one after another
        return known

    def voices(self, asked: Asked) -> tuple[Span, ...] | Job:
        """Where somebody speaks, or the job that finds it out, begun if need be."""
        known = kept_voices(self._folder(asked))
        return known if known is not None else self._begun(asked, "voices")

    def _folder(self, asked: Asked) -> Path:
        return self._layout.sound_of(asked.sha256)

    def _begun(self, asked: Asked, wanted: str) -> Job:
        """The job; one that failed is begun again a little later if that may help, and never by this process if not."""
        with self._guard:
            job = self._jobs.get((asked.sha256, wanted))
            if job is not None and (monotonic() < job.again_at if job.error else not job.over.is_set()):
                return job
            job = self._jobs[asked.sha256, wanted] = Job()
        work = threading.Thread(target=self._work, args=(asked, wanted, job), name=f"listen-{wanted}", daemon=True)
        work.start()
        return job

    def _work(self, asked: Asked, wanted: str, job: Job) -> None:
        try:
            with self._turn:
                self._listen(asked, wanted, job)
        except StageError as error:
            job.failed(error.message, error.error_class)
        except OSError as error:
            job.failed(f"The sound could not be kept: {error.strerror or error}.", ErrorClass.UNKNOWN)
            log.error("listening failed", media=str(asked.path), error=str(error))
        except Exception as error:  # noqa: BLE001 - who waits for a thread that ends without a word begins it again for ever
            said = error.message if isinstance(error, RepriseError) else "It could not be listened to."
            job.failed(said, ErrorClass.UNKNOWN)
            log.error("listening failed", media=str(asked.path), error=repr(error))
        finally:
            job.over.set()

    def _listen(self, asked: Asked, wanted: str, job: Job) -> None:
        folder = self._folder(asked)
        make_folder(folder, durable=False)
        # Another process of ours may listen to the same: who comes second finds it done.
        kept = kept_levels if wanted == "levels" else kept_voices
        with Lock(self._layout.key_lock("sound", asked.sha256)).holding(timeout_s=3600):
            if kept(folder) is None:
                self._ask_child(asked, folder, wanted, job)
            if kept(folder) is None:
                raise StageError(ErrorClass.UNKNOWN, "What was heard of it cannot be read.")
        self._forget_old()

    def _ask_child(self, asked: Asked, folder: Path, wanted: str, job: Job) -> None:
        said: list[StageError] = []
        # Voices are looked for in the unpacked sound, which lies on the disk meanwhile.
        self._require_room(int(asked.duration * RATE * BYTES_PER_SAMPLE) if wanted == "voices" else 0)

        def hear(line: str) -> None:
            if line.startswith("{"):
                told = json.loads(line)
                said.append(StageError(ErrorClass(told["error"]), str(told["message"])))
            else:
                job.told = float(line)

        argv = [sys.executable, "-m", "core.stages.sound.child", str(asked.path), str(folder), wanted]
        limits = Limits(address_space_bytes=MEMORY_BYTES, open_files=OPEN_FILES)
        here = Path(__file__).parents[2]
        try:
            # Others write too, and a header may say that it is shorter than it is.
            ended = run_program(argv, check=lambda: self._require_room(0), on_line=hear, cwd=here, limits=limits)
        finally:
            for left in (NAME, f"{NAME}.part"):  # by a child that was ended
                remove(folder / left)
        if ended.returncode != 0:
            how = signal_name(ended.returncode)
            raise said[-1] if said else StageError(ErrorClass.NOT_MEDIA, f"Listening to it ended with {how}.")

    def _require_room(self, needed: int) -> None:
        needed += self._free_space_bytes
        if (free := free_bytes(self._layout.root)) < needed:
            raise StageError(
                ErrorClass.DISK_FULL,
                f"Only {free / 1e6:.0f} MB are free on the disk; listening to it needs {needed / 1e6:.0f} MB.",
            )

    def _forget_old(self) -> None:
        known = sorted(self._layout.sound.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in known[KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)


def wait(found: Callable[[], object]) -> None:
    """Ask `found` again until what it gives is no job any more, or one that failed."""
    while isinstance(job := found(), Job) and not job.error:
        job.over.wait()
