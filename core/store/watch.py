"""Wakes whoever waits when a state or progress file changes, in this process or any other."""

import logging
import os
from collections.abc import Callable

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper
from watchdog.observers.polling import PollingObserver

from core.store.layout import Layout, is_id

_log = logging.getLogger(__name__)
_POLL_S = 1.0
# watchdog holds the first half of a rename back, and all that comes after it, until the second half is there: half a
# second at worst, though both come at once. Nobody here needs the first half.
InotifyMoveEventGrouper.delay = 0.0
# What watchdog remarks while it is being stopped would stand on the standard error of a command that went well.
logging.getLogger("watchdog").addHandler(logging.NullHandler())
_SUFFIX = ".json"
# The kernel is asked for these alone: told of every reading and of every write to a temporary file as well, a service
# spent more time on hearing of its own files than on its work. A rename may come as a creation, when its halves do not meet.
_EVENTS: list[type[FileSystemEvent]] = [FileMovedEvent, FileCreatedEvent, FileClosedEvent, FileDeletedEvent]


class Watch(FileSystemEventHandler):
    """Calls `on_change(kind, id)` (kind: run, batch, pool or progress) soon after a file was replaced.

    Calls come from one thread of the watch and should be short. An event may come twice or, when the kernel's queue
    overflows, not at all: a reader that must not miss one also looks at everything from time to time. Without
    `progress`, nothing is told of progress files.
    """

    def __init__(self, layout: Layout, on_change: Callable[[str, str], None], *, progress: bool = True) -> None:
        self._layout = layout
        self._on_change = on_change
        self._folders = [layout.state, layout.batches, *([layout.progress] if progress else [])]
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Begin to watch; where the kernel cannot tell of changes, look once a second and say so in the log."""
        try:
            self._observer = self._started(Observer(), _EVENTS)
        except OSError as error:
            _log.warning("no more file watches (%s); looking every %g s instead", error, _POLL_S)
            self._observer = self._started(PollingObserver(timeout=_POLL_S))

    def stop(self) -> None:
        """End watching; no call comes after this returns."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def dispatch(self, event: FileSystemEvent) -> None:
        """Told by the observer of anything that happened in the folders."""
        if event.event_type not in ("moved", "closed", "created", "modified", "deleted"):
            return
        folder, name = os.path.split(os.fsdecode(event.dest_path or event.src_path))
        if not name.endswith(_SUFFIX):
            return
        stem = name.removesuffix(_SUFFIX)
        kind = self._kind(folder, stem)
        if kind:
            self._on_change(kind, stem)

    def _kind(self, folder: str, stem: str) -> str:
        if folder == str(self._layout.progress):
            return "progress" if is_id(stem, "r_") else ""
        if folder == str(self._layout.batches):
            return "batch" if is_id(stem, "b_") else ""
        if stem == "pool":
            return "pool"
        return "run" if is_id(stem, "r_") else ""

    def _started(self, observer: BaseObserver, events: list[type[FileSystemEvent]] | None = None) -> BaseObserver:
        for folder in self._folders:
            observer.schedule(self, str(folder), recursive=False, event_filter=events)
        observer.daemon = True
        try:
            observer.start()
        except OSError:
            observer.unschedule_all()
            raise
        return observer
