"""Streams of events: how late does each of 200 listeners hear, what do they cost, and how soon does a server end with them?

    python -m bench.api_live [--listeners 200] [--silent 20] [--runs 30]

A real `./reprise serve` copies `--runs` small videos, one batch; all listeners listen to that batch, from this other
process, and `--silent` more never read what they are sent. Late is an event by the time between its line in the journal,
as that is dated there, and its arrival; every event is counted at every listener. At the end the service is told to end.
"""

import argparse
import asyncio
import json
import shutil
import signal
import socket
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.processes import print_figures, scratch
from core.store.secret import Secret
from tests.support.media_files import mp4
from tests.support.product import Product

LATE_GOAL_S, END_GOAL_S, A_LISTENER_GOAL_KB = 0.3, 1.0, 256.0
ONLY_THE_FILE = ("--set", "transcribe=false", "--set", "quotes=false", "--set", "summary=false")
PATIENCE_S = 300.0


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--listeners", type=int, default=200)
    options.add_argument("--silent", type=int, default=20)
    options.add_argument("--runs", type=int, default=30)
    chosen = options.parse_args()
    with scratch() as folder:
        product, port = Product(folder), free_port()
        try:
            service = product.serve(api=True, REPRISE_API_PORT=str(port))
            batch_id = product("add", videos(folder / "videos", chosen.runs), "--draft", *ONLY_THE_FILE, "--json").json[
                "batch_id"
            ]
            token = Secret(product.layout.admin_token(), text=True).get().decode()
            before = rss_kb(service.pid)
            path = f"/api/batch-jobs/{batch_id}/progress"
            silent = [asking(port, path, token) for _ in range(chosen.silent)]
            heard, cost_kb = asyncio.run(
                listened(chosen.listeners, port, path, token, lambda: product("start", batch_id), service.pid, before)
            )
            late = [arrived - dated for seq, arrived in heard if (dated := dates(product).get(seq)) is not None]
            began = time.perf_counter()
            service.send_signal(signal.SIGTERM)
            service.wait()
            ended_s = time.perf_counter() - began
            for one in silent:
                one.close()
        finally:
            product.close()
    print(f"{len(late)} events arrived at {chosen.listeners} listeners; {chosen.silent} more never read")
    each = cost_kb / (chosen.listeners + chosen.silent)
    figures = [
        ("from the journal to a listener", late, LATE_GOAL_S, "s"),
        ("SIGTERM to exit, all of them open", [ended_s], END_GOAL_S, "s"),
        ("memory of the server for each of them", [each], A_LISTENER_GOAL_KB, "KiB"),
    ]
    return 0 if print_figures(figures) else 1


async def listened(
    count: int, port: int, path: str, token: str, start: Any, pid: int, before_kb: int
) -> tuple[list[tuple[int, float]], float]:
    """Each event with its position and when it arrived, at every listener; and what they cost the server in memory."""
    heard: list[tuple[int, float]] = []
    ready, gates = asyncio.Event(), asyncio.Semaphore(count)
    listening = [asyncio.create_task(listen(port, path, token, heard, gates)) for _ in range(count)]
    async with asyncio.timeout(PATIENCE_S):
        while not gates.locked():  # each took its place with its first event
            await asyncio.wait({asyncio.create_task(ready.wait())}, timeout=0.05)
        heard.clear()
        await asyncio.to_thread(start)
        await asyncio.gather(*listening)
    cost = float(max(0, rss_kb(pid) - before_kb))
    for task in listening:
        (await task).close()
    return heard, cost


async def listen(
    port: int, path: str, token: str, heard: list[tuple[int, float]], gates: asyncio.Semaphore
) -> asyncio.StreamWriter:
    """One listener, until it hears that the batch has ended; its connection stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head(port, path, token))
    seq, first = 0, True
    while line := await reader.readline():
        if line.startswith(b"id: "):
            seq = int(line[4:])
        elif line.startswith(b"data: "):
            arrived = time.time()
            event = json.loads(line[6:])
            if seq:
                heard.append((seq, arrived))
            if first:
                await gates.acquire()
                first = False
            if event["type"] == "completed":
                return writer
            seq = 0
    raise AssertionError("the stream ended before the batch did")


def asking(port: int, path: str, token: str) -> socket.socket:
    """A listener that never reads."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    one.connect(("127.0.0.1", port))
    one.sendall(head(port, path, token))
    return one


def head(port: int, path: str, token: str) -> bytes:
    """What a listener asks."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def dates(product: Product, known: dict[int, float] = {}) -> dict[int, float]:  # noqa: B006 - read once
    """When each line of the journal was written, by its number, in seconds since 1970."""
    if not known:
        for path in product.layout.journal.glob("*.jsonl"):
            for line in map(json.loads, path.read_text().splitlines()):
                known[line["seq"]] = datetime.fromisoformat(line["t"]).timestamp()
    return known


def videos(folder: Path, count: int) -> Path:
    """So many small videos, no two of them alike."""
    folder.mkdir()
    for number in range(count):
        video = folder / f"{number:03}.mp4"
        shutil.copy(mp4(), video)
        with video.open("ab") as file:  # a free box, which players skip
            file.write(b"\0\0\0\x10free" + number.to_bytes(8, "big"))
    return folder


def rss_kb(pid: int) -> int:
    """The memory that a process has, in KiB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    raise SystemExit(main())
