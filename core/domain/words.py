"""Numbers in the words of sentences."""

GIGABYTE, MEGABYTE = 1e9, 1e6


def gigabytes(size: float) -> str:
    """Bytes as people say them: `12.3 GB`, and `20 MB` for less than a tenth of one."""
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE / 10 else f"{size / MEGABYTE:.0f} MB"
