"""Files on their way: five at a time, in parts with checksums, going on where a part broke off."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from core.client.documents import UploadedVideo
from core.client.patience import Patience
from core.client.problems import (
    ClientError,
    NotUnderstood,
    NotUsable,
    Problem,
    Refused,
    ServerTrouble,
    TooMany,
    Unreachable,
    UploadsFailed,
)
from core.client.wire import Wire

AT_ONCE = 5
PART_BYTES = 8 * 2**20
TRIES = 3
# Number of the file, and how much of it has arrived, 0 to 1.
OnProgress = Callable[[int, float], object]


class Uploading:
    """Sends files to one batch."""

    def __init__(self, wire: Wire, group: str, on_progress: OnProgress | None, part_bytes: int = PART_BYTES) -> None:
        self._wire, self._group, self._on_progress, self._part_bytes = wire, group, on_progress, part_bytes
        self._patience = Patience(tries=TRIES, first_s=wire.patience.first_s, longest_s=wire.patience.longest_s)
        self._guard = threading.Lock()

    def all(self, paths: Iterable[Path]) -> list[UploadedVideo]:
        """Send each; raises `UploadsFailed` when all were tried and some did not arrive."""
        uploaded: dict[int, UploadedVideo] = {}
        failed: dict[int, Exception] = {}
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as pool:
            sending = [pool.submit(self.one, number, path) for number, path in enumerate(paths)]
        for number, sent in enumerate(sending):
            error = sent.exception()
            if error is None:
                uploaded[number] = sent.result()
            elif isinstance(error, ClientError | OSError):
                failed[number] = error
            else:
                raise error
        if failed:
            raise UploadsFailed(failed, uploaded)
        return list(uploaded.values())

    def one(self, number: int, path: Path) -> UploadedVideo:
        """Send one; begun before and broken off, it is gone on with."""
        with path.open("rb") as file:
            about = path.stat()
            mark = f"{self._group}:{path.name}:{about.st_size}:{about.st_mtime_ns}"
            said = {"name": path.name, "size": about.st_size, "group": self._group, "mark": mark}
            # Announcing twice finds the first, by its mark: the mark is the key.
            sent = self._wire.ask("POST", "/api/uploads", UploadedVideo, json=said, key=_key(mark))
            self._tell(number, sent)
            while sent.path is None:
                sent = self._part(file, sent)
                self._tell(number, sent)
        return sent

    def _part(self, file: BinaryIO, sent: UploadedVideo) -> UploadedVideo:
        """The next part, in `TRIES` tries; how far it is then."""
        tried = 0
        while True:
            tried += 1
            try:
                return self._try(file, sent)
            except (Unreachable, Refused, ServerTrouble, TooMany) as error:
                why: ClientError = error
            except NotUsable as error:
                if error.code != "checksum":
                    raise
                why = error
            asked_s = why.retry_after_s if isinstance(why, Problem) else None
            wait_s = self._patience.wait_s(tried, asked_s)
            if wait_s is None:
                raise why
            self._wire.rest(wait_s)
            now = self._wire.ask("GET", f"/api/uploads/{sent.id}", UploadedVideo)
            if now.path is not None or now.received > sent.received:
                return now
            sent = now

    def _try(self, file: BinaryIO, sent: UploadedVideo) -> UploadedVideo:
        file.seek(sent.received)
        # Nothing is left when the server was killed before it could say that all is there; then nothing is sent.
        part = file.read(min(self._part_bytes, sent.size - sent.received))
        if not part and sent.received < sent.size:
            raise OSError(f"{sent.name} became shorter while it was sent.")
        digest = base64.b64encode(hashlib.sha256(part).digest()).decode()
        headers = {"Content-Digest": f"sha-256=:{digest}:", "Content-Type": "application/octet-stream"}
        path = f"/api/uploads/{sent.id}"
        now = self._wire.send("PATCH", path, UploadedVideo, part, headers, offset=sent.received)
        if now.path is None and now.received == sent.received:
            raise NotUnderstood(f"The server took nothing of {sent.name}, and did not say why.")
        return now

    def _tell(self, number: int, sent: UploadedVideo) -> None:
        if self._on_progress is not None:
            with self._guard:
                self._on_progress(number, sent.received / sent.size)


def _key(mark: str) -> str:
    return hashlib.sha256(mark.encode()).hexdigest()
