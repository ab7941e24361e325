"""Uploads that nobody needs any more are removed: what a run has taken in is published, and stands there a second time."""

import re
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.domain.run import RunRecord
from core.domain.states import StageStatus
from core.manager.index import Index
from core.manager.writer import Writer
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.system import files
from core.system.clock import Clock

KEPT = timedelta(hours=24)
_FOLDER = re.compile(r"[0-9a-f]{16}\Z")  # as the dashboard names them; whatever else lies there is somebody's own
_PARTIAL = ".part"


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

    def drop(self, run_ids: Collection[str]) -> None:
        """Remove what was uploaded for these runs alone: they are deleted for good."""
        runs, _, _ = self._index.everything()
        theirs = {_tail(runs[run_id].source.value) for run_id in run_ids if run_id in runs}
        with files.explained(f"looking through {self._folder}"):
            named = self._named()
            for path, _ in list(self._files()):
                tail = _tail(str(path))
                if tail in theirs and named.get(tail, {}).keys() <= set(run_ids):
                    self._remove(path, "its batch was deleted for good")

    def _files(self) -> Iterator[tuple[Path, datetime]]:
        """The uploaded files and when each was last written to."""
        for folder in sorted(self._folder.iterdir()):
            if _FOLDER.match(folder.name) and folder.is_dir() and not folder.is_symlink():
                for path in sorted(folder.iterdir()):
                    state = path.lstat()
                    if stat.S_ISREG(state.st_mode):
                        yield path, datetime.fromtimestamp(state.st_mtime, UTC)

    def _named(self) -> dict[str, dict[str, RunRecord | None]]:
        """The runs that name an upload, by id; None for one that is named by its batch and is not to be seen just now.

        By the last two parts of the path, which stay when the whole storage is moved.
        """
        runs, batches, _ = self._index.everything()
        named: dict[str, dict[str, RunRecord | None]] = {}
        for run in runs.values():
            if not run.removed:
                named.setdefault(_tail(run.source.value), {})[run.run_id] = run
        for batch in batches.values():
            for member in batch.members:
                if member.run_id not in runs:
                    named.setdefault(_tail(member.source.value), {})[member.run_id] = None
        return named

    def _unneeded(self, path: Path, changed: datetime, named: dict[str, dict[str, RunRecord | None]]) -> str:
        """Why a file is not needed; empty when it is, or may be."""
        users = named.get(_tail(str(path)), {}).values()
        if users:
            return "its runs have taken it in" if all(map(self._has_it, users)) else ""
        if self._clock.now() - changed <= KEPT or self._is_blind():
            return ""
        return "it was broken off" if path.suffix == _PARTIAL else "no run has it as its source"

    def _is_blind(self) -> bool:
        """Whether there is a damaged record of which not even its batch tells what its source is."""
        _, batches, _ = self._index.everything()
        known = {member.run_id for batch in batches.values() for member in batch.members}
        return not known.issuperset(self._index.damaged)

    def _has_it(self, run: RunRecord | None) -> bool:
        """Whether the run has published what it downloaded and is not asked to do so again."""
        if run is None or run.intent.again:
            return False
        state = run.stages.get("download")
        if state is None or state.status != StageStatus.COMMITTED or state.key is None:
            return False
        return self._artifacts.verify("download", state.key, deep=False) is not None

    def _remove(self, path: Path, why: str) -> None:
        size = path.stat().st_size
        path.unlink()
        files.fsync_folder(path.parent)
        with suppress(OSError):  # something else lies there
            path.parent.rmdir()
        self._writer.note("upload.removed", data={"file": path.name, "bytes": size, "why": why})


def _tail(path: str) -> str:
    return "/".join(Path(path).parts[-2:])
