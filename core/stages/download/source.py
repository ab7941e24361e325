"""What somebody typed becomes a source: a canonical URL, or a file with its checksum. Nothing here uses the network."""

import hashlib
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from core.domain.errors import BadInput
from core.domain.run import Source
from core.stages.container import HEAD_BYTES, SUFFIXES, describe_other, sniff
from core.stages.download.identity import is_playlist, space_id
from core.stages.download.texts import display_title
from core.system.network import AllowedHosts, check_url

CHUNK_BYTES = 1024 * 1024
MAX_PATH_LENGTH = 4096

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:(?!\d+(/|$))")
_WINDOWS = re.compile(r"^([A-Za-z]:[\\/]|\\\\)")
_BARE_HOST = re.compile(r"^(www\.|[\w-]+(\.[\w-]+)*\.[a-z]{2,10}(:\d+)?/)", re.IGNORECASE)
# Parameters that only say where somebody came from or where playing starts; on other hosts the same names may be
# signatures or choose the video, so there they stay.
_TRACKING = re.compile(r"^utm_")
_DECORATION = {"t", "si", "start", "time_continue", "feature", "pp", "ab_channel", "app"}
_DECORATED_HOSTS = re.compile(r"(^|\.)(youtube\.com|youtu\.be|vimeo\.com|dailymotion\.com|twitch\.tv|soundcloud\.com)$")
_IN_A_LIST = {"list", "index", "start_radio"}

OnHash = Callable[[str, float], None]


def parse_source(text: str, allowed: AllowedHosts, *, on_hash: OnHash | None = None, files: bool = True) -> Source:
    """The source that `text` names.

    A URL is made canonical (`canonical_url`); a file must exist, be regular and readable, and have the suffix or the
    first bytes of a media file; its SHA-256 is taken, with `on_hash(path, share done)` called meanwhile. With `files`
    False only URLs are taken. Raises `BadInput` whose code tells the kind: `url_invalid`, `url_scheme`,
    `url_userinfo`, `url_private_address`, `option`, `source_missing`, `not_a_file`, `unreadable`, `folder`.
    """
    text = text.strip()
    if not text:
        raise BadInput("The source is empty.", hint="Give a URL, a file or a folder.", code="url_invalid")
    if text.startswith("-"):
        raise BadInput(
            f"“{text[:40]}” is an option, not a source.",
            hint="A file whose name begins with a dash is given as ./-name.",
            code="option",
        )
    if _WINDOWS.match(text):
        raise BadInput(
            "This is a path of Windows, which does not exist here.",
            hint="Give the path under which this machine knows the file.",
            code="url_scheme",
        )
    if _SCHEME.match(text) and not (files and _exists(text)):
        return Source(kind="url", value=canonical_url(text, allowed))
    if not files or (_BARE_HOST.match(text) and not _exists(text)):
        raise BadInput(
            "This is not a web address; one begins with http:// or https://.",
            hint=f"Did you mean https://{text[:80]}?"
            if _BARE_HOST.match(text)
            else "Example: https://example.com/v.mp4",
            code="url_invalid" if _BARE_HOST.match(text) else "url_scheme",
        )
    return file_source(absolute_file(text), on_hash)


def canonical_url(url: str, allowed: AllowedHosts) -> str:
    """`url` as it is fetched and kept: scheme and host in lower case (IDN as punycode), no default port, no fragment
    (but the `#!` and `#/` routes of single-page sites), no `utm_…`, and on the large video sites no starting time, no
    share token and, for one video, no list. Order and spelling of the rest stay, since they may be signed.

    Raises `BadInput` as `core.system.network.check_url` does.
    """
    parts = check_url(url, allowed)
    fragment = parts.fragment if parts.fragment.startswith(("!", "/")) and "smuggle" not in parts.fragment else ""
    return parts._replace(path=parts.path or "/", query=_query(parts), fragment=fragment).geturl()


def _query(parts: SplitResult) -> str:
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    dropped: set[str] = set()
    if _DECORATED_HOSTS.search(parts.hostname or ""):
        one_video = "v" in names or (parts.hostname or "").endswith("youtu.be")
        dropped = _DECORATION | (_IN_A_LIST if one_video else set())
    kept = []
    for word in parts.query.split("&"):
        name = unquote(word.partition("=")[0])
        if word and name not in dropped and not _TRACKING.match(name):
            kept.append(word)
    return "&".join(kept)


def absolute_file(text: str, what: str = "file") -> Path:
    """The absolute path of the readable regular file that `text` names; raises `BadInput` that says what is wrong."""
    path = _path(text)
    if path is None or "\0" in text or len(os.fsencode(text)) > MAX_PATH_LENGTH:
        raise BadInput(f"This cannot be the name of a {what}.", hint="Give the path of a file.", code="source_missing")
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise BadInput(
                f"{path} is a folder.", hint="Give the files in it, or a folder where one is possible.", code="folder"
            )
        if not stat.S_ISREG(kind):
            raise BadInput(f"{path} is not a regular file.", hint="Give the path of a file.", code="not_a_file")
        with path.open("rb"):
            return path
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            f"There is no {what} “{display_title(text)}”{', and it is no web address either' if what == 'file' else ''}.",
            hint=f"Check the spelling{'; a URL begins with https://' if what == 'file' else ''}.",
            code="source_missing",
        ) from None
    except OSError as error:
        raise BadInput(
            f"The {what} {path} cannot be read: {error.strerror}.",
            hint="Check who may read it.",
            code="unreadable",
        ) from None


def _path(text: str) -> Path | None:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        return None  # the home of somebody who has none


def _exists(text: str) -> bool:
    path = _path(text)
    try:
        return path is not None and path.exists()
    except (OSError, ValueError):
        return False  # too long for a name, or with a NUL in it


def file_source(path: Path, on_hash: OnHash | None = None) -> Source:
    """The file `path` with its size and SHA-256; raises `BadInput` (`url_scheme`) when nothing about it says media."""
    digest, done = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(HEAD_BYTES)
            if path.suffix.lower() not in SUFFIXES and sniff(head) is None:
                raise BadInput(
                    f"{path} is neither a web address nor a video or sound file: it is {describe_other(head)}.",
                    hint="Give a file such as .mp4, .mkv, .webm, .mov, .mp3, .m4a, .wav.",
                    code="url_scheme",
                )
            file.seek(0)
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                if on_hash is not None:
                    on_hash(str(path), done / max(size, done))
    except OSError as error:
        raise BadInput(f"The file {path} cannot be read: {error.strerror}.", code="unreadable") from error
    return Source(kind="file", value=str(path), sha256=digest.hexdigest(), size=done)


def expand_folder(folder: Path) -> tuple[Path, ...]:
    """The media files directly in `folder`, sorted by name; hidden files and other kinds are left out.

    Raises `BadInput` when it cannot be read, or holds no media file; the message then names what it does hold.
    """
    folder = folder.expanduser().absolute()
    try:
        found = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        media = tuple(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise BadInput(f"The folder {folder} cannot be read: {error.strerror}.", code="unreadable") from error
    if not media:
        others = ", ".join(display_title(path.name) for path in found[:5]) or "nothing"
        raise BadInput(
            f"The folder {folder} holds no video or sound file, but {others}{' …' if len(found) > 5 else ''}.",
            hint="Folders inside it are not looked into; give them one by one.",
            code="folder_empty",
        )
    return media


def file_title(source: Source) -> str:
    """What a video is called that is a file: as the file is; empty for an address, whose page tells."""
    return display_title(Path(source.value).stem) if source.kind == "file" else ""


def shown(source: Source) -> str:
    """What to call a source before its title is known."""
    if source.kind == "file":
        return display_title(Path(source.value).name) or "file"
    parts = urlsplit(source.value)
    video = "".join(f"?v={value}" for name, value in parse_qsl(parts.query) if name == "v")
    return display_title(unquote(f"{parts.netloc}{parts.path}".rstrip("/"), errors="replace") + video)


__all__ = [
    "absolute_file",
    "canonical_url",
    "expand_folder",
    "file_source",
    "file_title",
    "is_playlist",
    "parse_source",
    "shown",
    "space_id",
]
