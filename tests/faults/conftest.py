"""Shared by the fault tests: where a storage lies whose disk is not in question."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import speech
from tests.support.transcription_kills import Reference

SENTENCES = 24  # about 80 s of speech: three windows
_MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what a kill leaves does not depend on the disk, only the time does."""
    if not _MEMORY.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="reprise-faults-", dir=_MEMORY))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A video through all stages, undisturbed: what every kill is compared with."""
    made = Reference(tmp_path_factory.mktemp("reference"), speech.talk(SENTENCES, suffix=".mp4"))
    assert made.windows >= 3
    return made
