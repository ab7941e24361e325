"""Every kill point and every error point of everything the store writes: `python -m bench.store_kill_points`.

CI runs the same trials with fewer points for the longest ones. Prints how many were tried; any loss ends it.
"""

import tempfile
import time
from pathlib import Path

from tests.support.bits import flipped
from tests.support.fault_cases import CASES
from tests.support.storage import RUN, a_run, new_store
from tests.support.strace import Victims
from tests.support.trial import Trial

ERRORS = ("ENOSPC", "EIO", "EMFILE", "EROFS", "EDQUOT")


def main() -> None:
    """Try all of them and print."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name, Victims(Path(name)) as victims:
        killed = failed = 0
        started = time.monotonic()
        for act, case in CASES.items():
            folder = Path(name) / act
            folder.mkdir()
            trial = Trial(victims, case, folder)
            kills = trial.kill_everywhere(all_calls=True)
            errors = {error: trial.fail_everywhere(error) for error in ERRORS}
            killed, failed = killed + kills, failed + sum(errors.values())
            told = ", ".join(f"{number} x {error}" for error, number in errors.items())
            print(f"{act:10} {kills:4} kill points; {told}", flush=True)
        took = time.monotonic() - started
        print(f"{killed} kill points, {failed} errors in {took:.0f} s: 0 corrupt, 0 acknowledged lost")
        print(f"bit flips of a state file: {_flips(Path(name))}")


def _flips(folder: Path) -> str:
    (folder / "flips").mkdir()
    store = new_store(folder / "flips")
    store.runs.create(RUN, a_run())
    path = store.layout.run_state(RUN)
    tried = believed = 0
    for _, data in flipped(path.read_bytes()):
        path.write_bytes(data)
        tried += 1
        believed += RUN in store.runs.load_all(repair=False)[0]
    return f"{tried} tried, {believed} believed"


if __name__ == "__main__":
    main()
