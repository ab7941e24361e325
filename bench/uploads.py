"""Uploads through the dashboard's own server: speed, memory, and what a kill costs: `python -m bench.uploads`.

    python -m bench.uploads [--gigabytes 2] [--rounds 7] [--files 20] [--file-mb 100]

One file of 2 GiB is sent to a real dashboard process, over its real port; its memory is read from the kernel every 50 ms.
Then once more with a kill -9 of that process in the middle, and 20 files, 5 at a time. Everything on the disk is compared
with what was sent, and the time with that of a bare streaming route that only writes the same bytes of the same sender,
and of writing and syncing them without any server: in turns, and the median of them counts, since the same route takes
half as long again from one moment to the next.
"""

import argparse
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bench.processes import print_figures, scratch
from core.system.files import sha256_file
from tests.support.browser import Dashboard
from tests.support.waiting import until

# What is on its way in the kernel at both ends is lost with the connection.
MEMORY_GOAL_MB, TIMES_GOAL, BARE_GOAL, TWENTY_GOAL_S, AGAIN_GOAL_MB = 32.0, 3.0, 1.3, 300.0, 8.0
AT_ONCE = 5
SLICE = 64 * 2**20
BLOCK = bytes(range(256)) * 4096  # 1 MiB
MP4 = b"\0\0\0\x20ftypisom" + b"\0" * 20
HEADERS = {"X-Requested-With": "reprise", "Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gigabytes", type=float, default=2.0)
    options.add_argument("--files", type=int, default=20)
    options.add_argument("--file-mb", type=int, default=100)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--bare", nargs=2, metavar=("PORT", "PATH"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.bare:
        serve_bare(int(chosen.bare[0]), chosen.bare[1])
        return 0
    size = int(chosen.gigabytes * 2**30)
    with scratch() as folder:
        dashboard = Dashboard(folder / "storage", REPRISE_MAX_MEDIA_BYTES=str(size + 1))
        dashboard.start()
        try:
            Sender(dashboard, "warm.mp4", 50 * 2**20).send()
            bare, plain, took = list[float](), list[float](), list[float]()
            with grown(dashboard) as one:
                for number in range(chosen.rounds):
                    plain.append(written(folder / "plain", size))
                    bare.append(sent_to_bare(folder / "bare", size))
                    took.append(timed(Sender(dashboard, f"large-{number}.mp4", size)))
            resent = killed(dashboard, size)
            with grown(dashboard) as several:
                began = time.perf_counter()
                with ThreadPoolExecutor(AT_ONCE) as pool:
                    senders = [Sender(dashboard, f"{n}.mp4", chosen.file_mb * 2**20) for n in range(chosen.files)]
                    list(pool.map(Sender.send, senders))
                many_s = time.perf_counter() - began
        finally:
            dashboard.end_service()
    took_s, bare_s, plain_s = median(took), median(bare), median(plain)
    for name, each in (("a plain durable write", plain), ("a bare route", bare), ("ours", took)):
        print(f"{name:22} {median(each):5.2f} s   of {' '.join(f'{one:.2f}' for one in sorted(each))}")
    print(f"{size / took_s / 1e6:.0f} MB/s for one file, {chosen.files * chosen.file_mb / many_s:.0f} MB/s for many")
    met = print_figures(
        [
            (f"{chosen.gigabytes:g} GiB: the server's memory grows by", [one[0]], MEMORY_GOAL_MB, "MB"),
            ("its time, by that of a bare route that only writes", [took_s / bare_s], BARE_GOAL, "times"),
            ("its time, by that of a plain durable write", [took_s / plain_s], TIMES_GOAL, "times"),
            ("sent again after kill -9 in the middle", [resent], AGAIN_GOAL_MB, "MB"),
            (f"{chosen.files} files of {chosen.file_mb} MiB, {AT_ONCE} at a time", [many_s], TWENTY_GOAL_S, "s"),
            ("the server's memory grows by", [several[0]], MEMORY_GOAL_MB, "MB"),
        ]
    )
    return 0 if met else 1


def written(path: Path, size: int) -> float:
    """The seconds that writing so many bytes to the same disk takes, durably."""
    began = time.perf_counter()
    with path.open("wb") as file:
        for _ in range(size // len(BLOCK)):
            file.write(BLOCK)
        file.flush()
        os.fsync(file.fileno())
    took_s = time.perf_counter() - began
    path.unlink()
    return took_s


def serve_bare(port: int, path: str) -> None:
    """A route that writes what comes, and nothing else: no checks, no sync, no names."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def write(request: Request) -> JSONResponse:
        with Path(path).open("ab") as file:  # noqa: ASYNC230 - as bare as can be
            async for piece in request.stream():
                file.write(piece)
        return JSONResponse({})

    uvicorn.run(Starlette(routes=[Route("/", write, methods=["PUT"])]), port=port, log_level="error")


def sent_to_bare(path: Path, size: int) -> float:
    """The seconds that sending so many bytes to the bare route takes, in the same requests by the same sender."""
    sender = Sender(Dashboard(path.parent / "none"), "large.mp4", size)
    words = [sys.executable, "-m", "bench.uploads", "--bare", str(sender.port), str(path)]
    server = subprocess.Popen(words)
    try:
        until(lambda: _connects(sender.port))
        began = time.perf_counter()
        for start in range(0, size, SLICE):
            sender._ask("PUT", "/", sender._slice(start), min(SLICE, size - start))
        return time.perf_counter() - began
    finally:
        server.kill()
        server.wait()
        path.unlink(missing_ok=True)


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Sender:
    """One file of a page, made while it is sent; the same bytes for the same name."""

    def __init__(self, dashboard: Dashboard, name: str, size: int) -> None:
        self.port, self.name, self.size = dashboard.port, name, size
        self.id, self.sent = "", 0

    def send(self) -> None:
        """Send what is missing and compare what was stored; raises `OSError` when the server is gone."""
        told = self._ask("POST", "/api/uploads", json.dumps({"name": self.name, "size": self.size, "mark": self.name}))
        self.id = told["id"]
        while not told["path"]:
            path = f"/api/uploads/{self.id}?offset={told['received']}"
            told = self._ask("PATCH", path, self._slice(told["received"]), min(SLICE, self.size - told["received"]))
        stored = Path(told["path"])
        digest = hashlib.sha256()
        for piece in self._bytes(0, self.size):
            digest.update(piece)
        assert sha256_file(stored) == digest.hexdigest(), f"{stored} is not what was sent"
        shutil.rmtree(stored.parent)

    def received(self) -> int:
        """What the server has of it."""
        return int(self._ask("GET", f"/api/uploads/{self.id}")["received"])

    def _slice(self, start: int) -> Iterator[bytes]:
        for piece in self._bytes(start, min(start + SLICE, self.size)):
            yield piece
            self.sent += len(piece)

    def _bytes(self, start: int, end: int) -> Iterator[bytes]:
        head = MP4 + self.name.encode().ljust(64)
        while start < end:
            piece = head[start:] if start < len(head) else BLOCK[start % 256 : start % 256 + 2**18]
            piece = piece[: end - start]
            yield piece
            start += len(piece)

    def _ask(self, method: str, path: str, body: Any = None, length: int | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = HEADERS | {"Origin": f"http://127.0.0.1:{self.port}"} | (JSON if method == "POST" else {})
        if length is not None:
            headers["Content-Length"] = str(length)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        finally:
            connection.close()
        assert answer.status < 300, told
        return told


def timed(sender: Sender) -> float:
    """The seconds until the last byte is acknowledged, without the comparison afterwards."""
    ended: list[float] = []
    ask = sender._ask

    def watched(*given: Any) -> dict[str, Any]:
        told = ask(*given)
        ended.append(time.perf_counter())
        return told

    sender._ask = watched  # type: ignore[method-assign]
    began = time.perf_counter()
    sender.send()
    return ended[-1] - began


def killed(dashboard: Dashboard, size: int) -> float:
    """The megabytes that are sent again when the server is killed in the middle and started anew."""
    sender = Sender(dashboard, "killed.mp4", size)
    sending = threading.Thread(target=_until_it_breaks, args=(sender,))
    sending.start()
    while sender.sent < size / 2:
        time.sleep(0.01)
    dashboard.stop(signal.SIGKILL)
    sending.join()
    sent, dashboard_again = sender.sent, dashboard
    dashboard_again.start()
    lost = sent - sender.received()
    sender.send()
    return max(0.0, lost / 1e6)


def _until_it_breaks(sender: Sender) -> None:
    try:
        sender.send()
    except (OSError, http.client.HTTPException):
        return


@contextmanager
def grown(dashboard: Dashboard) -> Iterator[list[float]]:
    """By how many megabytes the server's own memory grew at most in the block, filled in at its end."""
    result: list[float] = []
    before, most, ended = _anonymous_mb(dashboard.pid), [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            most[0] = max(most[0], _anonymous_mb(dashboard.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield result
    finally:
        ended.set()
        watching.join()
        result.append(max(0.0, most[0] - before))


def _anonymous_mb(pid: int) -> float:
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    assert found is not None
    return int(found[1]) / 1000


if __name__ == "__main__":
    raise SystemExit(main())
