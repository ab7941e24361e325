"""What the API answers, under the names that it has there. Times are RFC 3339 in UTC, progress is 0 to 100.

A newer server may answer more than is named here; that is left out, not refused.
"""

from typing import Any, Literal, TypedDict

import msgspec

BatchJobStatus = Literal["pending", "processing", "paused", "completed", "failed", "cancelled"]
ENDED = ("completed", "failed", "cancelled")
BatchVideoStatus = Literal["pending", "uploading", "processing", "completed", "failed", "cancelled"]
BatchExportFormat = Literal["zip", "merged", "playlist"]
SortBatchJobs = Literal["created_at", "priority", "name", "status"]


class BatchSettings(TypedDict, total=False):
    """What is done with each video; what is left out is as the server has it."""

    transcribe: bool
    language: str
    quotes: bool
    summary: bool
    remove_silence: bool
    silence_threshold: float
    detect_highlights: bool
    highlight_sensitivity: str
    keywords: list[str]
    export_format: str
    export_quality: str


class BatchJob(msgspec.Struct, frozen=True, kw_only=True):
    """A batch and how far it is; `estimated_time_remaining` in seconds, None while it is not known."""

    id: str
    user_id: str
    name: str
    description: str
    settings: dict[str, Any]
    status: BatchJobStatus
    total_videos: int
    completed_videos: int
    failed_videos: int
    cancelled_videos: int
    total_duration_seconds: float
    processed_duration_seconds: float
    estimated_time_remaining: int | None
    progress_percentage: int
    priority: int
    created_at: str
    started_at: str | None
    completed_at: str | None
    updated_at: str


class ResultFile(msgspec.Struct, frozen=True, kw_only=True):
    """One published file; `Client.download` fetches its `url`."""

    name: str
    stage: str
    size: int
    sha256: str
    url: str


class ProcessingResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of a video."""

    files: list[ResultFile]


class BatchVideo(msgspec.Struct, frozen=True, kw_only=True):
    """One video of a batch."""

    id: str
    batch_job_id: str
    video_id: str
    position: int
    status: BatchVideoStatus
    progress_percentage: int
    current_stage: str | None
    error_message: str | None
    retry_count: int
    max_retries: int
    processing_result: ProcessingResult | None
    output_video_url: str | None
    created_at: str
    started_at: str | None
    completed_at: str | None
    updated_at: str
    name: str = ""
    duration_seconds: float | None = None


class BatchJobWithVideos(BatchJob, frozen=True, kw_only=True):
    """A batch with its videos, in their order."""

    videos: list[BatchVideo] = []


class BatchJobs(msgspec.Struct, frozen=True, kw_only=True):
    """One page of batches; `total` counts all that match."""

    batch_jobs: list[BatchJob]
    total: int


class MadeBatchJob(msgspec.Struct, frozen=True, kw_only=True):
    """A new batch, and the signed addresses that its videos may be sent to by somebody without a token."""

    batch_job_id: str
    batch_job: BatchJob
    upload_urls: list[str]


class StartedBatchJob(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that is worked on."""

    job_id: str


class BatchExport(msgspec.Struct, frozen=True, kw_only=True):
    """One export; `download_url` is there when it is ready, and good until `expires_at`."""

    id: str
    batch_job_id: str
    format: BatchExportFormat
    status: str
    progress: int
    download_url: str | None
    file_size: int | None
    expires_at: str | None
    created_at: str


class AskedExport(msgspec.Struct, frozen=True, kw_only=True):
    """An export that was asked for."""

    export_job_id: str


class UploadedVideo(msgspec.Struct, frozen=True, kw_only=True):
    """A file on its way, or there (`path`): its `id` is the `video_id` that a batch is given."""

    id: str
    name: str
    size: int
    received: int
    path: str | None


class BatchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a batch: `progress` or `status` of a video, `status` or `completed` of all, `batch` now and then.

    `event_id` is where to go on from, `data` all that was said.
    """

    event_id: str
    type: str
    status: str | None = None
    batch_id: str = ""
    video_id: str | None = None
    progress: float | None = None
    current_stage: str | None = None
    data: dict[str, Any] = {}

    @property
    def is_last(self) -> bool:
        """Whether the batch is over."""
        return self.type in ("completed", "deleted") or (self.type == "batch" and self.status in ENDED)
