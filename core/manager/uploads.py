"""Uploads that nobody needs any more are removed: what a run has taken in is published, and stands there a second time."""

import re
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.domain.batch import BatchRecord
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, StageStatus
from core.manager.index import Index
from core.manager.writer import Writer
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.store.uploads import NOTE, PARTIAL, REMOVED
from core.system import files
from core.system.clock import Clock

KEPT = timedelta(hours=24)
_FOLDER = re.compile(
    rf"[0-9a-f]{{16}}({re.escape(REMOVED)})?\Z"
)  # as the store names them; whatever else lies there is somebody's own


class Uploads:
    """Looks through the folder of uploads. What a run may still read is never touched, whatever its age."""

    def __init__(self, *, index: Index, writer: Writer, artifacts: Artifacts, layout: Layout, clock: Clock) -> None:
        self._index, self._writer, self._artifacts = index, writer, artifacts
        self._folder, self._clock = layout.uploads, clock

    def clean(self) -> None:
        """Remove what is not needed, each with a line in the journal. Raises `StorageError` when the disk refuses."""
        with files.explained(f"looking through {self._folder}"):
            found = list(self._files())
            if not found:
                return
            named = self._named()
            for path, changed in found:
                why = self._unneeded(path, changed, named)
                if why:
                    self._remove(path, why)

    def drop(self, run_ids: Collection[str], why: str = "its batch was deleted for good") -> None:
        """Remove what was uploaded for these runs alone, because of `why`."""
        runs, _, _ = self._index.everything()
        theirs = {_tail(path) for run_id in run_ids if run_id in runs for path in runs[run_id].source.paths()}
        with files.explained(f"looking through {self._folder}"):
            named = self._named()
            for path, _ in list(self._files()):
                tail = _tail(str(path))
                if tail in theirs and named.get(tail, {}).keys() <= set(run_ids):
                    self._remove(path, why)

    def _files(self) -> Iterator[tuple[Path, datetime]]:
        """The uploaded files and when each was last written to; for one of which nothing has come, its note."""
        for folder in sorted(self._folder.iterdir()):
            if _FOLDER.match(folder.name) and folder.is_dir() and not folder.is_symlink():
                states = {path: path.lstat() for path in sorted(folder.iterdir())}
                regular = [path for path, state in states.items() if stat.S_ISREG(state.st_mode)]
                for path in [path for path in regular if path.name != NOTE] or regular:
                    yield path, datetime.fromtimestamp(states[path].st_mtime, UTC)

    def _named(self) -> dict[str, dict[str, RunRecord | None]]:
        """The runs that name an upload, by id; None for one that is named by its batch and is not to be seen just now.

        By the last two parts of the path, which stay when the whole storage is moved. What was uploaded for a batch that
        was cancelled before it began is named by nobody.
        """
        runs, batches, _ = self._index.everything()
        named: dict[str, dict[str, RunRecord | None]] = {}
        for run in runs.values():
            for path in run.source.paths() if not run.removed and not _came_to_nothing(run, batches) else ():
                named.setdefault(_tail(path), {})[run.run_id] = run
        for batch in batches.values():
            for member in batch.members:
                for path in member.source.paths() if member.run_id not in runs else ():
                    named.setdefault(_tail(path), {})[member.run_id] = None
        return named

    def _unneeded(self, path: Path, changed: datetime, named: dict[str, dict[str, RunRecord | None]]) -> str:
        """Why a file is not needed; empty when it is, or may be."""
        users = named.get(_tail(str(path)), {}).values()
        if users:
            return "its runs have taken it in" if all(self._has_it(run, path) for run in users) else ""
        if self._clock.now() - changed <= KEPT or self._is_blind():
            return ""
        return "it was broken off" if path.name == NOTE or path.suffix == PARTIAL else "no run has it as its source"

    def _is_blind(self) -> bool:
        """Whether there is a damaged record of which not even its batch tells what its source is."""
        _, batches, _ = self._index.everything()
        known = {member.run_id for batch in batches.values() for member in batch.members}
        return not known.issuperset(self._index.damaged)

    def _has_it(self, run: RunRecord | None, path: Path) -> bool:
        """Whether the run has published the recording in this file and is not asked to do so again.

        A transcript is small, and read again whenever its run is to be transcribed again: it stays as long as the run.
        """
        if run is None or run.intent.again or _tail(run.source.value) != _tail(str(path)):
            return False
        state = run.stages.get("download")
        if state is None or state.status != StageStatus.COMMITTED or state.key is None:
            return False
        return self._artifacts.verify("download", state.key, deep=False) is not None

    def _remove(self, path: Path, why: str) -> None:
        size = path.stat().st_size if path.name != NOTE else 0
        path.unlink()
        if not any(other.name != NOTE for other in path.parent.iterdir()):
            (path.parent / NOTE).unlink(missing_ok=True)
        files.fsync_folder(path.parent)
        with suppress(OSError):  # something else lies there
            path.parent.rmdir()
        self._writer.note("upload.removed", data={"file": path.name, "bytes": size, "why": why})


def _came_to_nothing(run: RunRecord, batches: Mapping[str, BatchRecord]) -> bool:
    """Whether the run was cancelled together with its batch before that was ever started."""
    batch = batches.get(run.batch_id)
    return batch is not None and batch.phase == BatchPhase.CANCELLED and batch.started_at is None


def _tail(path: str) -> str:
    return "/".join(Path(path).parts[-2:])
