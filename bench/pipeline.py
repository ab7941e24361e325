"""Ten files through all stages: how much longer than the busiest lane alone?

    python -m bench.pipeline [--files 10] [--seconds 120]

The files come from a web server on loopback and go through download, transcription, quotes and summary (offline). The
yardstick is what no order of work can beat: the busiest lane working without a pause, plus the stages of the first file
before it and of the last file after it. Times are those of the attempts in the state files.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from bench.processes import product, scratch, talk
from tests.support.kills import body, end_all
from tests.support.media_server import MediaServer
from tests.support.product import Product

GOAL = 1.05
LANES = {"download": "network", "transcribe": "cpu", "quotes": "api", "summary": "api"}
SLOTS = {"network": 2, "cpu": 1, "api": 2}
Spans = dict[str, tuple[float, float]]


def main() -> int:
    """Print the figures; exit code 1 when the goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--files", type=int, default=10)
    options.add_argument("--seconds", type=float, default=120, help="length of each file")
    chosen = options.parse_args()
    with scratch() as folder, MediaServer() as server:
        worked = product(folder / "worked", allowed_hosts=server.host)
        try:
            runs = work_off(worked, server, talk(folder, chosen.seconds), chosen.files)
        finally:
            end_all(worked)
    return 0 if report(runs) else 1


def work_off(worked: Product, server: MediaServer, source: Path, files: int) -> list[Spans]:
    """Hand in `files` different files, wait for all, and give when each stage of each began and ended."""
    content = source.read_bytes()
    urls = [server.add(f"/{n}.wav", content + n.to_bytes(2, "little"), content_type="audio/wav") for n in range(files)]
    worked("pause")
    added = worked("add", *urls, "--json").json["runs"]
    worked.serve()
    worked("resume")
    for run in added:
        assert worked.wait_for(run["run_id"], "completed", "failed") == "completed", worked.log()
    return [spans(worked, run["run_id"]) for run in added]


def spans(worked: Product, run_id: str) -> Spans:
    """The begin and end of each stage of a run, in seconds of the wall clock."""
    found: Spans = {}
    for attempt in body(worked, run_id)["attempts"]:
        began, ended = (datetime.fromisoformat(attempt[name]).timestamp() for name in ("started_at", "ended_at"))
        found[attempt["stage"]] = (min(began, found.get(attempt["stage"], (began, 0.0))[0]), ended)
    return found


def report(runs: list[Spans]) -> bool:
    """Print how the time compares with the yardstick."""
    busy = dict.fromkeys(SLOTS, 0.0)
    for run in runs:
        for stage, (began, ended) in run.items():
            busy[LANES[stage]] += (ended - began) / SLOTS[LANES[stage]]
    busiest = max(busy, key=lambda lane: busy[lane])
    inside = [stage for stage in LANES if LANES[stage] == busiest]
    order = list(LANES)
    first = min(runs, key=lambda run: run[inside[0]][0])
    last = max(runs, key=lambda run: run[inside[-1]][1])
    earlier = sum(first[stage][1] - first[stage][0] for stage in order[: order.index(inside[0])])
    later = sum(last[stage][1] - last[stage][0] for stage in order[order.index(inside[-1]) + 1 :])
    total = max(ended for run in runs for _, ended in run.values()) - min(
        began for run in runs for began, _ in run.values()
    )
    yardstick = busy[busiest] + earlier + later
    for lane, seconds in busy.items():
        print(f"lane {lane:8} busy {seconds:8.2f} s in each of {SLOTS[lane]} slots ({seconds / total:.0%})")
    print(
        f"busiest {busiest} {busy[busiest]:.2f} s + earlier {earlier:.2f} s + later {later:.2f} s = {yardstick:.2f} s"
    )
    print(f"{len(runs)} files took {total:.2f} s: {total / yardstick:.3f} of that, goal {GOAL}")
    return total <= GOAL * yardstick


if __name__ == "__main__":
    sys.exit(main())
