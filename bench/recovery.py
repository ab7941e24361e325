"""After kill -9 of everything: how soon does the work go on, and how much of it is done twice?

    python -m bench.recovery [--count 50] [--seconds 180] [--seed 1]

A talk is transcribed once undisturbed. Then, `--count` times: at a seeded moment within the transcription the service
and all workers are killed at once, and the service is started again. Measured from the start of its process to the
durable claim of the run (its state file) and to the first decoding (the call of the decoder itself, see
`tests.support.tool_log`); counted are the decodings that were made twice, and whether every byte of the transcript is
the same.
"""

import argparse
import random
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.processes import print_figures, product, scratch, talk
from tests.support.kills import kill, open_attempt, unit_numbers
from tests.support.tool_log import ToolLog
from tests.support.waiting import until

NAMES = ("transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt")
CLAIM_GOAL_S, DECODE_GOAL_S = 0.5, 2.0


@dataclass
class Round:
    """One kill and what came after it."""

    claimed_s: float
    decoding_s: float
    in_flight: int
    twice: int
    identical: bool


def main() -> int:
    """Print the table; exit code 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=50, help="how many kills")
    options.add_argument("--seconds", type=float, default=180, help="length of the talk")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    with scratch() as folder:
        source = talk(folder, chosen.seconds)
        reference = Reference(folder / "reference", source)
        print(f"{len(reference.sounds)} decodings undisturbed; {chosen.count} kills", flush=True)
        rounds: list[Round] = []
        number = 0
        while len(rounds) < chosen.count:
            number += 1
            dice = random.Random(f"{chosen.seed}.{number}")
            one = kill_once(folder / f"round-{number}", reference, dice)
            shutil.rmtree(folder / f"round-{number}")
            if one is None:
                print(f"{number:4}  the kill came after the last window: another moment is drawn", flush=True)
                continue
            rounds.append(one)
            print(
                f"{number:4}  claimed {one.claimed_s:.3f} s  decoding {one.decoding_s:.3f} s  "
                f"in flight {one.in_flight}  made twice {one.twice}  {'identical' if one.identical else 'DIFFERENT'}",
                flush=True,
            )
    return 0 if report(rounds) else 1


def report(rounds: list[Round]) -> bool:
    """Print what came out; whether everything is as it should be."""
    met = print_figures(
        [
            ("start of the process to the claim", [one.claimed_s for one in rounds], CLAIM_GOAL_S, "s"),
            ("start of the process to the next decoding", [one.decoding_s for one in rounds], DECODE_GOAL_S, "s"),
        ]
    )
    identical = sum(one.identical for one in rounds)
    within = sum(one.twice <= one.in_flight for one in rounds)
    print(f"byte-identical transcripts: {identical} of {len(rounds)}")
    print(f"done twice at most what was in flight: {within} of {len(rounds)}")
    return met and identical == within == len(rounds)


class Reference:
    """The undisturbed transcription: its bytes and its decodings; and its storage just after the download."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.source = source
        self.log = ToolLog(folder / "log")
        undisturbed = product(folder, self.log)
        self.run_id = undisturbed.run_of(undisturbed("add", source, "--wait", "--json"))
        self.results = undisturbed.results(self.run_id, NAMES)
        self.sounds = Counter(one.sound for one in self.log.decodings())


def kill_once(folder: Path, reference: Reference, dice: random.Random) -> Round | None:
    """One storage, one kill at a moment that `dice` choose, one resumption; None when no window was left to decode."""
    log = ToolLog(folder / "log")
    killed = product(folder, log)
    run_id = killed.run_of(killed("add", reference.source, "--json"))
    service = killed.serve()
    wanted = dice.randrange(1, len(reference.sounds))
    until(lambda: len(log.decodings()) >= wanted)
    time.sleep(dice.uniform(0, 1.0))
    kill(killed, service, "everything")
    before = log.decodings()
    epoch = open_attempt(killed, run_id)["epoch"]
    noted = len(unit_numbers(killed, "transcribe"))

    started = time.monotonic()
    killed.serve()
    until(lambda: epoch < open_attempt(killed, run_id).get("epoch", 0), patience_s=20)
    # The write of the claim is the last of the state file until the stage ends.
    claimed_s = killed.layout.run_state(run_id).stat().st_mtime - time.time() + time.monotonic() - started
    until(lambda: len(log.decodings()) > len(before) or killed.phase(run_id) == "completed")
    if len(log.decodings()) == len(before):
        killed.close()
        return None
    decoding_s = log.decodings()[len(before)].began - started
    killed.wait_for(run_id, "completed", "failed")
    results = killed.results(run_id, NAMES)
    killed.close()
    sounds = Counter(one.sound for one in log.decodings())
    return Round(
        claimed_s=claimed_s,
        decoding_s=decoding_s,
        in_flight=len(before) - noted,
        twice=(sounds - reference.sounds).total(),
        identical=results == reference.results,
    )


if __name__ == "__main__":
    sys.exit(main())
