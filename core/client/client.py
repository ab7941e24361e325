"""The functions of the API, one for each thing that can be asked of it."""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from core.client.documents import (
    AskedExport,
    BatchEvent,
    BatchExport,
    BatchExportFormat,
    BatchJob,
    BatchJobs,
    BatchJobStatus,
    BatchJobWithVideos,
    BatchSettings,
    MadeBatchJob,
    SortBatchJobs,
    StartedBatchJob,
    UploadedVideo,
)
from core.client.downloading import download
from core.client.following import Following, in_background
from core.client.patience import Patience
from core.client.uploading import OnProgress, Uploading
from core.client.wire import Wire

T = TypeVar("T")
ADDRESS = "http://127.0.0.1:8600"
_BATCHES = "/api/batch-jobs"


class Client:
    """Reprise at `address`, asked by the owner of `token`; a context manager that closes what it opened. Thread-safe.

    Without an address it is `REPRISE_URL`, else this machine's service; without a token `REPRISE_TOKEN`, else the first
    one, which the service keeps for this user in `access/admin.token` of its storage (`REPRISE_STORAGE`).

    What passes (nobody answers, 429, 503, …) is tried again within `patience` where that does nothing twice. Every
    function raises `Problem` in one of its kinds, `Unreachable` and `NotUnderstood`.
    """

    def __init__(self, address: str = "", token: str = "", *, patience: Patience = Patience()) -> None:  # noqa: B008 - frozen
        address = address or os.environ.get("REPRISE_URL", "") or ADDRESS
        self._wire = Wire(address, token or found_token(), patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def create_batch_job(
        self,
        name: str,
        description: str = "",
        settings: BatchSettings | dict[str, Any] | None = None,
        video_count: int = 0,
        *,
        priority: int | None = None,
        concurrency: int | None = None,
        idempotency_key: str = "",
    ) -> MadeBatchJob:
        """Make a batch without videos, with signed addresses for `video_count` of them.

        Under the same `idempotency_key`, any text of yours, the same batch is made once, also by another process.
        """
        said = {"name": name, "description": description, "settings": settings or {}, "video_count": video_count}
        said |= {"priority": priority} if priority is not None else {}
        said |= {"concurrency": concurrency} if concurrency is not None else {}
        return self._wire.ask("POST", _BATCHES, MadeBatchJob, json=said, key=idempotency_key or _key())

    def add_videos_to_batch(
        self, batch_job_id: str, video_ids: Iterable[str] = (), *, urls: Iterable[str] = ()
    ) -> BatchJobWithVideos:
        """Put uploaded videos and web addresses into a batch that was not started: all of them or none."""
        said = {"video_ids": list(video_ids), "urls": list(urls)}
        return self._wire.ask("POST", f"{_batch(batch_job_id)}/videos", BatchJobWithVideos, json=said, key=_key())

    def start_batch_processing(self, batch_job_id: str) -> StartedBatchJob:
        """Begin."""
        return self._command(batch_job_id, "start", StartedBatchJob)

    def get_batch_jobs(
        self,
        status: BatchJobStatus | None = None,
        limit: int = 20,
        offset: int = 0,
        sort: SortBatchJobs = "created_at",
    ) -> BatchJobs:
        """One page of batches."""
        return self._wire.ask("GET", _BATCHES, BatchJobs, status=status, limit=limit, offset=offset, sort=sort)

    def get_batch_job(self, batch_job_id: str) -> BatchJobWithVideos:
        """A batch with its videos."""
        return self._wire.ask("GET", _batch(batch_job_id), BatchJobWithVideos)

    def pause_batch_job(self, batch_job_id: str) -> BatchJob:
        """Let it stand still; nothing is lost."""
        return self._command(batch_job_id, "pause", BatchJob)

    def resume_batch_job(self, batch_job_id: str) -> BatchJob:
        """Let it go on where it stood."""
        return self._command(batch_job_id, "resume", BatchJob)

    def cancel_batch_job(self, batch_job_id: str) -> BatchJob:
        """End it; what was published stays."""
        return self._command(batch_job_id, "cancel", BatchJob)

    def retry_failed_videos(self, batch_job_id: str) -> BatchJob:
        """Try what failed once more."""
        return self._command(batch_job_id, "retry-failed", BatchJob)

    def delete_batch_job(self, batch_job_id: str) -> None:
        """Remove a batch that is over."""
        self._wire.ask("DELETE", _batch(batch_job_id), type(None))

    def batch_events(self, batch_job_id: str, after: str = "") -> Iterator[BatchEvent]:
        """How a batch stands and what happens in it, or what happened since the event of id `after`, until it is over.

        Connections that break are made anew, and no event between is lost.
        """
        return Following(self._wire, f"{_batch(batch_job_id)}/progress", after).events()

    def subscribe_to_batch_progress(
        self, batch_job_id: str, callback: Callable[[BatchEvent], object]
    ) -> Callable[[], None]:
        """Call `callback` with each event, from a thread of its own; what is returned ends that."""
        return in_background(Following(self._wire, f"{_batch(batch_job_id)}/progress"), callback)

    def export_batch(
        self,
        batch_job_id: str,
        format: BatchExportFormat = "zip",  # noqa: A002 - the API's name
        include_failed: bool = False,
        **options: Any,
    ) -> AskedExport:
        """Ask for all results of a batch in one file; `options` are the other fields of the described body."""
        said = {"format": format, "include_failed": include_failed, **options}
        return self._wire.ask("POST", f"{_batch(batch_job_id)}/export", AskedExport, json=said, key=_key())

    def get_export_status(self, batch_job_id: str, export_id: str) -> BatchExport:
        """How far an export is, and where it is fetched."""
        return self._wire.ask("GET", f"{_batch(batch_job_id)}/export/{_word(export_id)}", BatchExport)

    def upload_batch_videos(
        self, batch_job_id: str, files: Iterable[str | Path], on_progress: OnProgress | None = None
    ) -> list[UploadedVideo]:
        """Send files, five at a time; they are in the batch once `add_videos_to_batch` has their ids.

        `on_progress` is called with the number of a file and how much of it arrived, 0 to 1; one call at a time, from
        several threads. What broke off is gone on with, also by another call. Raises `UploadsFailed` when all were tried.
        """
        return Uploading(self._wire, batch_job_id, on_progress).all(Path(file) for file in files)

    def download(self, url: str, path: str | Path) -> Path:
        """Fetch a `download_url` or the `url` of a file into the file `path`, which appears when it is complete."""
        return download(self._wire, url, Path(path))

    def _command(self, batch_job_id: str, verb: str, kind: type[T]) -> T:
        return self._wire.ask("POST", f"{_batch(batch_job_id)}/{verb}", kind, key=_key())


def found_token() -> str:
    """`REPRISE_TOKEN`, else the first token of the storage on this machine, else none."""
    if token := os.environ.get("REPRISE_TOKEN", ""):
        return token
    first = Path(os.environ.get("REPRISE_STORAGE", "") or "storage") / "access" / "admin.token"
    return first.read_text("ascii").strip() if first.is_file() else ""


def _batch(batch_job_id: str) -> str:
    return f"{_BATCHES}/{_word(batch_job_id)}"


def _word(text: str) -> str:
    """`text` if it can be one part of a path, so that no id leads elsewhere."""
    if not text or not text.replace("_", "").replace("-", "").isalnum() or not text.isascii():
        raise ValueError(f"{text!r} is no id.")
    return text


def _key() -> str:
    return uuid.uuid4().hex
