"""The filtering proxy on loopback through which everything is fetched.

For every request, so for every redirect, manifest, segment and key, it looks the host up itself, refuses if any of the
answers may not be connected to (`core.system.network`), and connects to the very address that was checked, so that a
name that changes its mind between check and use (DNS rebinding) gains nothing.

Refusals are answered with status 403 and the header `X-Reprise-Refused: private_address`, other failures to connect
with 502 or 504 and `X-Reprise-Failed`; both are kept in `trouble`, since a client of a tunnel does not see headers.
Plain HTTP is answered with `Connection: close`: a client may then never send a second request to another host over a
connection that was checked for the first; tunnels (HTTPS) are kept alive by their two ends.
"""

import asyncio
import base64
import ipaddress
import secrets
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Literal, Self

import msgspec

from core.system.http_heads import Headers, MalformedError, header, host_and_port, make_head, parse_head
from core.system.network import Address, AllowedHosts
from core.system.upstream import Upstream

MAX_HEAD_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024
# What lies in buffers is lost with a killed client and fetched again. So they are kept small: towards the net as large as
# a fast line needs (10 MB/s at 50 ms), on this machine smaller still.
FAR_BUFFER_BYTES = 512 * 1024
NEAR_BUFFER_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 60.0

Kind = Literal["private_address", "dns", "connect", "proxy"]
_STATUS = {"private_address": 403, "dns": 502, "connect": 504, "proxy": 502}
_HOP_HEADERS = frozenset(
    {
        b"connection",
        b"proxy-connection",
        b"proxy-authorization",
        b"keep-alive",
        b"te",
        b"trailer",
        b"upgrade",
        b"expect",
    }
)


class Trouble(msgspec.Struct, frozen=True):
    """Why a connection was not made, and to which host."""

    kind: Kind
    host: str


class _RefusedError(Exception):
    def __init__(self, kind: Kind, host: str) -> None:
        super().__init__(kind, host)
        self.trouble = Trouble(kind, host)


class EgressProxy:
    """An HTTP proxy for one fetch, in a thread of its own; use it with `with`. Only who knows `url` may use it.

    `upstream` is the user's own proxy (`http://[user:password@]host:port`), which must itself be permitted and is asked
    to connect to the checked address. Raises `BadInput` (`url_proxy`) when that is not such an address.
    """

    def __init__(self, allowed: AllowedHosts, *, connect_timeout_s: float = 15.0, upstream: str | None = None) -> None:
        self._allowed = allowed
        self._connect_timeout_s = connect_timeout_s
        self._upstream = Upstream.parse(upstream) if upstream else None
        self._token = secrets.token_hex(16)
        self._loop = asyncio.new_event_loop()
        self._lookups = ThreadPoolExecutor(max_workers=4, thread_name_prefix="lookup")
        self._thread = threading.Thread(target=self._run, name="egress", daemon=True)
        self._started = threading.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.received_bytes = 0
        self.trouble: list[Trouble] = []

    @property
    def url(self) -> str:
        """The address to give to a client, with its secret; never to be logged."""
        return f"http://reprise:{self._token}@127.0.0.1:{self.port}"

    def refusal(self) -> Trouble | None:
        """The first refusal of a private address, if there was one."""
        return next((trouble for trouble in self.trouble if trouble.kind == "private_address"), None)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    # --- in the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(self._lookups)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_HEAD_BYTES))
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in self._connections:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._connections, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        writer.transport.set_write_buffer_limits(high=CHUNK_BYTES)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, NEAR_BUFFER_BYTES)
        try:
            await self._serve(reader, writer)
            writer.close()
        except _RefusedError as refused:
            self.trouble.append(refused.trouble)
            await _answer(writer, _STATUS[refused.trouble.kind], refused.trouble.kind)
        except MalformedError:
            await _answer(writer, 400, "malformed")
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            # An end without warning is passed on as such: a clean one could make half a file look whole.
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_TIMEOUT_S):
            first, headers = parse_head(await reader.readuntil(b"\r\n\r\n"))
        words = first.split()
        if len(words) != 3:
            raise MalformedError
        expected = b"Basic " + base64.b64encode(f"reprise:{self._token}".encode())
        if not secrets.compare_digest(header(headers, b"proxy-authorization") or b"", expected):
            await _answer(writer, 407, "token")
            return
        method, target, _ = words
        if method == b"CONNECT":
            await self._tunnel(target, reader, writer)
        else:
            await self._forward(method, target, headers, reader, writer)

    async def _tunnel(self, target: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = host_and_port(b"//" + target, 443)
        far_reader, far_writer = await self._open(host, port)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, far_writer))
                both.create_task(self._receive(far_reader, writer))
        except* OSError as group:
            raise group.exceptions[0] from None
        finally:
            far_writer.transport.abort()

    async def _forward(
        self,
        method: bytes,
        target: bytes,
        headers: Headers,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if not target.lower().startswith(b"http://") or header(headers, b"transfer-encoding"):
            raise MalformedError
        host, port = host_and_port(target[5:], 80)
        path = target[7:].partition(b"#")[0]
        slash = min((at for at in (path.find(b"/"), path.find(b"?")) if at >= 0), default=len(path))
        path = path[slash:] if path[slash : slash + 1] == b"/" else b"/" + path[slash:]
        far_reader, far_writer = await self._open(host, port)
        try:
            kept = [(name, value) for name, value in headers if name.lower() not in _HOP_HEADERS | {b"host"}]
            shown = f"[{host}]" if ":" in host else host
            kept = [(b"Host", (shown if port == 80 else f"{shown}:{port}").encode()), *kept, (b"Connection", b"close")]
            far_writer.write(make_head(b"%s %s HTTP/1.1" % (method, path), kept))
            if length := header(headers, b"content-length"):
                far_writer.write(await reader.readexactly(min(int(length), MAX_HEAD_BYTES)))
            await far_writer.drain()
            first = b"HTTP/1.1 100"
            while first.split(b" ", 2)[1:2] == [b"100"]:
                first, headers = parse_head(await far_reader.readuntil(b"\r\n\r\n"))
            kept = [(name, value) for name, value in headers if name.lower() not in _HOP_HEADERS]
            writer.write(make_head(first, [*kept, (b"Connection", b"close")]))
            await self._receive(far_reader, writer)
        finally:
            far_writer.transport.abort()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            self.received_bytes += len(data)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def _open(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a checked address of `host`, through the user's own proxy if there is one."""
        addresses = await self._look_up(host, port)
        if self._upstream is None:
            return await self._connect(addresses, host, port)
        way = self._upstream
        reader, writer = await self._connect(await self._look_up(way.host, way.port), way.host, way.port)
        address = f"[{addresses[0]}]" if addresses[0].version == 6 else str(addresses[0])
        writer.write(make_head(f"CONNECT {address}:{port} HTTP/1.1".encode(), way.headers(f"{address}:{port}")))
        first, _ = parse_head(await reader.readuntil(b"\r\n\r\n"))
        if first.split()[1:2] != [b"200"]:
            writer.transport.abort()
            raise _RefusedError("proxy", way.host)
        return reader, writer

    async def _look_up(self, host: str, port: int) -> list[Address]:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                found = await self._loop.getaddrinfo(host, port, type=1)
        except (OSError, UnicodeError, TimeoutError):
            raise _RefusedError("dns", host) from None
        addresses = [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
        if not all(self._allowed.permits(host, port, address) for address in addresses):
            raise _RefusedError("private_address", host)
        return list(dict.fromkeys(addresses))

    async def _connect(
        self, addresses: list[Address], host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for address in addresses:
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    return await self._connect_to(address, port)
            except (OSError, TimeoutError):
                continue
        raise _RefusedError("connect", host)

    async def _connect_to(self, address: Address, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, FAR_BUFFER_BYTES)
            await self._loop.sock_connect(sock, (str(address), port))
            return await asyncio.open_connection(sock=sock, limit=MAX_HEAD_BYTES)
        except BaseException:
            sock.close()
            raise


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _answer(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    header = "X-Reprise-Refused" if status == 403 else "X-Reprise-Failed"
    text = f"HTTP/1.1 {status} Reprise {why}\r\n{header}: {why}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    try:
        writer.write(text.encode())
        await writer.drain()
    except OSError:
        writer.transport.abort()
    writer.close()
