"""Numbers in the words of sentences."""

GIGABYTE, MEGABYTE = 1e9, 1e6


def gigabytes(size: float) -> str:
    """Bytes as people say them: `12.3 GB`, and `20 MB` for less than a tenth of one."""
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE / 10 else f"{size / MEGABYTE:.0f} MB"


def runs_in_words(count: int) -> str:
    """`1 run`, `2 runs`."""
    return "1 run" if count == 1 else f"{count} runs"


def ahead_of_it(count: int) -> str:
    """How many runs are before one in a line."""
    return "it is next" if not count else "1 run is ahead of it" if count == 1 else f"{count} runs are ahead of it"
