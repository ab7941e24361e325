"""Events of a batch as they happen: over broken connections and restarts of the server, each once."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx2
import msgspec

from core.client.documents import BatchEvent
from core.client.problems import ClientError, NotUnderstood, ServerTrouble, TooMany, Unreachable
from core.client.wire import Wire

# The server sends a sign of life every 15 seconds.
SILENCE_S = 45.0
AGAIN_S = 1.0
NO_MORE = 204


class Following:
    """Reads one stream of events; `stop` ends it from any thread."""

    def __init__(self, wire: Wire, path: str, after: str = "") -> None:
        self._wire, self._path, self._last, self._again_s = wire, path, after, AGAIN_S
        self._stopped, self._guard = threading.Event(), threading.Lock()
        self._socket: socket.socket | None = None

    def stop(self) -> None:
        """No event comes after this."""
        self._stopped.set()
        with self._guard:
            if self._socket is not None:
                with suppress(OSError):  # it has broken already
                    self._socket.shutdown(socket.SHUT_RDWR)

    def events(self) -> Iterator[BatchEvent]:
        """Each event; ends with the batch, when the server says that no more will come, or after `stop`.

        Raises `Problem` for what another try does not mend, and `Unreachable` when nobody answers as often as the
        patience of the wire goes without an event between.
        """
        tried = 0
        while not self._stopped.is_set():
            asked_s: float | None = None
            why: ClientError | None = None
            try:
                for event in self._connected():
                    tried = 0
                    if self._stopped.is_set():
                        return
                    yield event
                    if event.is_last:
                        return
            except _Over:
                return
            except (TooMany, ServerTrouble) as problem:
                asked_s, why = problem.retry_after_s, problem
            except Unreachable as error:
                why = error
            tried += 1
            wait_s = self._wire.patience.wait_s(tried, asked_s)
            if wait_s is None and why is not None and not self._stopped.is_set():
                raise why
            if self._stopped.wait(max(self._again_s, wait_s or 0.0)):
                return

    def _connected(self) -> Iterator[BatchEvent]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last:
            headers["Last-Event-ID"] = self._last
        with self._wire.stream(self._path, headers, silence_s=SILENCE_S) as response:
            if response.status_code == NO_MORE:
                raise _Over
            self._hold(response)
            try:
                for event in httpx2.EventSource(response):
                    if event.retry is not None:
                        self._again_s = event.retry / 1000
                    if event.data:
                        yield _event(event)
                    # Only now: who is told of an event and fails is told of it again.
                    self._last = event.id or self._last
            finally:
                with self._guard:
                    self._socket = None

    def _hold(self, response: httpx2.Response) -> None:
        stream = response.extensions.get("network_stream")
        with self._guard:
            self._socket = stream.get_extra_info("socket") if stream is not None else None
        if self._stopped.is_set():
            self.stop()


class _Over(Exception):
    """The server says that nothing more will come."""


def _event(event: httpx2.ServerSentEvent) -> BatchEvent:
    try:
        data = msgspec.json.decode(event.data, type=dict)
        said = msgspec.convert({"type": event.event, **data, "event_id": event.id, "data": data}, BatchEvent)
    except msgspec.MsgspecError as error:
        raise NotUnderstood(f"An event is otherwise than described: {error}") from error
    return said


def in_background(following: Following, callback: Callable[[BatchEvent], object]) -> Callable[[], None]:
    """Call `callback` with each event from a thread of its own; what is returned ends that."""

    def follow() -> None:
        for event in following.events():
            callback(event)

    threading.Thread(target=follow, name="reprise-events", daemon=True).start()
    return following.stop
