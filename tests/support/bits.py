"""Damage of single bits."""

from collections.abc import Iterator


def flipped(data: bytes) -> Iterator[tuple[int, bytes]]:
    """`data` with each of its bits turned over in turn, and the bit's position."""
    changed = bytearray(data)
    for position in range(len(data) * 8):
        changed[position // 8] ^= 1 << position % 8
        yield position, bytes(changed)
        changed[position // 8] ^= 1 << position % 8
