"""How fast the API answers with many runs in the storage, and how soon a pause holds meanwhile: `python -m bench.api_reads`.

    python -m bench.api_reads [--count 10000] [--pages 500] [--rate 500] [--seconds 20] [--pauses 10] [--talk 240]

A real `./reprise serve` on a storage of so many runs in batches of 50, all in paused batches. First pages of 20 at places
of their own, one after the other, so that none was made before, while nothing else happens. Then a talk is transcribed,
and `--rate` reads a second come over 16 connections, at times that were set before: what waits for a slow answer counts
as slow too. They are what a dashboard of somebody's own asks: pages of batches and runs, one batch, one run. Meanwhile
everything is paused and resumed, by the API: from the request until the run's own state file says `paused`.
"""

import argparse
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.processes import percentile, print_figures, product, scratch, talk
from bench.queue_turns import fill
from core.domain.states import BatchPhase
from core.store.layout import Layout
from tests.support.product import Product
from tests.support.waiting import until

PAGE_GOAL_S, PAUSE_GOAL_S = 0.05, 1.0
CONNECTIONS = 16
STAGES = {"download": True, "transcribe": True, "quotes": True, "summary": True}


class Api:
    """One connection to the API, kept open."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, path: str, method: str = "GET") -> bytes:
        """The body of the answer, which is no problem."""
        self._connection.request(method, path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (path, answer.status, body[:300])
        return body


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=10_000, help="how many runs there are")
    options.add_argument("--pages", type=int, default=500, help="how many pages of each kind, one after the other")
    options.add_argument("--rate", type=float, default=500, help="reads a second while the service is busy")
    options.add_argument("--seconds", type=float, default=20, help="for how long")
    options.add_argument("--pauses", type=int, default=10)
    options.add_argument("--talk", type=float, default=240, help="seconds of the talk that is transcribed")
    chosen = options.parse_args()
    with scratch() as folder:
        made = product(folder)
        try:
            made.layout.create()
            fill(made.layout, chosen.count, 4, STAGES, BatchPhase.PAUSED)
            connect = serve(made)
            runs, batches = pages(connect(), "runs", chosen), pages(connect(), "batch-jobs", chosen)
            run_id = made.run_of(made("add", talk(folder, chosen.talk), "--set", "quotes=false", "--json"))
            until(lambda: made.phase(run_id) == "running")
            reads, pauses = busy(made.layout, connect, run_id, chosen)
        finally:
            made.close()
    asked = chosen.rate * chosen.seconds
    print(f"{len(reads)} of {asked:.0f} reads, {len(reads) / chosen.seconds:.0f} a second; {len(pauses)} pauses")
    met = print_figures(
        [
            (f"a page of 20 of {chosen.count} runs", runs, PAGE_GOAL_S, "s"),
            (f"a page of 20 of {chosen.count // 50} batches", batches, PAGE_GOAL_S, "s"),
            (f"a pause under {chosen.rate:g} reads a second", pauses, PAUSE_GOAL_S, "s"),
        ]
    )
    shown = ", ".join(f"p{100 * share:g} {1000 * percentile(reads, share):.1f} ms" for share in (0.5, 0.99))
    print(f"the reads meanwhile: {shown}")
    return 0 if met and len(reads) >= 0.99 * asked else 1


def serve(made: Product) -> Callable[[], Api]:
    """A service with its API; what gives a connection."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made.serve(api=True, REPRISE_API_PORT=str(port))
    until(lambda: is_open(port))
    token = made.layout.admin_token()
    until(token.exists)
    return lambda: Api(port, token.read_text("utf-8").strip())


def is_open(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def pages(api: Api, what: str, chosen: argparse.Namespace) -> list[float]:
    """Seconds for pages of 20, each at another place."""
    known = json.loads(api.ask(f"/api/{what}?limit=20"))["total"]
    took = []
    for _ in range(chosen.pages):
        offset = random.randrange(max(1, known - 20))
        began = time.perf_counter()
        api.ask(f"/api/{what}?limit=20&offset={offset}")
        took.append(time.perf_counter() - began)
    return took


def busy(
    layout: Layout, connect: Callable[[], Api], run_id: str, chosen: argparse.Namespace
) -> tuple[list[float], list[float]]:
    """Seconds for each read, from the time it was due, and for each pause."""
    first = connect()
    batches = [job["id"] for job in json.loads(first.ask("/api/batch-jobs?limit=100"))["batch_jobs"]]
    runs = [run["run_id"] for run in json.loads(first.ask("/api/runs?limit=100"))["runs"]]
    wanted = [
        lambda: f"/api/runs?limit=20&offset={20 * random.randrange(3)}",
        lambda: "/api/batch-jobs?limit=20",
        lambda: f"/api/batch-jobs/{random.choice(batches)}",
        lambda: f"/api/runs/{random.choice(runs)}",
    ]
    took: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    began = time.perf_counter() + 0.5
    readers = [
        threading.Thread(target=read, args=(connect(), number, began, wanted, chosen, took[number]))
        for number in range(CONNECTIONS)
    ]
    for reader in readers:
        reader.start()
    pauses = [pause(first, layout, run_id) for _ in range(chosen.pauses)]
    for reader in readers:
        reader.join()
    return [one for each in took for one in each], pauses


def read(
    api: Api,
    number: int,
    began: float,
    wanted: Sequence[Callable[[], str]],
    chosen: argparse.Namespace,
    took: list[float],
) -> None:
    """Every sixteenth read, when it is due or as soon after as the one before it is answered."""
    for place in range(number, int(chosen.rate * chosen.seconds), CONNECTIONS):
        due = began + place / chosen.rate
        time.sleep(max(0.0, due - time.perf_counter()))
        if time.perf_counter() > began + 2 * chosen.seconds:
            return  # it does not keep up
        api.ask(wanted[place % len(wanted)]())
        took.append(time.perf_counter() - due)


def pause(api: Api, layout: Layout, run_id: str) -> float:
    """Seconds from asking for a pause of everything until the run stands still; then it goes on."""

    def state() -> Any:
        return json.loads(Path(layout.run_state(run_id)).read_bytes())["body"]["phase"]

    began = time.perf_counter()
    api.ask("/jobs/pause", "POST")
    while state() == "running":
        time.sleep(0.005)
    took = time.perf_counter() - began
    assert state() == "paused", f"the run is {state()}: the talk is too short for so many pauses"
    api.ask("/jobs/resume", "POST")
    until(lambda: state() == "running")
    time.sleep(0.5)  # it works
    return took


if __name__ == "__main__":
    raise SystemExit(main())
