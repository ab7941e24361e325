"""A client of Reprise's HTTP API: typed, patient with what passes, and in need of httpx2 and msgspec only.

    from core.client import Client

    with Client("http://127.0.0.1:8600") as reprise:
        made = reprise.create_batch_job("Season 2", settings={"transcribe": True})
        sent = reprise.upload_batch_videos(made.batch_job_id, ["one.mp4", "two.mp4"])
        reprise.add_videos_to_batch(made.batch_job_id, [video.id for video in sent])
        reprise.start_batch_processing(made.batch_job_id)
        for event in reprise.batch_events(made.batch_job_id):
            print(event.type, event.video_id, event.progress)

Nothing here imports anything else of Reprise, so that the folder can be copied into another project.
"""

from core.client.client import Client
from core.client.documents import (
    BatchEvent,
    BatchExport,
    BatchJob,
    BatchJobs,
    BatchJobWithVideos,
    BatchSettings,
    BatchVideo,
    MadeBatchJob,
    StartedBatchJob,
    UploadedVideo,
)
from core.client.patience import Patience
from core.client.problems import (
    ClientError,
    Gone,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotUnderstood,
    NotUsable,
    Problem,
    Refused,
    ServerTrouble,
    Stale,
    TooMany,
    Unreachable,
    UploadsFailed,
)

__all__ = [
    "BatchEvent",
    "BatchExport",
    "BatchJob",
    "BatchJobWithVideos",
    "BatchJobs",
    "BatchSettings",
    "BatchVideo",
    "Client",
    "ClientError",
    "Gone",
    "MadeBatchJob",
    "NotAllowed",
    "NotFound",
    "NotSignedIn",
    "NotUnderstood",
    "NotUsable",
    "Patience",
    "Problem",
    "Refused",
    "ServerTrouble",
    "Stale",
    "StartedBatchJob",
    "TooMany",
    "Unreachable",
    "UploadedVideo",
    "UploadsFailed",
]
