"""Words that came from elsewhere, made fit to be shown and logged: one line, no control characters, no secrets."""

import re
import unicodedata

from core.system.clock import SystemClock

TITLE_LENGTH = 200
TEXT_LENGTH = 300
ID_LENGTH = 64

_URL = re.compile(r"https?://[^\s'\"<>]+")
_NOISE = re.compile(r"^ERROR:\s*|^\[[\w:.+-]+\]\s*|\s*\(caused by .*$|;? please report this issue on .*$", re.DOTALL)


def plain(text: str, length: int = TEXT_LENGTH) -> str:
    """`text` as one line of at most `length` characters: control, bidi, private and broken characters removed."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join(
        " " if char in "\t\r\n\v\f\x85\u2028\u2029" else char
        for char in text
        if char in "\t\r\n\v\f\x85\u2028\u2029\u200d"
        or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    kept = " ".join(kept.split())
    return kept if len(kept) <= length else kept[: length - 1].rstrip() + "…"


def display_title(text: str) -> str:
    """A title as text to show; it never becomes a file name."""
    return plain(text, TITLE_LENGTH)


def without_secrets(text: str) -> str:
    """`text` with user names, passwords, queries and fragments taken out of every address in it."""

    def bare(found: re.Match[str]) -> str:
        scheme, _, rest = found[0].partition("://")
        host, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
        return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"

    return _URL.sub(bare, text)


def log_line(text: str) -> str:
    """A line of a tool's output, fit for the log."""
    return plain(without_secrets(text))


def reason(text: str) -> str:
    """What yt-dlp said, without its prefixes, causes and requests to report a bug."""
    before = ""
    while text != before:
        before, text = text, _NOISE.sub("", text.strip())
    return log_line(text).rstrip(".")


def begins_in(release: object) -> str:
    """When a broadcast that was announced begins, as `classify` reads it."""
    if not isinstance(release, (int, float)):
        return ""
    left_s = release - SystemClock().now().timestamp()
    return f"; begins in {left_s:.0f} s" if left_s > 0 else ""
