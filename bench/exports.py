"""A ZIP of twenty videos, streamed straight from what was published: how fast, how soon, and with how much memory.

    python -m bench.exports [--files 20] [--megabytes 100] [--folder FOLDER] [--rounds 3]

Makes a batch of so many videos of random bytes (2 GB on the disk of FOLDER, gone at the end) and exports it three ways, each in a
process of its own: into nothing, through the route of the dashboard over HTTP, and by `./reprise export -o`. Beside them
stands what has to be done whatever streams it: reading every file and taking its SHA-256. The files are in the page cache.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

MB = 1e6
GOAL_MB_S, GOAL_FIRST_MS, GOAL_RSS_MB, GOAL_ALL_S = 300.0, 50.0, 64.0, 600.0
PIECE = 1024 * 1024


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=20)
    options.add_argument("--megabytes", type=int, default=100)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options.add_argument("--child", choices=["plain", "stream", "serve"], help=argparse.SUPPRESS)
    options.add_argument("--storage", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--batch", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        {"plain": plain, "stream": stream, "serve": serve}[chosen.child](chosen.storage, chosen.batch)
        return 0
    folder = Path(tempfile.mkdtemp(prefix="bench-exports-", dir=chosen.folder))
    try:
        return measure(folder, chosen.files, chosen.megabytes, chosen.rounds)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, files: int, megabytes: int, rounds: int) -> int:
    """Make the batch, measure the ways, and print them."""
    storage = folder / "storage"
    batch = made(storage, files, megabytes * 1_000_000)
    total = files * megabytes
    print(
        f"ZIP of {files} files of {megabytes} MB, median of {rounds}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    ways: list[tuple[str, Callable[[], dict[str, float]]]] = [
        ("reading and SHA-256 alone", lambda: child("plain", storage, batch)),
        ("ZIP into nothing", lambda: child("stream", storage, batch)),
        ("ZIP over HTTP", lambda: over_http(storage, batch)),
        ("./reprise export -o", lambda: by_command(storage, batch, folder / "out.zip")),
    ]
    results: dict[str, dict[str, float]] = {}
    for name, way in ways:
        found = [way() for _ in range(rounds)]
        results[name] = {key: median(one[key] for one in found) for key in found[0]}
        one = results[name]
        first = f", first byte {one['first_s'] * 1000:.1f} ms" if "first_s" in one else ""
        rss = f", RSS {one['rss_mb']:.0f} MB" if "rss_mb" in one else ""
        more = f", {one['grown_mb']:+.1f} MB while it streams" if "grown_mb" in one else ""
        print(f"  {name:<28} {total / one['s']:7.0f} MB/s  ({one['s']:.2f} s){first}{rss}{more}")
    zipped, http, command = results["ZIP into nothing"], results["ZIP over HTTP"], results["./reprise export -o"]
    bare = results["reading and SHA-256 alone"]["s"]
    checks = [
        ("speed, MB/s", total / zipped["s"], GOAL_MB_S, total / zipped["s"] >= GOAL_MB_S),
        ("speed over HTTP, MB/s", total / http["s"], GOAL_MB_S, total / http["s"] >= GOAL_MB_S),
        ("first byte, ms", zipped["first_s"] * 1e3, GOAL_FIRST_MS, zipped["first_s"] * 1e3 <= GOAL_FIRST_MS),
        ("first byte over HTTP, ms", http["first_s"] * 1e3, GOAL_FIRST_MS, http["first_s"] * 1e3 <= GOAL_FIRST_MS),
        ("memory of the whole process, MB", zipped["rss_mb"], GOAL_RSS_MB, zipped["rss_mb"] <= GOAL_RSS_MB),
        ("saved by the command, s", command["s"], GOAL_ALL_S, command["s"] <= GOAL_ALL_S),
    ]
    for what, is_, goal, good in checks:
        print(f"  {'ok    ' if good else 'MISSED'} {what}: {is_:.1f} (goal {goal:g})")
    print(
        f"  ratio to reading and SHA-256 alone: {zipped['s'] / bare:.2f} into nothing, {http['s'] / bare:.2f} over HTTP"
    )
    return 0 if all(good for *_, good in checks) else 1


def made(storage: Path, files: int, size: int) -> str:
    """A finished batch of so many videos of random bytes; gives its id."""
    from tests.support.exporting import Shop
    from tests.support.storage import BATCH

    shop = Shop(storage.parent)
    block = os.urandom(PIECE)
    for number in range(files):
        content = bytes([number]) * 16 + (block * (size // PIECE + 1))[: size - 16]
        shop.video(f"Talk {number + 1}", content)
    return BATCH


def child(what: str, storage: Path, batch: str) -> dict[str, float]:
    """What a process of its own measured of itself."""
    said = subprocess.run(argv(what, storage, batch), check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(said)
    return found


def argv(what: str, storage: Path, batch: str) -> list[str]:
    """The command of such a process."""
    return [sys.executable, "-m", "bench.exports", "--child", what, "--storage", str(storage), "--batch", batch]


def plain(storage: Path, batch: str) -> None:
    """Read every file and take its SHA-256, nothing else."""
    import hashlib

    del batch
    began = time.perf_counter()
    for path in sorted(storage.glob("artifacts/download/*/media.mp4")):
        with path.open("rb", buffering=0) as file:
            digest = hashlib.sha256()
            while piece := file.read(PIECE):
                digest.update(piece)
    print(json.dumps({"s": time.perf_counter() - began}))


def stream(storage: Path, batch: str) -> None:
    """Ask for the export and stream it into nothing; the first byte counts from the asking on."""
    from core.bootstrap import open_manager
    from core.config import Config
    from core.domain.exports import ExportOptions

    manager = open_manager(Config(storage=str(storage)), via="bench")
    began = time.perf_counter()
    record, _ = manager.exports.asking.ask(batch, ExportOptions(), by="bench")
    pieces = manager.exports.fetching.whole(record, lambda *_: "").stream(0)
    sent = len(next(pieces))
    first = time.perf_counter() - began
    sent += sum(map(len, pieces))
    assert sent == record.size
    print(json.dumps({"s": time.perf_counter() - began, "first_s": first, "rss_mb": memory_mb(os.getpid())}))


def serve(storage: Path, batch: str) -> None:
    """Serve the routes of the dashboard on a port of its own, which is said with the link, until told to stop."""
    import uvicorn

    os.environ["REPRISE_STORAGE"] = str(storage)
    from core.api.app import build_app
    from core.api.process import current
    from core.domain.exports import ExportOptions

    exports = current().manager.exports
    link = exports.fetching.link(exports.asking.ask(batch, ExportOptions(), by="bench")[0])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        print(json.dumps({"port": listening.getsockname()[1], "link": link}), flush=True)
        config = uvicorn.Config(build_app(lambda cookies: None), log_level="error")
        uvicorn.Server(config).run(sockets=[listening])


def over_http(storage: Path, batch: str) -> dict[str, float]:
    """Fetch the export over a connection, and tell what the server grew by meanwhile."""
    server = subprocess.Popen(argv("serve", storage, batch), stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        get(told, f"{told['link']}&", "bytes=0-0")  # what is loaded with the first request is not the export's
        before = memory_mb(server.pid)
        s, first_s = get(told, told["link"])
        return {"s": s, "first_s": first_s, "rss_mb": memory_mb(server.pid), "grown_mb": memory_mb(server.pid) - before}
    finally:
        server.terminate()
        server.wait()


def get(told: dict[str, str], link: str, range_: str = "") -> tuple[float, float]:
    """Seconds until all of an answer has come, and until the first byte of it."""
    wanted = f"Range: {range_}\r\n" if range_ else ""
    place = urlsplit(link)
    with socket.create_connection(("127.0.0.1", int(told["port"])), timeout=60) as connection:
        request = f"GET {place.path}?{place.query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{wanted}Connection: close\r\n\r\n"
        began = time.perf_counter()
        connection.sendall(request.encode())
        answer = connection.recv(PIECE)
        while b"\r\n\r\n" not in answer or answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(PIECE)
        first = time.perf_counter() - began
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206")), head
        length = int(
            next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1]
        )
        room, got = bytearray(PIECE), len(body)
        while got < length:
            more = connection.recv_into(room)
            assert more, f"broke off after {got} of {length}"
            got += more
        return time.perf_counter() - began, first


def memory_mb(pid: int) -> float:
    """The most memory a process ever held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1000


def by_command(storage: Path, batch: str, target: Path) -> dict[str, float]:
    """Save the export with the command line, and compare what it says with what is there."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "core", "export", batch, "-o", str(target), "--json"]
    environment = {**os.environ, "REPRISE_STORAGE": str(storage)}
    said = subprocess.run(words, check=True, capture_output=True, text=True, env=environment).stdout
    s = time.perf_counter() - began
    assert target.stat().st_size == json.loads(said)["size"]
    target.unlink()
    return {"s": s}


if __name__ == "__main__":
    raise SystemExit(main())
