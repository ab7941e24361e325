"""One URL through yt-dlp, inside the download process: what it is, and its formats as files `source.0`, `source.1`.

No name, path or extension from the network becomes a file name. A program without a network joins the formats later.
"""

import hashlib
import io
import re
import urllib.parse
from pathlib import Path
from typing import Any, NoReturn

from yt_dlp import YoutubeDL
from yt_dlp.downloader.external import FFmpegFD
from yt_dlp.downloader.http import HttpFD
from yt_dlp.networking import HEADRequest, Request, Response
from yt_dlp.networking.exceptions import HTTPError, TransportError
from yt_dlp.utils import DownloadError, determine_protocol

from core.stages.download.fragments import Dash, Hls
from core.stages.download.offered import fetch_subtitles, tell_playlist
from core.stages.download.options import BLOCK_BYTES, Emit, Task, options
from core.stages.download.partial import Partials, Remote
from core.stages.download.texts import begins_in

MAX_MANIFEST_BYTES = 32 * 1024**2
MAX_STALE = 1
MAX_PAGE_BYTES = 64 * 1024**2


class StaleError(Exception):
    """The server has another file than the one the partial file was begun from."""


class AllThereError(Exception):
    """The partial file already holds every byte."""


class LimitError(Exception):
    """It is larger or longer than allowed; the text says by how much."""


class NotYetError(Exception):
    """It is still being broadcast, or will be."""


class Fetcher(YoutubeDL):  # type: ignore[misc]
    """yt-dlp that watches the requests for the file being downloaded, so that a partial file is never continued wrongly."""

    def __init__(self, task: Task, emit: Emit) -> None:
        self.task = task
        self.emit = emit
        self.partials = Partials(Path(task.work))
        self.fetched = 0
        self._name = ""
        self._format: dict[str, Any] = {}
        super().__init__(options(task, emit), auto_init=True)

    def fetch(self, name: str, chosen: dict[str, Any]) -> None:
        """Download the format `chosen` as the file `name`, taking over what is there; returns when it is whole."""
        format_id = str(chosen.get("format_id") or "0")
        if lost := self.partials.drop_fragments(name):
            self.emit("lost", bytes=lost)
        lost = self.partials.clean(name, format_id)
        if lost:
            self.emit("dropped", name=name, bytes=lost, why="it belonged to something else")
        if self.partials.is_whole(name, format_id):
            return
        self._name, self._format = name, chosen
        stale = 0
        while True:
            before = self.partials.size(name)
            try:
                self._download(name, chosen)
            except AllThereError:
                (self.partials.folder / f"{name}.part").rename(self.partials.folder / name)
                break
            except StaleError as error:
                self.emit("dropped", name=name, bytes=self.partials.drop(name), why=str(error))
                stale += 1
                if stale > MAX_STALE:
                    raise DownloadError("the file on the server changes while it is being downloaded") from error
            except DownloadError:
                # Every byte that came counts as a new start: a line that breaks often still ends.
                if self.partials.size(name) <= before or not self._continues():
                    raise
            else:
                break
        self._name = ""
        self.partials.mark_whole(name)

    def size_of(self, chosen: dict[str, Any]) -> int | None:
        """What the server says a format's file has, if it is only looked at; None when it does not say."""
        if not self.task.look or determine_protocol(chosen) not in ("http", "https"):
            return None
        try:
            with super().urlopen(HEADRequest(chosen["url"], headers=chosen.get("http_headers") or {})) as response:
                length = response.headers.get("Content-Length") or ""
        except (HTTPError, TransportError):
            return None
        return int(length) if length.isdigit() else None

    def _continues(self) -> bool:
        remote = self.partials.get(self._name)
        return remote is not None and (remote.size is not None or remote.manifest is not None)

    def _download(self, name: str, chosen: dict[str, Any]) -> None:
        protocol = determine_protocol(chosen)
        kind = {"http": HttpFD, "https": HttpFD, "m3u8": Hls, "m3u8_native": Hls, "http_dash_segments": Dash}.get(
            protocol
        )
        if kind is None:
            raise DownloadError(f"The protocol {protocol} is not supported")
        downloader = kind(self, self.params)
        downloader.add_progress_hook(self._hook)
        path = str(self.partials.folder / name)
        success, _ = downloader.download(path, {**chosen, "ext": "mp4", "is_live": False})
        if not success:
            raise DownloadError("The download ended early")

    def _hook(self, state: dict[str, Any]) -> None:
        done = int(state.get("downloaded_bytes") or 0)
        if done > self.task.max_bytes:
            raise LimitError(f"more than {self.task.max_bytes} bytes were sent")
        if state.get("status") == "downloading":
            total = state.get("total_bytes") or state.get("total_bytes_estimate")
            self.emit("progress", name=self._name, done=done, total=int(total) if total else None)

    def urlopen(self, req: Any) -> Response:
        """As yt-dlp does; a request for the file being downloaded is checked against the partial file first."""
        request = Request(req) if isinstance(req, str) else req
        mine = self._name and isinstance(request, Request) and request.url == self._format.get("url")
        if not mine:
            return _bounded(super().urlopen(req))
        if determine_protocol(self._format) not in ("http", "https"):
            return self._manifest(super().urlopen(request))
        known, part = self.partials.get(self._name), self.partials.size(self._name)
        if part and known and "Range" in request.headers and (validator := known.validator()):
            request.headers["If-Range"] = validator
        try:
            response = super().urlopen(request)
        except HTTPError as error:
            if error.status == 416 and part:
                self._beyond_the_end(error, known, part)
            raise
        self._compare(response, known, part)
        return response

    def _beyond_the_end(self, error: HTTPError, known: Remote | None, part: int) -> NoReturn:
        """The server has nothing after our bytes: they are all of it, or too many, or of something else."""
        headers = error.response.headers
        size = re.fullmatch(r"bytes \*/(\d+)", headers.get("Content-Range") or "")
        etag = headers.get("ETag")
        if size and int(size[1]) == part and (known is None or etag is None or known.etag == etag):
            raise AllThereError from error
        raise StaleError("it is longer than the file on the server") from error

    def _compare(self, response: Response, known: Remote | None, part: int) -> None:
        ranged = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range") or "")
        length = ranged[2] if ranged else response.headers.get("Content-Length")
        found = Remote(
            address=_bare(str(self._format.get("url"))),
            format_id=str(self._format.get("format_id") or "0"),
            size=int(length) if length and length.isdigit() else None,
            etag=response.headers.get("ETag"),
            last_modified=response.headers.get("Last-Modified"),
        )
        if found.size is not None and found.size > self.task.max_bytes:
            raise LimitError(f"it has {found.size} bytes")
        if part and ranged and (known is None or not known.continues(found)):
            response.close()
            raise StaleError("the file on the server has changed")
        if part and not ranged:
            self.emit(
                "dropped", name=self._name, bytes=part, why="the server cannot continue it, or has changed the file"
            )
        self.partials.note(self._name, found)

    def _manifest(self, response: Response) -> Response:
        """`response` with its playlist read and compared: other segments mean another file."""
        body = response.read(MAX_MANIFEST_BYTES + 1)
        if len(body) > MAX_MANIFEST_BYTES:
            raise LimitError("its list of segments is too long")
        # The parameters of segment addresses are signatures that change with every request.
        lines = [line.partition(b"?")[0] for line in body.splitlines()]
        found = Remote(
            address=_bare(str(self._format.get("url"))),
            format_id=str(self._format.get("format_id") or "0"),
            manifest=hashlib.sha256(b"\n".join(lines)).hexdigest(),
        )
        known = self.partials.get(self._name)
        if self.partials.size(self._name) and (known is None or not known.continues(found)):
            raise StaleError("the list of segments on the server has changed")
        self.partials.note(self._name, found)
        return Response(io.BytesIO(body), response.url, dict(response.headers.items()), response.status)


def run(task: Task, emit: Emit) -> None:
    """Find out what `task.url` is and fetch it, telling all through `emit`; raises what yt-dlp raises."""
    _no_ffmpeg()
    with Fetcher(task, emit) as fetcher:
        for last in (False, True):
            info = fetcher.extract_info(task.url, download=False)
            if info is None:
                raise DownloadError("The site gave no video")
            if info.get("_type") in ("playlist", "multi_video"):
                tell_playlist(info, task, emit)
                return
            _refuse_unsuitable(info, task)
            chosen = info.get("requested_formats") or [info]
            if not all(one.get("url") for one in chosen):
                fetcher.raise_no_formats(info, True)
            names = [f"source.{number}" for number in range(len(chosen))]
            _tell_video(info, chosen, names, fetcher, emit)
            if task.look:
                return
            try:
                for name, one in zip(names, chosen, strict=True):
                    fetcher.fetch(
                        name, {**{key: info.get(key) for key in ("id", "extractor_key", "http_headers")}, **one}
                    )
            except (DownloadError, HTTPError) as error:
                # Addresses of media are signed for a short time: one fresh one is asked for.
                if last or "HTTP Error 403: Reprise" in str(error) or "HTTP Error 403" not in str(error):
                    raise
                continue
            fetch_subtitles(info, task, fetcher, emit)
            emit("done", names=names)
            return


def _tell_video(
    info: dict[str, Any], chosen: list[dict[str, Any]], names: list[str], fetcher: Fetcher, emit: Emit
) -> None:
    sizes = [one.get("filesize") or one.get("filesize_approx") or fetcher.size_of(one) for one in chosen]
    duration = info.get("duration")
    title, id_, site = (str(info.get(key) or "") for key in ("title", "id", "extractor_key"))
    known = {"title": title, "extractor": site, "id": id_ if site != "Generic" else ""}
    emit(
        "video",
        **known,
        total=sum(int(size) for size in sizes if size) if all(sizes) else None,
        duration=duration if isinstance(duration, int | float) else None,
        present={name: fetcher.partials.size(name) for name in names},
    )


def _refuse_unsuitable(info: dict[str, Any], task: Task) -> None:
    if info.get("live_status") in ("is_live", "is_upcoming"):
        raise NotYetError(f"{info['live_status']}{begins_in(info.get('release_timestamp'))}")
    duration = info.get("duration")
    if isinstance(duration, (int, float)) and duration > task.max_media_s:
        raise LimitError(f"it lasts {duration / 3600:.1f} hours")
    size = sum(one.get("filesize") or 0 for one in info.get("requested_formats") or [info])
    if size > task.max_bytes:
        raise LimitError(f"it has {size} bytes")


def _no_ffmpeg() -> None:
    """ffmpeg would open its own sockets and files; streams that need it are refused instead."""

    def unavailable(*_: Any, **__: Any) -> bool:
        return False

    def refuse(*_: Any, **__: Any) -> bool:
        raise DownloadError("This kind of stream is not supported")

    FFmpegFD.available = unavailable
    FFmpegFD.real_download = refuse


def _bounded(response: Response) -> Response:
    """`response` whose body cannot be read whole if it is larger than any page: compressed ones unfold to anything."""
    read = response.read

    def read_bounded(amt: int | None = None) -> bytes:
        if amt is not None:
            return bytes(read(amt))
        body = bytearray()
        while piece := read(BLOCK_BYTES):
            body += piece
            if len(body) > MAX_PAGE_BYTES:
                raise LimitError(f"the page has more than {MAX_PAGE_BYTES} bytes")
        return bytes(body)

    response.read = read_bounded
    return response


def _bare(url: str) -> str:
    return urllib.parse.urlsplit(url)._replace(query="", fragment="").geturl()


__all__ = ["Emit", "Fetcher", "LimitError", "NotYetError", "StaleError", "Task", "TransportError", "run"]
