"""Playlists: one run turns out to be many, and the others are made, however often that is interrupted."""

from pathlib import Path

from core.domain.errors import BadInput
from core.domain.plan import stages_for
from core.domain.run import Entry, RunRecord, Source
from core.domain.settings import Settings
from core.domain.states import BatchPhase
from core.manager.index import Index
from core.manager.writer import Writer
from core.runner.outcome import Playlist
from core.stages.catalog import Catalog
from core.stages.download.archive import archive_id, read_archive
from core.stages.download.source import space_id
from core.store.layout import new_run_id
from core.system.clock import Clock
from core.system.logs import Log

log = Log("manager")


class Playlists:
    """Names the runs a playlist will have, and makes those that are not there yet."""

    def __init__(self, index: Index, writer: Writer, catalog: Catalog, clock: Clock) -> None:
        self._index, self._writer, self._catalog, self._clock = index, writer, catalog, clock
        self._changes = index.follow()
        self._parents: set[str] = set()  # the runs that were found to be playlists

    def entries(self, outcome: Playlist, run: RunRecord) -> tuple[Entry, ...]:
        """The videos of the playlist that the batch takes: new to it, at most its limit, each with the id its run gets."""
        batch = self._index.batches[run.batch_id]
        runs = [other for other in self._index.everything()[0].values() if other.batch_id == run.batch_id]
        there = {other.run_id: other.space_id for other in runs}
        # Runs that are only named so far count too: two lists may be heard of in one turn.
        there |= {
            entry.run_id: entry.space_id for other in runs for entry in other.entries if entry.run_id not in there
        }
        known = {space for run_id, space in there.items() if run_id != run.run_id}
        room = min(batch.playlist_limit, batch.max_runs - len(there) + 1)
        archived = self._archived(run)
        entries: list[Entry] = []
        for found in outcome.entries:
            space = space_id(Source(kind="url", value=found.url))
            if space in known or len(entries) >= room or (archived and archive_id(found.url) in archived):
                continue
            known.add(space)
            run_id = new_run_id(self._clock) if entries else run.run_id
            entries.append(Entry(run_id=run_id, space_id=space, url=found.url, title=found.title))
        return tuple(entries)

    def expand(self) -> None:
        """Make the runs that some run's playlist names and that do not exist; doing it twice changes nothing."""
        for parent in self._read():
            runs, damaged = self._index.runs, self._index.damaged  # a lost one is made again by recovery
            missing = [entry for entry in parent.entries if entry.run_id not in runs and entry.run_id not in damaged]
            batch = self._index.batches.get(parent.batch_id)
            if not missing or batch is None or batch.phase == BatchPhase.DELETED:
                continue
            position = max(run.position for run in list(runs.values()) if run.batch_id == parent.batch_id)
            settings = parent.settings or batch.settings
            for number, entry in enumerate(missing, start=1):
                self._writer.new_run(self._child(parent, entry, position + number, settings))
            self._writer.note(
                "run.expanded",
                run_id=parent.run_id,
                batch_id=parent.batch_id,
                data={"playlist": parent.playlist, "runs": len(missing)},
            )

    def _archived(self, run: RunRecord) -> frozenset[str]:
        """What the list leaves out since it was downloaded before; nothing once the archive cannot be read any more."""
        if run.source.archive is None:
            return frozenset()
        try:
            return frozenset(read_archive(Path(run.source.archive)))
        except BadInput as error:
            log.error("archive_unreadable", run=run.run_id, error=error.message)
            return frozenset()

    def _read(self) -> list[RunRecord]:
        """The runs that are playlists; only what changed is looked at for that."""
        runs = self._index.runs
        for run_id in self._changes.take()[0]:
            run = runs.get(run_id)
            (self._parents.add if run is not None and run.entries else self._parents.discard)(run_id)
        return [run for run_id in sorted(self._parents) if (run := runs.get(run_id)) is not None]

    def _child(self, parent: RunRecord, entry: Entry, position: int, settings: Settings) -> RunRecord:
        now = self._clock.now()
        return RunRecord(
            run_id=entry.run_id,
            batch_id=parent.batch_id,
            space_id=entry.space_id,
            position=position,
            source=Source(kind="url", value=entry.url, cookies=parent.source.cookies, proxy=parent.source.proxy),
            owner=parent.owner,
            created_at=now,
            updated_at=now,
            title=entry.title or entry.url,
            playlist=parent.playlist,
            stages=stages_for(self._catalog.wanted(settings)),
        )
