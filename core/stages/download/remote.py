"""A URL, fetched by the download process through the filtering proxy; this side watches, counts and judges."""

import json
import os
import re
import sys
from collections import deque
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from core.domain.errors import BadInput, ErrorClass, StageError
from core.domain.run import Source, Work
from core.domain.settings import Settings
from core.stages.download.classify import classify
from core.stages.download.source import canonical_url, shown
from core.stages.download.subtitles import Subtitles, wants_subtitles
from core.stages.download.texts import ID_LENGTH, display_title, log_line, plain
from core.stages.stage import Attempt, Entry, Expanded
from core.system.egress import EgressProxy
from core.system.files import free_bytes, size_of
from core.system.network import AllowedHosts
from core.system.programs import Limits, Program, signal_name

PLAYLIST_LIMIT = 50
MEMORY_BYTES = 2 * 1024**3
KEPT_WARNINGS = 5
CONTAINER_BYTES = 2**26  # a video of the largest size allowed may come with this much beside it
NEAR_BYTES = 2**20  # so close to the reserve, the disk is why a write was refused
# Slower than this over the whole window is as good as standing still.
STALL_BYTES_PER_S = 100
STALL_WINDOWS = 4
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a download may use."""

    allowed: AllowedHosts
    socket_timeout_s: float
    max_media_bytes: int
    max_media_s: float
    free_space_bytes: int


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A downloaded video: its files (picture and sound may be separate), its title, its id at its site, what it cost."""

    files: tuple[Path, ...]
    title: str
    id: str = ""
    work: Work
    subtitles: Subtitles | None = None


def fetch(attempt: Attempt, source: Source, settings: Settings, bounds: Bounds) -> Fetched | Expanded:
    """Download `source` into `attempt.work`, taking over what is there; a playlist gives its entries instead.

    Raises `StageError` of the class the failure amounts to.
    """
    host = urlsplit(source.value).hostname or "the host"
    with open_proxy(source, bounds) as proxy:
        watcher = _Watcher(attempt, proxy, bounds)
        argv = [sys.executable, "-B", "-m", "core.stages.download.child"]
        limits = Limits(
            address_space_bytes=MEMORY_BYTES, file_size_bytes=_largest_file(attempt.work, bounds), open_files=256
        )
        root = Path(__file__).parents[3]
        with Program(
            argv,
            check=attempt.check,
            stdin=_task(attempt, source, settings, bounds, proxy),
            cwd=root,
            env=environment(attempt.work),
            limits=limits,
            max_line_bytes=8 * 1024**2,
        ) as program:
            watcher.program = program
            for stream, line in program.lines(on_poll=watcher.watch):
                if stream == "stdout":
                    watcher.take(line)
            ended = program.finished
        for warning in watcher.warnings:
            attempt.log(f"yt-dlp: {warning}")
        if watcher.result is not None:
            return watcher.result
        refused = proxy.refusal()
        if refused is not None:
            raise StageError(
                ErrorClass.PRIVATE_ADDRESS,
                f"{host} leads to the private or local address {refused.host}, which is not fetched."
                if refused.host != host
                else f"{host} is a private or local address, which is not fetched.",
            )
        if watcher.chain is None:
            for line in ended.tail_stderr[-5:]:
                attempt.log(log_line(line))
            raise StageError(
                ErrorClass.CRASH, f"The download process ended without a word: {signal_name(ended.returncode)}."
            )
        if watcher.chain:
            attempt.log(f"yt-dlp: {log_line(str(watcher.chain[0]['text']))}")
            require_space(attempt.work, NEAR_BYTES, bounds)
        raise classify(watcher.chain, host=host, url_suffix=PurePosixPath(urlsplit(source.value).path).suffix)


def open_proxy(source: Source, bounds: Bounds) -> EgressProxy:
    """The filtering proxy through which `source` is fetched. Raises `StageError(TOOLING)` for a proxy that is none."""
    try:
        return EgressProxy(bounds.allowed, connect_timeout_s=bounds.socket_timeout_s, upstream=source.proxy)
    except BadInput as error:
        raise StageError(ErrorClass.TOOLING, error.message, hint=error.hint) from error


def require_space(folder: Path, needed: int, bounds: Bounds) -> None:
    """Raise `StageError(DISK_FULL)` unless `needed` bytes fit on the disk of `folder` and the reserve stays free."""
    free = free_bytes(folder)
    if free < needed + bounds.free_space_bytes:
        raise StageError(
            ErrorClass.DISK_FULL,
            f"Only {free / 1e6:.0f} MB are free on the disk; {(needed + bounds.free_space_bytes) / 1e6:.0f} MB are needed.",
        )


def _largest_file(folder: Path, bounds: Bounds) -> int:
    """How many bytes one file of the download may grow to.

    The free space is looked at while the download runs, but a fast one fills a disk between two looks; the kernel
    stops it at the reserve, without which no state could be written any more.
    """
    largest = max((size_on_disk(path) for path in folder.iterdir()), default=0)
    spare = max(free_bytes(folder) - bounds.free_space_bytes, 0)
    return min(bounds.max_media_bytes + CONTAINER_BYTES, largest + spare)


class _Watcher:
    """Takes the events of the download process and knows when it goes too far or stands still."""

    def __init__(self, attempt: Attempt, proxy: EgressProxy, bounds: Bounds) -> None:
        self.program: Program | None = None
        self.warnings: deque[str] = deque(maxlen=KEPT_WARNINGS)
        self.result: Fetched | Expanded | None = None
        self.chain: list[dict[str, Any]] | None = None
        self._attempt = attempt
        self._proxy = proxy
        self._bounds = bounds
        self._title = self._id = ""
        self._total: int | None = None
        self._present: dict[str, int] = {}
        self._window = (0.0, 0)
        self._subtitles: Subtitles | None = None

    def watch(self) -> None:
        """Called while waiting; raises when time, bytes or patience are used up."""
        assert self.program is not None
        self._tell_progress()
        require_space(self._attempt.work, 0, self._bounds)
        now, received = self.program.active_s, self._proxy.received_bytes
        window_s = STALL_WINDOWS * self._bounds.socket_timeout_s
        began, had = self._window
        if received - had >= STALL_BYTES_PER_S * window_s:
            self._window = (now, received)
        elif now - began > window_s:
            raise StageError(ErrorClass.NETWORK, f"The server sent almost nothing for {window_s:g} seconds.")
        if now > self._bounds.max_media_s:
            raise StageError(
                ErrorClass.LIMIT_EXCEEDED, f"The download did not end within {self._bounds.max_media_s / 3600:g} hours."
            )

    def _tell_progress(self) -> None:
        """What is on the disk counts; it is told also while nothing new comes."""
        if self._present:
            done = sum(size_on_disk(self._attempt.work / name) for name in self._present)
            self._attempt.progress(done, self._total, "downloading")

    def take(self, line: str) -> None:
        """One event of the download process."""
        try:
            event = json.loads(line)
        except ValueError:
            return  # a library's own chatter
        match event.get("event"):
            case "video":
                self._title, self._total = display_title(event["title"]), event["total"]
                self._id = plain(event["id"], ID_LENGTH)
                if not self._present:  # a second look at an expired address is no second start
                    self._present = event["present"]
                require_space(self._attempt.work, (self._total or 0) - sum(self._present.values()), self._bounds)
                self._attempt.log(f"Found “{self._title}” ({event['extractor']}).")
            case "progress":
                if len(self._present) == 1:
                    self._total = event["total"] or self._total
                self._tell_progress()
            case "dropped":
                self._attempt.units.lost(event["bytes"])
                self._present[event["name"]] = 0
                self._attempt.log(f"What was already there ({event['bytes']} bytes) is not continued: {event['why']}.")
            case "lost":
                self._attempt.units.lost(event["bytes"])
            case "warning":
                text = log_line(event["text"])
                if text not in self.warnings:
                    self.warnings.append(text)
            case "subtitles":
                path = self._attempt.work / event["name"]
                # What a page calls a language may be anything; it becomes a part of file names.
                language = event["language"] if _LANGUAGE.match(event["language"]) else None
                self._subtitles = Subtitles(path=path, language=language, kind=event["kind"])
            case "playlist":
                self.result = self._playlist(event)
            case "done":
                self.result = self._fetched([self._attempt.work / name for name in event["names"]])
            case "error":
                self.chain = event["chain"]

    def _fetched(self, files: list[Path]) -> Fetched:
        size = sum(path.stat().st_size for path in files)
        reused = min(sum(self._present.values()), size)
        return Fetched(
            files=tuple(files),
            title=self._title or shown(self._attempt.job.source),
            id=self._id,
            work=Work(unit="bytes", done=float(size - reused), reused=float(reused)),
            subtitles=self._subtitles,
        )

    def _playlist(self, event: dict[str, Any]) -> Expanded:
        entries: list[Entry] = []
        refused: list[BadInput] = []
        for entry in event["entries"]:
            try:
                url = canonical_url(entry["url"], self._bounds.allowed)
            except BadInput as error:
                refused.append(error)
            else:
                entries.append(Entry(url=url, title=display_title(entry["title"])))
        if refused:
            self._attempt.log(f"{len(refused)} entries are left out; the first because: {refused[0].message}")
        if not entries:
            private = any(error.code == "url_private_address" for error in refused)
            raise StageError(
                ErrorClass.PRIVATE_ADDRESS if private else ErrorClass.UNSUPPORTED_URL,
                "The page is a list without any video that may be fetched.",
            )
        title, total = display_title(event["title"]), event["total"]
        more = f" of {total}" if total is not None and total > len(entries) else ""
        self._attempt.log(f"“{title}” is a list; its first {len(entries)}{more} videos are taken.")
        return Expanded(title=title, entries=tuple(entries), total=total)


def size_on_disk(path: Path) -> int:
    """The bytes of a file that is downloaded, finished or not; its tool may rename it at any moment."""
    return max(size_of(path.with_name(f"{path.name}.part")), size_of(path))


def _task(attempt: Attempt, source: Source, settings: Settings, bounds: Bounds, proxy: EgressProxy) -> bytes:
    return msgspec.json.encode(
        {
            "url": source.value,
            "work": str(attempt.work.absolute()),
            "proxy": proxy.url,
            "format": settings.format,
            "socket_timeout_s": bounds.socket_timeout_s,
            "max_bytes": bounds.max_media_bytes,
            "max_media_s": bounds.max_media_s,
            "playlist_limit": PLAYLIST_LIMIT,
            "cookies": read_cookies(source),
            "subtitles": settings.use_subtitles if wants_subtitles(attempt.job) else "never",
            "language": settings.language,
        }
    )


def read_cookies(source: Source) -> str | None:
    """The text of the cookies file of `source`, if it has one. Raises `StageError(AUTH_REQUIRED)` when it is gone."""
    if source.cookies is None:
        return None
    try:
        return Path(source.cookies).read_text("utf-8", errors="replace")
    except OSError as error:
        raise StageError(ErrorClass.AUTH_REQUIRED, f"The cookies file cannot be read: {error.strerror}.") from error


def environment(work: Path) -> dict[str, str]:
    """Nothing of ours but what Python needs: no proxies, no keys, no home with a configuration in it."""
    kept = {
        name: value
        for name in ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")
        if (value := os.environ.get(name))
    }
    home = str(work.absolute())
    return {**kept, "HOME": home, "TMPDIR": home, "XDG_CONFIG_HOME": home, "YTDLP_NO_PLUGINS": "1", "PYTHONUTF8": "1"}
