"""A web server on loopback, a canary beside it that must stay unvisited, and a stage that may fetch only from the first."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.domain.errors import StageError
from core.domain.run import Source
from core.domain.settings import Settings
from core.stages.download import DownloadStage
from tests.support.attempt import FolderAttempt
from tests.support.media_server import MediaServer

Begin = Callable[..., FolderAttempt]
HLS_TYPE = "application/vnd.apple.mpegurl"


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def canary() -> Iterator[MediaServer]:
    """A server on a private address that is not opened; whoever asks it anything fails the test."""
    with MediaServer() as running:
        running.add("/v.mp4", b"what nobody may see", content_type="video/mp4")
        yield running
        assert running.hits == [], "a private address was fetched"


def make_stage(server: MediaServer, **bounds: float) -> DownloadStage:
    """A stage that may fetch from `server` only, with short patience."""
    given = {
        "socket_timeout_s": 5.0,
        "max_media_bytes": 2**30,
        "max_media_s": 3600.0,
        "free_space_bytes": 2**20,
        **bounds,
    }
    return DownloadStage(allowed_hosts=server.host, **given)  # type: ignore[arg-type]


@pytest.fixture
def stage(server: MediaServer) -> DownloadStage:
    return make_stage(server)


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Begins an attempt on the test's work folder, which later attempts find as it was left."""

    def start(url: str = "", *, source: Source | None = None, **settings: str) -> FolderAttempt:
        return FolderAttempt(
            tmp_path / "run",
            source=source or Source(kind="url", value=url),
            settings=Settings(**settings),  # type: ignore[arg-type]
        )

    return start


def failure(stage: DownloadStage, attempt: FolderAttempt) -> StageError:
    """The error with which `stage` fails, having published nothing."""
    with pytest.raises(StageError) as caught:
        stage.run(attempt)
    assert list(attempt.out.iterdir()) == []
    return caught.value


def serve_folder(server: MediaServer, folder: Path, at: str) -> None:
    """Serve all files of `folder` below the path `at`."""
    types = {".m3u8": HLS_TYPE, ".mpd": "application/dash+xml"}
    for path in folder.iterdir():
        server.add(f"{at}/{path.name}", path, content_type=types.get(path.suffix, "video/mp4"))
