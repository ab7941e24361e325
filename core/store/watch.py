"""Wakes whoever waits when a state or progress file changes, in this process or any other."""

import logging
import os
from collections.abc import Callable

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor
from watchdog.observers.polling import PollingObserver

from core.store.layout import Layout, is_id

_log = logging.getLogger(__name__)
_POLL_S = 1.0
# What watchdog remarks while it is being stopped would stand on the standard error of a command that went well.
logging.getLogger("watchdog").addHandler(logging.NullHandler())
_SUFFIX, _LINES = ".json", ".jsonl"
# The kernel is asked for these alone. Every file of ours is put in place by a rename: told of the writes to temporary
# files as well, and of both names of every rename, a service spent a fifth of its time on hearing of its own files.
_EVENTS = Mask(InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_DELETE | InotifyConstants.IN_ONLYDIR)
# But for the journal, which is appended to.
_APPENDED = Mask(InotifyConstants.IN_MODIFY | InotifyConstants.IN_CREATE | InotifyConstants.IN_ONLYDIR)


class _Folder:
    """What the kernel tells of one folder, told on as folder and name by the one thread that reads it.

    watchdog's own observer hands every event through three threads, which is most of what it costs.
    """

    def __init__(self, folder: str, tell: Callable[[str, str], None]) -> None:
        self._folder, self._tell = folder, tell

    def on_event(self, event: InotifyEvent) -> None:
        """Something was put in place or removed."""
        self._tell(self._folder, os.fsdecode(event.name))

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The folder is gone, or the watch is being stopped: nothing more will come."""

    def on_queue_overflow(self) -> None:
        """Events were lost: whoever must not miss one looks at everything from time to time."""


class Watch(FileSystemEventHandler):
    """Calls `on_change(kind, id)` (kind: run, batch, export, pool, progress or notices) soon after a file was replaced.

    Calls come from one thread of the watch and should be short. An event may come twice or, when the kernel's queue
    overflows, not at all: a reader that must not miss one also looks at everything from time to time. Without
    `progress`, nothing is told of progress files and of notices, which only those who show them want to know of; with
    `journal`, its growth is told (kind: journal, id: the day).
    """

    def __init__(
        self,
        layout: Layout,
        on_change: Callable[[str, str], None],
        *,
        progress: bool = True,
        journal: bool = False,
    ) -> None:
        self._layout, self._journal = layout, str(layout.journal)
        self._on_change = on_change
        shown = [layout.progress, layout.notices] if progress else []
        more = [layout.journal] if journal else []
        self._folders = [layout.state, layout.batches, layout.exports, *shown, *more]
        self._listening: InotifyFD | PollingObserver | None = None

    def start(self) -> None:
        """Begin to watch; where the kernel cannot tell of changes, look once a second and say so in the log."""
        try:
            self._listening = self._told_by_the_kernel()
        except OSError as error:
            _log.warning("no more file watches (%s); looking every %g s instead", error, _POLL_S)
            self._listening = self._looking()

    def stop(self) -> None:
        """End watching; no call comes after this returns."""
        if self._listening is not None:
            self._listening.stop()
            self._listening.join()
            self._listening = None

    def dispatch(self, event: FileSystemEvent) -> None:
        """Told by watchdog's polling of anything that happened in the folders."""
        if event.event_type in ("moved", "created", "modified", "deleted"):
            self._tell(*os.path.split(os.fsdecode(event.dest_path or event.src_path)))

    def _tell(self, folder: str, name: str) -> None:
        if folder == self._journal:
            if name.endswith(_LINES):
                self._on_change("journal", name.removesuffix(_LINES))
            return
        if not name.endswith(_SUFFIX):
            return
        stem = name.removesuffix(_SUFFIX)
        kind = self._kind(folder, stem)
        if kind:
            self._on_change(kind, stem)

    def _kind(self, folder: str, stem: str) -> str:
        if folder == str(self._layout.progress):
            return "progress" if is_id(stem, "r_") or is_id(stem, "e_") else ""
        if folder == str(self._layout.batches):
            return "batch" if is_id(stem, "b_") else ""
        if folder == str(self._layout.exports):
            return "export" if is_id(stem, "e_") else ""
        if folder == str(self._layout.notices):
            return "notices"
        if stem == "pool":
            return "pool"
        return "run" if is_id(stem, "r_") else ""

    def _told_by_the_kernel(self) -> InotifyFD:
        listening = InotifyFD()
        listening.start()
        try:
            for folder in self._folders:
                told = _Folder(str(folder), self._tell)
                events = _APPENDED if str(folder) == self._journal else _EVENTS
                listening.add_callback(os.fsencode(folder), events, told, CallbackId(id(told)))
        except OSError:
            listening.stop()
            listening.join()
            raise
        return listening

    def _looking(self) -> PollingObserver:
        observer = PollingObserver(timeout=_POLL_S)
        for folder in self._folders:
            observer.schedule(self, str(folder), recursive=False)
        observer.daemon = True
        observer.start()
        return observer
