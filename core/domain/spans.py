"""Spans of time as sentences say them."""

HOUR_S = 3600.0


def span(seconds: float) -> str:
    """A span in words: `45 s`, `20 min`, `6 h`."""
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{round(seconds / 60)} min" if seconds < 2 * HOUR_S else f"{seconds / HOUR_S:.3g} h"


def wait(seconds: float) -> str:
    """What is left of a wait in words, in whole seconds and never less than one: it is over only once it is."""
    return span(max(1, round(seconds)) if seconds < 90 else seconds)
