"""All options that yt-dlp gets: fixed here, but for the few values of a `Task`. Nothing a user sets reaches any other."""

import io
from collections.abc import Callable
from typing import Any, Literal

import msgspec

Emit = Callable[..., None]

BLOCK_BYTES = 64 * 1024
INNER_RETRIES = 2
_PROTOCOLS = "[protocol~='^(https?|m3u8(_native)?|http_dash_segments)$']"
_SELECTORS = {
    "best": ("bv*{p}+ba{p}/b{p}/bv*{p}/ba{p}", []),
    "1080p": ("bv*{p}+ba{p}/b{p}/bv*{p}/ba{p}", ["res:1080"]),
    "720p": ("bv*{p}+ba{p}/b{p}/bv*{p}/ba{p}", ["res:720"]),
    "audio": ("ba{p}/b{p}/bv*{p}", []),
}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the download process is asked to do; the only way by which any option reaches yt-dlp."""

    url: str
    work: str
    proxy: str
    format: Literal["best", "1080p", "720p", "audio"]
    socket_timeout_s: float
    max_bytes: int
    max_media_s: float
    playlist_limit: int
    cookies: str | None = None
    subtitles: Literal["never", "manual", "any"] = "never"
    language: str = "auto"
    look: bool = False  # only tell what it is


class _Log:
    """yt-dlp's console: warnings are kept, the rest is dropped."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def debug(self, text: str) -> None:
        return

    info = debug

    def warning(self, text: str) -> None:
        self._emit("warning", text=text)

    error = debug


def options(task: Task, emit: Emit) -> dict[str, Any]:
    """The parameters of `YoutubeDL` for `task`."""
    selector, sorting = _SELECTORS[task.format]

    def wait_s(n: int) -> float:
        return min(0.25 * 2.0**n, 4.0)

    return {
        "proxy": task.proxy,
        "format": selector.format(p=_PROTOCOLS),
        "format_sort": sorting,
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "lazy_playlist": True,
        "playlistend": task.playlist_limit,
        "continuedl": True,
        "overwrites": False,
        "nopart": False,
        "updatetime": False,
        # A block being read is lost with the connection or the process; yt-dlp would let it grow to 4 MB.
        "buffersize": BLOCK_BYTES,
        "noresizebuffer": True,
        "fixup": "never",
        # They are only told of; which of them are fetched, and where to, is decided here.
        "writesubtitles": task.subtitles != "never",
        "writeautomaticsub": task.subtitles == "any",
        "outtmpl": {"default": "source"},
        "paths": {"home": task.work, "temp": task.work},
        "external_downloader": "native",
        "hls_prefer_native": True,
        "skip_unavailable_fragments": False,
        "socket_timeout": task.socket_timeout_s,
        "retries": INNER_RETRIES,
        "fragment_retries": INNER_RETRIES,
        "extractor_retries": 1,
        "file_access_retries": 2,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment", "extractor", "file_access"), wait_s),
        "cookiefile": io.StringIO(task.cookies) if task.cookies else None,
        "cachedir": False,
        "default_search": "error",
        "enable_file_urls": False,
        "noprogress": True,
        "quiet": True,
        "color": {"stdout": "no_color", "stderr": "no_color"},
        "logger": _Log(emit),
    }
