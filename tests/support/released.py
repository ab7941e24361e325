"""The files in `released/`, as versions that people use wrote them."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "released"


def released(name: str) -> bytes:
    """The content of one of them."""
    return (_FOLDER / name).read_bytes()
