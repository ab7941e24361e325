"""Sends a folder of videos to Reprise, watches them being worked on, and fetches what came out.

    ./reprise serve
    PYTHONPATH=. .venv/bin/python docs/examples/upload_folder.py talks results

A token is found as `core.client.Client` says; another server is named by REPRISE_URL. Run it again after it broke off
during the upload: what was sent is gone on with.
"""

import argparse
import json
import sys
from pathlib import Path

from core.client import BatchEvent, BatchJobWithVideos, Client, ClientError, UploadsFailed

VIDEOS = {".mp4", ".mov", ".avi", ".webm", ".mkv"}
ARCHIVE = "results.zip"


def main() -> int:
    """0 when every video is completed, 1 when some are not, 2 when it could not be done."""
    asked = argparse.ArgumentParser(description="Send a folder of videos, wait, and fetch what came out.")
    asked.add_argument("folder", type=Path, help="where the videos are")
    asked.add_argument("results", type=Path, help="where what comes out is to lie")
    asked.add_argument("--settings", type=json.loads, default={}, help='JSON, such as {"remove_silence": true}')
    given = asked.parse_args()
    try:
        videos = sorted(path for path in given.folder.iterdir() if path.suffix.lower() in VIDEOS)
        if not videos:
            print(f"There are no videos in {given.folder}.", file=sys.stderr)
            return 2
        with Client() as reprise:
            batch = work(reprise, given.folder.resolve().name, videos, given.settings)
            fetch(reprise, batch, given.results)
    except (ClientError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0 if batch.completed_videos == batch.total_videos else 1


def work(reprise: Client, name: str, videos: list[Path], settings: dict[str, object]) -> BatchJobWithVideos:
    """The batch of these videos, when it has been worked on."""
    made = reprise.create_batch_job(name, settings=settings)
    print(f"Batch {made.batch_job_id}")
    try:
        sent = reprise.upload_batch_videos(
            made.batch_job_id, videos, lambda number, share: print(f"{videos[number].name}: {share:.0%} sent")
        )
    except UploadsFailed as failed:
        for number, why in failed.failed.items():
            print(f"{videos[number].name} is left out: {why}", file=sys.stderr)
        sent = list(failed.uploaded.values())
        if not sent:
            raise
    reprise.add_videos_to_batch(made.batch_job_id, [video.id for video in sent])
    reprise.start_batch_processing(made.batch_job_id)
    for event in reprise.batch_events(made.batch_job_id):
        print(line(event))
    return reprise.get_batch_job(made.batch_job_id)


def line(event: BatchEvent) -> str:
    """An event in a few words."""
    if event.video_id is None:
        return f"The batch is {event.status}."
    return f"{event.video_id}: {event.status}, {event.current_stage or 'waiting'}, {event.progress or 0:.0f} %"


def fetch(reprise: Client, batch: BatchJobWithVideos, results: Path) -> None:
    """Every published file in a folder for each video, and all videos in one archive."""
    for video in batch.videos:
        if video.error_message:
            print(f"{video.name}: {video.error_message}", file=sys.stderr)
        for file in video.processing_result.files if video.processing_result is not None else []:
            folder = results / f"{video.position:03} {video.name}" / file.stage
            folder.mkdir(parents=True, exist_ok=True)
            print(reprise.download(file.url, folder / file.name))
    if batch.completed_videos:
        asked = reprise.export_batch(batch.id, "zip")
        export = reprise.get_export_status(batch.id, asked.export_job_id)
        if export.download_url is not None:  # a ZIP is ready at once
            print(reprise.download(export.download_url, results / ARCHIVE))


if __name__ == "__main__":
    sys.exit(main())
