"""What the name of a file that people get has to be."""

from core.domain.names import MAX_BYTES, safe


def is_safe(name: str) -> bool:
    """Whether `name` is the name of one file in one folder on any system: nothing in it has to be made safe any more."""
    return bool(name) and safe(name, MAX_BYTES) == name
