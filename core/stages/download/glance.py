"""How long files and addresses are, before anything is brought in: by their headers, in child processes with limits."""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.domain.run import Source
from core.domain.settings import Settings
from core.stages.download.classify import classify
from core.stages.download.remote import MEMORY_BYTES, PLAYLIST_LIMIT, Bounds, environment, open_proxy, read_cookies
from core.stages.download.texts import display_title
from core.system.programs import Limits, run_program

FILES_S, ADDRESS_S = 60.0, 30.0
_ROOT = Path(__file__).parents[3]


class Glance(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a source without fetching it; None is not known. A list has `videos` instead of a length."""

    title: str = ""
    size: int | None = None
    duration_s: float | None = None
    has_sound: bool | None = None
    videos: int | None = None


def at_files(paths: Sequence[Path], check: Callable[[], None]) -> dict[Path, Glance]:
    """What the headers of these files say; of one that cannot be read so, nothing. Raises what `check` raises."""
    found: dict[Path, Glance] = {}

    def read(line: str) -> None:
        said = json.loads(line) if line.startswith("{") else {}
        if "path" in said:
            found[Path(said.pop("path"))] = msgspec.convert(said, Glance)

    limits = Limits(address_space_bytes=MEMORY_BYTES, file_size_bytes=0, cpu_s=int(FILES_S), open_files=64)
    argv = [sys.executable, "-m", "core.stages.download.glancing"]
    asked = json.dumps([str(path) for path in paths]).encode()
    try:
        run_program(argv, check=check, on_line=read, stdin=asked, cwd=_ROOT, limits=limits, timeout_s=FILES_S)
    except StageError:
        return found  # it took too long: what was not reached is not known
    return found


def at_address(source: Source, settings: Settings, bounds: Bounds, check: Callable[[], None]) -> Glance:
    """What the site says of an address. Raises `StageError` of the class the failure amounts to."""
    host = urlsplit(source.value).hostname or "the host"
    events: dict[str, dict[str, Any]] = {}

    def read(line: str) -> None:
        if line.startswith("{"):
            event = json.loads(line)
            events[str(event.get("event"))] = event

    with open_proxy(source, bounds) as proxy, tempfile.TemporaryDirectory(prefix="reprise-look-") as folder:
        task = {
            "url": source.value,
            "work": folder,
            "proxy": proxy.url,
            "format": settings.format,
            "socket_timeout_s": bounds.socket_timeout_s,
            "max_bytes": bounds.max_media_bytes,
            "max_media_s": bounds.max_media_s,
            "playlist_limit": PLAYLIST_LIMIT,
            "cookies": read_cookies(source),
            "look": True,
        }
        run_program(
            [sys.executable, "-B", "-m", "core.stages.download.child"],
            check=check,
            on_line=read,
            stdin=json.dumps(task).encode(),
            cwd=_ROOT,
            env=environment(Path(folder)),
            limits=Limits(address_space_bytes=MEMORY_BYTES, file_size_bytes=2**20, open_files=256),
            max_line_bytes=8 * 1024**2,
            timeout_s=ADDRESS_S,
        )
        refused = proxy.refusal()
    if refused is not None:
        raise StageError(
            ErrorClass.PRIVATE_ADDRESS, f"{host} leads to a private or local address, which is not fetched."
        )
    if "error" in events:
        raise classify(
            events["error"]["chain"], host=host, url_suffix=PurePosixPath(urlsplit(source.value).path).suffix
        )
    if "playlist" in events:
        listed = events["playlist"]
        return Glance(title=display_title(listed["title"]), videos=listed["total"] or len(listed["entries"]))
    if "video" not in events:
        raise StageError(ErrorClass.CRASH, "Looking at it ended without a word.")
    video = events["video"]
    return Glance(title=display_title(video["title"]), size=video["total"], duration_s=video["duration"])
