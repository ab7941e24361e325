"""A real web server on loopback that serves media well or badly, and writes down every byte it sent.

What a download costs is counted here, on the server's side, never from the product's own receipt.
"""

import functools
import http.server
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self


@dataclass
class Page:
    """What stands at one path, and how it is served.

    `cut_every`: the connection is reset after so many bytes of each answer. `stall_at`: at this offset of the file it
    sends nothing more until `MediaServer.release()`. `declared_length`: the Content-Length it claims. `endless`: the
    body is repeated for ever. `body_for`: the body made for each request, by its number (from 0).
    """

    body: bytes = b""
    content_type: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    etag: str | None = None
    last_modified: str | None = None
    if_range: bool = True
    cut_every: int | None = None
    stall_at: int | None = None
    declared_length: int | None = None
    endless: bool = False
    status_for: Callable[[int], int] | None = None


@dataclass
class Hit:
    """One request and what was sent for it."""

    path: str
    method: str
    start: int | None
    headers: dict[str, str]
    status: int = 0
    sent: int = 0
    ended: bool = False


class MediaServer:
    """Serves `pages` on 127.0.0.1; every request is in `hits`. Use it with `with`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.hits: list[Hit] = []
        self._changed = threading.Condition()
        self._released = threading.Event()
        server = self

        class Handler(_Handler):
            owner = server

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def host(self) -> str:
        """What REPRISE_ALLOWED_HOSTS has to name for this server to be fetched from."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def add(self, path: str, body: bytes | Path = b"", **how: object) -> str:
        """Serve `body` at `path`; gives the URL."""
        content = body.read_bytes() if isinstance(body, Path) else body
        self.pages[path] = Page(content, **how)  # type: ignore[arg-type]
        return self.url(path)

    def redirect(self, path: str, target: str, status: int = 302) -> str:
        """Redirect from `path` to `target`; gives the URL."""
        return self.add(path, status=status, headers={"Location": target})

    def of(self, path: str) -> list[Hit]:
        """The requests for `path`."""
        return [hit for hit in self.hits if hit.path == path]

    def sent(self, path: str) -> int:
        """How many body bytes were sent for `path` in all."""
        return sum(hit.sent for hit in self.of(path))

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Return once `condition` holds after something was sent; fails the test after `timeout_s`."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), f"the server saw only {self.hits}"

    def release(self) -> None:
        """Let every stalled answer go on."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def note(self, change: Callable[[], None] = lambda: None) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def stall(self) -> None:
        self._released.wait()


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: MediaServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(body=True)

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def log_message(self, *_: object) -> None:
        return

    def _serve(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        page = self.owner.pages.get(path)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        hit = Hit(path, self.command, int(asked[1]) if asked else None, dict(self.headers))
        self.owner.note(lambda: self.owner.hits.append(hit))
        try:
            if page is None:
                self._head(hit, 404, {"Content-Length": "0"})
            else:
                self._send(page, hit, asked, body)
        except OSError:
            self.close_connection = True
        finally:
            self.owner.note(lambda: setattr(hit, "ended", True))

    def _send(self, page: Page, hit: Hit, asked: re.Match[str] | None, body: bool) -> None:
        number = len(self.owner.of(hit.path)) - 1
        status = page.status_for(number) if page.status_for else page.status
        size = len(page.body)
        start, end = 0, size
        headers = {"Content-Type": page.content_type, "Accept-Ranges": "bytes" if page.ranges else "none"}
        headers |= {"ETag": page.etag} if page.etag else {}
        headers |= {"Last-Modified": page.last_modified} if page.last_modified else {}
        fresh = self.headers.get("If-Range") in (None, page.etag, page.last_modified) or not page.if_range
        if status == 200 and asked and page.ranges and fresh:
            start = int(asked[1])
            end = min(int(asked[2]) + 1, size) if asked[2] else size
            if start >= size:
                self._head(hit, 416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
                return
            status = 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        length = end - start if page.declared_length is None else page.declared_length - start
        if page.endless:
            self.close_connection = True
            headers["Connection"] = "close"
        else:
            headers["Content-Length"] = str(length)
        self._head(hit, status, headers | page.headers)
        if body:
            self._body(page, hit, start, end)
        if page.declared_length is not None:
            self.close_connection = True

    def _head(self, hit: Hit, status: int, headers: dict[str, str]) -> None:
        self.owner.note(lambda: setattr(hit, "status", status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _body(self, page: Page, hit: Hit, start: int, end: int) -> None:
        # Small buffers: what was sent is then nearly what was received.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        at = start
        while at < end or page.endless:
            if page.stall_at is not None and at >= page.stall_at:
                self.owner.stall()
            if page.cut_every is not None and at - start >= page.cut_every:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            stop = min(at + 16 * 1024, end) if not page.endless else at + 16 * 1024
            if page.stall_at is not None and at < page.stall_at:
                stop = min(stop, page.stall_at)
            piece = page.body[at:stop] if not page.endless else (page.body * 16384)[: stop - at]
            self.wfile.write(piece)
            at = stop
            self.owner.note(functools.partial(setattr, hit, "sent", hit.sent + len(piece)))
