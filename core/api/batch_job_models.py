"""The documents of S1: what is sent to `/api/batch-jobs` and what it answers, with that document's own names."""

from typing import Annotated, Any, Literal

from pydantic import Field

from core.api.requests import Strict
from core.api.setting_fields import Given
from core.domain.batch import MAX_RUNS
from core.domain.batch_job_words import BatchStatus, ExportStatus, Stage, VideoStatus
from core.domain.limits import CONCURRENCY, MAX_DESCRIPTION, MAX_NAME, PRIORITY

Name = Annotated[str, Field(max_length=MAX_NAME, examples=["Season 2"])]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION)]
Priority = Annotated[int, Field(ge=PRIORITY[0], le=PRIORITY[1], description="0 is last, 10 first.")]
Concurrency = Annotated[int, Field(ge=CONCURRENCY[0], le=CONCURRENCY[1], description="So many videos at once.")]
Id = Annotated[str, Field(max_length=64)]
Share = Annotated[int, Field(ge=0, le=100)]
Count = Annotated[int, Field(ge=0)]
Time = Annotated[str, Field(description="RFC 3339, UTC", examples=["2026-11-22T15:04:05.123Z"])]


class NewBatchJob(Strict):
    """A batch that is to be made, still without videos."""

    name: Name
    description: Description = ""
    settings: Given = Field(default_factory=dict)
    video_count: Annotated[int, Field(ge=0, le=MAX_RUNS, description="So many upload URLs are made.")] = 0
    priority: Priority | None = None
    concurrency: Concurrency | None = None


class MoreVideos(Strict):
    """Videos for a batch that was not started: uploads that are whole, and addresses."""

    video_ids: Annotated[list[Id], Field(max_length=MAX_RUNS)] = Field(default_factory=list)
    urls: Annotated[
        list[Annotated[str, Field(max_length=4096)]],
        Field(max_length=MAX_RUNS, examples=[["https://example.org/talk.mp4"]]),
    ] = Field(default_factory=list)


class Changes(Strict):
    """What is to be changed of a batch; what is left out stays."""

    name: Annotated[Name, Field(min_length=1)] | None = None
    description: Description | None = None
    priority: Priority | None = None
    concurrency: Concurrency | None = None
    settings: Given | None = None


class Reason(Strict):
    """Why something is asked for; it stands in the history."""

    reason: Annotated[str, Field(max_length=500)] = ""


class Stopping(Reason):
    """How a batch is to be paused."""

    drain: Annotated[bool, Field(description="Let the stages that run come to their end.")] = False


class Order(Strict):
    """Every queued video once, in the order in which they are to start: ids of batch videos."""

    video_order: Annotated[list[Id], Field(max_length=MAX_RUNS)]


class NewExport(Strict):
    """What is to be packed, and how."""

    format: Literal["zip", "merged", "playlist"]
    include_failed: bool = False
    partial: Annotated[bool, Field(description="Take what is finished of a batch that is still at work.")] = False
    pattern: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    original_names: bool = False
    prefix: bool = False
    transcripts: bool = False
    summaries: bool = False
    quotes: bool = False


class BatchJob(Strict):
    """A batch and how far it is."""

    id: str
    user_id: str
    name: str
    description: str
    settings: dict[str, Any]
    status: BatchStatus
    total_videos: Count
    completed_videos: Count
    failed_videos: Count
    cancelled_videos: Annotated[Count, Field(description="With those that are skipped.")]
    total_duration_seconds: float
    processed_duration_seconds: float
    estimated_time_remaining: Annotated[Count | None, Field(description="Seconds; null while it is not known.")]
    progress_percentage: Share
    priority: int
    concurrency: int
    created_at: Time
    started_at: Time | None
    completed_at: Time | None
    updated_at: Time


class ResultFile(Strict):
    """One published file."""

    name: str
    stage: str
    size: int
    sha256: str
    url: str


class ProcessingResult(Strict):
    """What came out of a video."""

    files: list[ResultFile]


class BatchVideo(Strict):
    """One video of a batch: `id` is its run's (`/api/runs/{id}`), `video_id` that of its upload, if it was uploaded."""

    id: str
    batch_job_id: str
    video_id: str
    name: str
    duration_seconds: float | None
    position: int
    status: VideoStatus
    progress_percentage: Share
    current_stage: Stage | None
    error_message: str | None
    retry_count: Count
    max_retries: Count
    processing_result: ProcessingResult | None
    output_video_url: str | None
    created_at: Time
    started_at: Time | None
    completed_at: Time | None
    updated_at: Time


class BatchJobWithVideos(BatchJob):
    """A batch with all its videos, in their order."""

    videos: list[BatchVideo]


class BatchJobs(Strict):
    """One page of batches; `total` counts all that match."""

    batch_jobs: list[BatchJob]
    total: Count
    limit: Count
    offset: Count


class Upload(Strict):
    """Where one video is sent to (`PUT`, with `&name=`); the `id` of the answer is the `video_id` it is added by."""

    url: str
    expires_at: Time


class MadeBatchJob(Strict):
    """A new batch and where its videos are sent to."""

    batch_job_id: str
    batch_job: BatchJob
    upload_urls: list[str]
    uploads: list[Upload]


class Started(Strict):
    """The batch is worked on; `job_id` is its id."""

    job_id: str
    batch_job: BatchJob


class BatchExport(Strict):
    """One export and how far it is; `download_url` needs no token and is good until `expires_at`."""

    id: str
    batch_job_id: str
    format: Literal["zip", "merged", "playlist"]
    status: ExportStatus
    progress: Share
    download_url: str | None
    file_size: int | None
    expires_at: Time | None
    created_at: Time
    error_message: str | None


class AskedExport(BatchExport):
    """An export that was asked for."""

    export_job_id: str


class BatchExports(Strict):
    """The exports of a batch, the newest first."""

    exports: list[BatchExport]
    total: Count
