"""Rounds of: start a victim, cut the power at a random moment, let it come back."""

import contextlib
import os
import random
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support.fault_cases import copied, template
from tests.support.power_cut import Disk
from tests.support.strace import Victims

MOST_ACKS = 30
MOMENT_S = 0.004


def rounds(
    victims: Victims, folder: Path, dice: random.Random, count: int, sabotage: str = "", kind: str = "ext4"
) -> Iterator[tuple[Path, list[str]]]:
    """The storage after each of `count` power cuts, and what had been acknowledged before it.

    What the victim acknowledges while the cut is under way does not count: with a real one it would be gone too, and an
    fsync of ext4 that races with its shutdown may report success for a transaction that is just being dropped.
    """
    (folder / "before").mkdir()
    before = template(folder / "before", "endless")
    with Disk(folder, kind) as disk:
        for _ in range(count):
            root = copied(before, disk.path / "storage")
            os.sync()
            pid = victims.start("endless", root, sabotage)
            os.kill(pid, signal.SIGCONT)
            wanted = dice.randrange(MOST_ACKS)
            while victims.acked() < wanted:
                threading.Event().wait(0.0005)
            threading.Event().wait(dice.uniform(0, MOMENT_S))
            acknowledged = victims.acked()
            disk.cut()
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself when its disk was gone
                os.kill(pid, signal.SIGKILL)
            outcome = victims.finish()
            disk.restore()
            yield root, outcome.acks[:acknowledged]
    shutil.rmtree(folder / "before")
