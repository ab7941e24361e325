"""Waiting for something to become so, without sleeping a fixed time: bounded, and loud when it never comes."""

import threading
from collections.abc import Callable

PATIENCE_S = 60.0
LOOK_S = 0.02


def until(so: Callable[[], bool], bell: threading.Event | None = None, patience_s: float = PATIENCE_S) -> None:
    """Return once `so()` holds; looks again whenever `bell` rings, and now and then without it."""
    bell = bell or threading.Event()
    looks = int(patience_s / LOOK_S)
    for _ in range(looks):
        if so():
            return
        bell.wait(LOOK_S)
        bell.clear()
    raise AssertionError(f"it did not become so within {patience_s} s")
