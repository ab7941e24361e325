"""Making text that others wrote harmless: one line of it, and the same line as Markdown that shows it literally."""

import re
import unicodedata

_SPECIAL = re.compile(r"([\\`*_\[\]<>&#|~$!{}])")
# Renderers turn bare addresses into links and lines that begin like a list or a rule into one.
_SCHEME = re.compile(r"\b(https?|ftp|javascript|data|mailto):", re.IGNORECASE)
_WWW = re.compile(r"\bwww\.", re.IGNORECASE)
_LINE_START = re.compile(r"^(\s*)([-+=]|\d+[.)])")


def one_line(text: str, limit: int) -> str:
    """`text` on one line without control and invisible formatting characters, cut to `limit` characters with `…`."""
    kept = (char if unicodedata.category(char)[0] != "C" else " " for char in text[: 4 * limit])
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def markdown(text: str) -> str:
    """`text` as one line of Markdown that shows exactly these characters: no markup, HTML, image or link comes of it."""
    line = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    line = _WWW.sub(lambda found: found[0][:-1] + "\\.", _SCHEME.sub(r"\1\\:", line))
    return _LINE_START.sub(lambda found: found[1] + re.sub(r"([-+=.)])", r"\\\1", found[2]), line)


def clock(seconds: float) -> str:
    """`seconds` as `hh:mm:ss`, cut to whole seconds."""
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
