"""Exports in a real folder, by the real ffmpeg."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.domain.settings import Settings
from core.stages.export import ExportStage
from core.stages.rendering.media import Media, look
from core.stages.stage import Made, Published
from tests.support.attempt import FolderAttempt

Begin = Callable[..., FolderAttempt]


def published(path: Path, stage: str = "download") -> Published:
    """An artifact of `stage` whose medium is `path`."""
    return Published(
        stage=stage, key="k", content=path.name, path=path.parent, files={path.name: ""}, facts={"media": path.name}
    )


@pytest.fixture
def begin(tmp_path: Path) -> Begin:
    """Begins an attempt to export a medium, on a work folder that later attempts find as it was left."""

    def start(media: Path, *, cut: Path | None = None, **settings: Any) -> FolderAttempt:
        inputs = {"download": published(media)}
        if cut is not None:
            inputs["remove_silence"] = published(cut, "remove_silence")
        return FolderAttempt(tmp_path / "run", inputs=inputs, settings=Settings(export=True, **settings))

    return start


def export(attempt: FolderAttempt) -> tuple[Media, Made]:
    """The exported file, looked at anew, and what the stage said of it; nothing else was published."""
    made = ExportStage().run(attempt)
    assert [path.name for path in attempt.out.iterdir()] == [made.facts["media"]]
    return look(attempt.out / made.facts["media"], lambda: None), made
