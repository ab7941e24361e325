"""The dashboard's process: one manager, one watch of the files and one keeper of the service, for all its sessions."""

import asyncio
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import FrameType
from typing import Any, TypeVar

from core.api.feed import Feed
from core.api.hub import Hub
from core.api.keeper import Keeper
from core.api.news import News
from core.api.remembered import Remembered
from core.api.streams import Streams
from core.api.traffic import Traffic
from core.bootstrap import Manager, follow, open_manager
from core.config import Config, load_config
from core.domain.access import Actor
from core.domain.errors import BadInput, NotAllowed, NotSignedIn
from core.manager.capacities import Capacities
from core.manager.figures import Figures
from core.manager.readiness import Ready
from core.notify.ways import secrets_of
from core.store.tail import Tail
from core.system.allocator import keep_some_freed_memory
from core.system.logs import configure_log
from core.system.network import is_this_machine
from core.system.prompt_sockets import answer_promptly

SERVICE_GRACE_S = 12.0
SAME_S = 1.0
MOST_STREAMS = 1000
MOST_READ = 500
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Process:
    """What all sessions of this process share."""

    def __init__(self, config: Config, via: str = "dashboard") -> None:
        self.config = config
        self.id = secrets.token_hex(8)
        self.manager: Manager = open_manager(config, via=via)
        index = self.manager.storage.index
        self.hub = Hub(lambda run_id: run.batch_id if (run := index.runs.get(run_id)) is not None else None)
        views, layout = self.manager.views, self.manager.storage.layout
        self.streams = Streams(config.max_streams_per_user, MOST_STREAMS)
        self.feed = Feed(self.hub, Tail(layout, 0), views.moving, views.standing)
        self.remembered = Remembered(self.manager.storage.clock, lambda: self.hub.changes)
        self.news = News(index)
        self.keeper = Keeper(self.manager.starter, lambda: self.hub.changed("pool", "pool"))
        storage = self.manager.storage
        self.traffic = Traffic()
        self.figures = Figures(
            index=index,
            layout=storage.layout,
            catalog=storage.catalog,
            capacities=Capacities(index, storage.layout, config),
            clock=storage.clock,
        )
        self.ready = Ready(storage.layout, storage.clock, config.rescan_s)
        self.requests: set[asyncio.Task[Any]] = set()
        self.closing = False
        self._read: dict[str, tuple[int, float, Any]] = {}
        self._reading: dict[str, threading.Lock] = {}

    def manager_for(self, actor: Actor) -> Manager:
        """The manager of whoever asks."""
        return self.manager if actor == self.manager.acts_for else self.manager.acting_for(actor)

    def person(self, claims: Mapping[str, Any] | None) -> Actor:
        """Who signed in with these claims, as the list of people says now.

        Raises `NotSignedIn` when nobody did and `NotAllowed` for somebody who is not, or no longer, listed.
        """
        if claims is None or not claims.get("is_logged_in"):
            raise NotSignedIn("Nobody is signed in.", hint="Open the dashboard and sign in.")
        if self.config.oidc_verified and claims.get("email_verified") is not True:
            raise NotAllowed(
                "The sign-in does not say that this e-mail address is verified.",
                hint="Verify it there; REPRISE_OIDC_VERIFIED=false trusts a provider that verifies all.",
            )
        return self.manager.people.actor(str(claims.get("email") or ""))

    def changed(self, kind: str, record_id: str) -> None:
        """A record changed; from any thread."""
        self.news.changed(kind, record_id)
        self.hub.changed(kind, record_id)

    def end_requests(self) -> None:
        """End every request that is open: a server waits for open responses, and a stream holds one for ever."""
        self.closing = True
        loop = self.hub.loop
        if loop is not None:
            for task in tuple(self.requests):
                loop.call_soon_threadsafe(task.cancel)

    def read(self, name: str, view: Callable[[], T]) -> T:
        """What `view` gives, read once for all sessions until something changes, and again after `SAME_S` seconds."""
        with self._reading.setdefault(name, threading.Lock()):
            changes, now = self.hub.changes, self.manager.storage.clock.monotonic()
            known = self._read.get(name)
            if known is not None and known[0] == changes and now - known[1] < SAME_S:
                found: T = known[2]
                return found
            found = view()
            self._read[name] = (changes, now, found)
            if len(self._read) > MOST_READ:
                self._forget(now)
            return found

    def _forget(self, now: float) -> None:
        """Drop what is too old to be given again: a page asks for any number of things by name."""
        for name, (_, at, _) in list(self._read.items()):
            if now - at >= SAME_S:
                self._read.pop(name, None)
                self._reading.pop(name, None)


_lock = threading.Lock()
_current: Process | None = None


def current() -> Process:
    """This process's own; opened with the configuration of the environment when nothing was opened yet.

    Raises `BadInput` or `StorageError` when configuration or storage cannot be used.
    """
    global _current  # noqa: PLW0603 - one a process is what this module is for
    with _lock:
        if _current is None:
            _current = Process(load_config())
        return _current


def open_process(config: Config, via: str) -> None:
    """Open this process's own with another configuration than the environment's; raises as `current` does."""
    global _current  # noqa: PLW0603 - see above
    with _lock:
        _current = Process(config, via)


def keep_log(config: Config) -> None:
    """From now on this process says what it has to say as the configuration wants it; its secrets never."""
    configure_log(sys.stderr, [*config.secrets, *secrets_of(config)], config.log_format)


def close() -> None:
    """Forget what was opened; the next `current` opens anew."""
    global _current  # noqa: PLW0603 - see above
    with _lock:
        _current = None


def refusal(address: str | None, config: Config) -> BadInput | None:
    """Why the pages are not served at `address`: others reach it, and nobody would ask who they are. None if it is so."""
    if is_this_machine(address or "") or config.signs_in:
        return None
    return BadInput(
        f"The dashboard has no sign-in and does not listen on {address or 'every address'}.",
        hint="Two ways out: keep 127.0.0.1 and reach it through an SSH tunnel; or set up a sign-in, "
        "REPRISE_PUBLIC_URL and REPRISE_OIDC_… (docs/security.md).",
    )


@asynccontextmanager
async def serving(*, keep: bool = True) -> AsyncIterator[Process]:
    """The process while it serves: follows the files, keeps a service running, and leaves promptly when told to stop.

    Whoever is the service itself does not `keep` one. At the end only a service that this process started is stopped, and not even that with REPRISE_KEEP_SERVICE=1.
    """
    process = await asyncio.to_thread(current)
    await asyncio.to_thread(process.manager.tokens.first)  # it lies there from the first start on
    keep_some_freed_memory()
    answer_promptly()  # the server's own socket is there by now
    loop = asyncio.get_running_loop()
    process.hub.attach(loop)
    async with AsyncExitStack() as ending:  # the last first; each of them also when one before it failed
        ending.callback(close)
        if keep:
            ending.push_async_callback(_stop_service, process)
        watch = await asyncio.to_thread(partial(follow, journal=True), process.manager.storage, process.changed)
        ending.push_async_callback(asyncio.to_thread, watch.stop)
        ending.callback(process.hub.detach)
        ending.push_async_callback(process.feed.stop)
        if keep:
            keeping = asyncio.create_task(process.keeper.keep())
            ending.push_async_callback(_end_keeping, process, keeping)
        rescan = asyncio.create_task(_rescan(process))
        ending.callback(rescan.cancel)
        ending.callback(_end_requests_on_signal(process))
        yield process


async def _end_keeping(process: Process, keeping: asyncio.Task[None]) -> None:
    process.keeper.close()
    await keeping


async def _stop_service(process: Process) -> None:
    if os.environ.get("REPRISE_KEEP_SERVICE", "") in ("", "0"):
        await asyncio.to_thread(process.manager.starter.stop, SERVICE_GRACE_S)


async def _rescan(process: Process) -> None:
    """Read everything again now and then: the kernel may drop file events when too many come at once."""
    never = asyncio.Event()
    while True:
        try:
            await asyncio.wait_for(never.wait(), process.config.rescan_s)
        except TimeoutError:
            await _read_again(process)


async def _read_again(process: Process) -> None:
    try:
        await asyncio.to_thread(process.manager.storage.index.load)
    except Exception:  # noqa: BLE001 - the next look may succeed, and until then pages still hear of events
        _log.exception("the records could not be read again")
    else:
        process.hub.changed("pool", "pool")


def _end_requests_on_signal(process: Process) -> Callable[[], None]:
    """Before the server's own handlers: a server waits for open responses, and a paused video holds one for ever."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def handle(number: int, frame: FrameType | None) -> None:
        process.end_requests()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    for number in before:
        signal.signal(number, handle)

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
