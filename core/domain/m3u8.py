"""A playlist of videos as players read it (extended M3U, UTF-8). It lists files; it is no HLS stream of segments."""

import unicodedata
from collections.abc import Iterable

import msgspec


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a playlist: a title, how long it is (seconds, None when unknown), and where it is, as a URI."""

    title: str
    location: str
    duration_s: float | None = None


def playlist(name: str, tracks: Iterable[Track]) -> str:
    """The playlist; what a title says stays within its line, whatever it says.

    Raises `ValueError` for a location that is no URI, since it could be read as something else.
    """
    lines = ["#EXTM3U", f"#PLAYLIST:{one_line(name)}"]
    for track in tracks:
        if not track.location.isascii() or any(char.isspace() or not char.isprintable() for char in track.location):
            raise ValueError(f"{track.location!r} is no URI")
        if track.location.startswith("#") or not track.location:
            raise ValueError(f"{track.location!r} is no URI")
        lines += [f"#EXTINF:{_length(track.duration_s)},{one_line(track.title)}", track.location]
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """`text` without anything that ends a line, steers a terminal or begins a command of the playlist."""
    shown = "".join(" " if char.isspace() else char for char in text if char.isspace() or _is_shown(char))
    joined = " ".join(shown.split())
    return joined.replace("#", "\N{FULLWIDTH NUMBER SIGN}")


def _length(seconds: float | None) -> str:
    return "-1" if seconds is None else f"{seconds:.3f}".rstrip("0").rstrip(".")


def _is_shown(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn") or char in "\u200c\u200d"
