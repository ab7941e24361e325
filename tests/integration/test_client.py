"""The client against a real server: a folder goes up, is worked on and comes back, also when the server is restarted meanwhile."""

import os
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.client import Client, NotFound, NotSignedIn, NotUsable, Patience, Refused, uploading
from tests.integration.test_serve_api import free_port
from tests.support.media_files import media_file
from tests.support.product import ROOT, Product

ONLY_THE_FILE = {"transcribe": False, "quotes": False, "summary": False}
SETTINGS = '{"transcribe": false, "quotes": false, "summary": false, "export_format": "mp4", "export_quality": "720p"}'


class Server:
    """A service with its API on a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.product = Product(folder)
        self._service = self._serve()
        self.url = f"http://127.0.0.1:{self.port}"
        token = self.product.layout.admin_token().read_text().strip()
        self.environment = {"REPRISE_URL": self.url, "REPRISE_STORAGE": str(self.product.storage)}
        self.client = Client(self.url, token, patience=Patience(tries=20, first_s=0.1, longest_s=1.0))

    def _serve(self) -> "subprocess.Popen[bytes]":
        return self.product.serve(api=True, REPRISE_API_PORT=str(self.port))

    def restart(self, number: int = signal.SIGKILL) -> None:
        """End it in this way, and start it anew on the same port."""
        self._service.send_signal(number)
        self._service.wait()
        self._service = self._serve()

    def close(self) -> None:
        """Leave nothing behind."""
        self.client.close()
        self.product.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three videos, and something else."""
    made = tmp_path / "talks"
    made.mkdir()
    for number in (1, 2, 3):
        media = media_file(f"talk{number}.mp4", seconds=1.0 + number / 2, options=("-movflags", "+faststart"))
        (made / f"talk {number}.mp4").write_bytes(media.read_bytes())
    (made / "notes.txt").write_text("not a video")
    return made


def test_the_example_sends_a_folder_and_fetches_what_came_out(server: Server, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.mp4").write_bytes(b"#!/bin/sh\n" * 1000)
    results = tmp_path / "results"
    done = subprocess.run(
        [sys.executable, "docs/examples/upload_folder.py", folder, results, "--settings", SETTINGS],
        cwd=ROOT,
        env={**os.environ, **server.environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + server.product.log()
    assert "broken.mp4 is left out: The file holds no video or sound" in done.stderr
    assert "talk 2.mp4: 100% sent" in done.stdout
    assert "The batch is completed." in done.stdout
    exports = sorted(results.glob("*/export/*.mp4"))
    assert len(exports) == 3
    assert [video.parent.parent.name[:4] for video in exports] == ["001 ", "002 ", "003 "]
    with zipfile.ZipFile(results / "results.zip") as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3


def test_an_upload_and_its_events_outlive_the_server(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploading, "TRIES", 10)
    monkeypatch.setattr(uploading, "PART_BYTES", 4096)
    reprise, killed = server.client, threading.Event()
    batch = reprise.create_batch_job("Through a kill", settings=ONLY_THE_FILE).batch_job_id
    paths = sorted(folder.glob("*.mp4"))

    def kill_once(number: int, share: float) -> None:
        if share > 0.5 and not killed.is_set():
            killed.set()
            server.restart()

    sent = reprise.upload_batch_videos(batch, paths, kill_once)
    assert killed.is_set()
    assert [one.received for one in sent] == [path.stat().st_size for path in paths]
    assert all(one.path is not None for one in sent)
    reprise.add_videos_to_batch(batch, [one.id for one in sent])
    reprise.start_batch_processing(batch)
    seen = []
    for event in reprise.batch_events(batch):
        seen.append(event)
        if len(seen) == 1:
            server.restart()
    assert seen[-1].status == "completed"
    job = reprise.get_batch_job(batch)
    assert (job.status, job.completed_videos, job.progress_percentage) == ("completed", 3, 100)
    files = [
        file for video in job.videos for file in (video.processing_result.files if video.processing_result else [])
    ]
    assert len(files) >= 3


def test_a_batch_is_made_once_under_one_key(server: Server) -> None:
    first, second = (
        server.client.create_batch_job("Once", settings=ONLY_THE_FILE, idempotency_key="k-1") for _ in range(2)
    )
    assert first.batch_job_id == second.batch_job_id
    assert server.client.get_batch_jobs("pending").total >= 1


def test_every_refusal_has_its_kind(server: Server) -> None:
    reprise = server.client
    with pytest.raises(NotFound):
        reprise.get_batch_job("b_none")
    with pytest.raises(NotUsable) as raised:
        reprise.create_batch_job("x" * 101)
    assert [one.field for one in raised.value.fields] == ["body.name"]
    batch = reprise.create_batch_job("Empty").batch_job_id
    for command in (reprise.start_batch_processing, reprise.retry_failed_videos):
        with pytest.raises(Refused):
            command(batch)
    reprise.delete_batch_job(batch)
    with Client(server.url, "rt_wrong") as stranger, pytest.raises(NotSignedIn):
        stranger.get_batch_jobs()


def test_a_batch_is_held_resumed_and_cancelled(server: Server, folder: Path) -> None:
    reprise = server.client
    batch = reprise.create_batch_job("Held", settings=ONLY_THE_FILE).batch_job_id
    (sent,) = reprise.upload_batch_videos(batch, [folder / "talk 1.mp4"])
    assert reprise.add_videos_to_batch(batch, [sent.id]).videos[0].status == "pending"
    server.product("pause")  # everything, so that nothing is over before it can be held
    reprise.start_batch_processing(batch)
    assert reprise.pause_batch_job(batch).status == "paused"
    assert reprise.resume_batch_job(batch).status == "processing"
    told = threading.Event()
    unsubscribe = reprise.subscribe_to_batch_progress(batch, lambda event: told.set() if event.is_last else None)
    assert reprise.cancel_batch_job(batch).status == "cancelled"
    assert told.wait(20)
    unsubscribe()
    server.product("resume")
