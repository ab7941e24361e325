"""What files are called that people get: `Title [id].mp4`, `Title [id].en.srt`. Inside the storage nothing has such a name.

A name made here is safe on every system: no separator, no control or invisible character, nothing Windows reserves, no
leading dot or dash, no trailing dot or space, at most 255 bytes of UTF-8, cut between characters. What a file system minds
becomes the look-alike that yt-dlp's users know (`:` is `：`), so that a title can still be read.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_BYTES = 255  # of a name, on every common file system
SUFFIX_BYTES = 32  # of them are kept for what comes after the stem: a number, a language, `.part`
ID_BYTES = 64
UNTITLED = "untitled"

# The fraction and full-width slashes too: some programs on Windows turn them back into real ones.
_LOOK_ALIKES = str.maketrans(
    {
        **dict.fromkeys("/\N{FRACTION SLASH}\N{DIVISION SLASH}\N{FULLWIDTH SOLIDUS}", "\N{BIG SOLIDUS}"),
        **dict.fromkeys("\\\N{SET MINUS}\N{FULLWIDTH REVERSE SOLIDUS}", "\N{BIG REVERSE SOLIDUS}"),
        **{char: chr(ord(char) + 0xFEE0) for char in ':*?"<>|'},
    }
)
_JOINERS = "\u200c\u200d"  # letters and emoji are joined by them
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_SUFFIX = re.compile(r"(\.[A-Za-z0-9_-]+)+")


def safe(text: str, limit: int = MAX_BYTES - SUFFIX_BYTES) -> str:
    """`text` as a name that any system takes, at most `limit` bytes long; empty when nothing of it can be shown.

    It begins with `_` where it would otherwise be hidden, an option, or a device of Windows.
    """
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = "".join(" " if char.isspace() or char == "\0" else char for char in text if _can_be_shown(char))
    name = _trimmed(" ".join(kept.translate(_LOOK_ALIKES).split()))
    name = _trimmed(_cut(name, limit))
    if name.startswith((".", "-", "~")) or _RESERVED.match(name):
        name = _trimmed(_cut(f"_{name}", limit))
    return name


def stem(title: str, video_id: str = "", otherwise: str = UNTITLED) -> str:
    """`Title [id]`, or `Title` where there is no id, or where it says nothing that the title does not.

    `otherwise` stands for a title of which nothing can be shown. It leaves 32 bytes for a suffix.
    """
    known, limit = safe(video_id, ID_BYTES), MAX_BYTES - SUFFIX_BYTES
    name = safe(title) or safe(otherwise) or UNTITLED
    if not known or known.casefold() == name.casefold():
        return name
    mark = f" [{known}]"
    return f"{safe(name, limit - len(mark.encode()))}{mark}"


def file_name(of: str, suffix: str) -> str:
    """The stem `of` with `suffix` (`.mp4`, `.en.srt`), at most 255 bytes: the stem gives way, the suffix never."""
    if not _SUFFIX.fullmatch(suffix) or len(suffix) > MAX_BYTES // 2:
        raise ValueError(f"{suffix!r} is no suffix of a file name")
    return f"{safe(of, MAX_BYTES - len(suffix)) or UNTITLED}{suffix}"


def suffix_of(stage: str, name: str, language: str = "") -> str:
    """What follows the stem when the file `name` that `stage` published is saved by a person.

    A video is `.mp4`, one with its silence removed `.cut.mp4`; subtitles are `.en.srt` beside the video, where players
    look for them; what else was said is `.txt`, `.tsv`, and all other files keep their names: `.quotes.csv`.
    """
    kind, *endings = (re.sub(r"[^A-Za-z0-9_-]", "_", part)[:16] or "_" for part in name.split("."))
    cut = ".cut" if stage == "remove_silence" else ""
    known = re.sub(r"[^A-Za-z0-9-]", "", language)[:8]
    if kind in ("media", "silence_removed", "export"):
        kept = []
    elif kind == "transcript" and endings in (["srt"], ["vtt"]):
        kept = [known] if known else []
    elif kind == "transcript" and endings in (["txt"], ["tsv"]):
        kept = []
    else:
        kept = [kind]
    return "".join([cut, *(f".{part}" for part in [*kept, *endings[-3:]])]) or ".bin"


def distinct(wanted: Sequence[tuple[str, Sequence[str]]], taken: Iterable[str] = ()) -> list[str]:
    """For each stem with its suffixes a stem such that no file is called like another, or like one of `taken`.

    Names that differ in capitals or in how an accent is written are one file on some systems. The second `a` becomes
    `a (2)`; all files of one stem stay together.
    """
    used = {_folded(name) for name in taken}
    chosen = []
    for of, suffixes in wanted:
        name, number = of, 1
        while any(_folded(name + suffix) in used for suffix in suffixes):
            number += 1
            mark = f" ({number})"
            name = f"{safe(of, MAX_BYTES - SUFFIX_BYTES - len(mark)) or UNTITLED}{mark}"
        used |= {_folded(name + suffix) for suffix in suffixes}
        chosen.append(name)
    return chosen


def _can_be_shown(char: str) -> bool:
    """Not what has no shape: control and direction characters, broken and private ones."""
    if char in _JOINERS or char == "\0" or char.isspace():
        return True
    kind = unicodedata.category(char)
    return kind not in ("Cc", "Cf", "Cs", "Co") and ord(char) & 0xFFFE != 0xFFFE


def _trimmed(name: str) -> str:
    return name.lstrip(f" {_JOINERS}").rstrip(f" .{_JOINERS}")


def _cut(name: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, no character and no letter with its accents cut through."""
    if len(name.encode()) <= limit:
        return name
    kept = name.encode()[: max(0, limit)].decode("utf-8", "ignore")
    while kept and unicodedata.combining(name[len(kept)]):
        kept = kept[:-1]
    return kept


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
