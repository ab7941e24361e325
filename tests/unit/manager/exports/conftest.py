"""A batch to export."""

from pathlib import Path

import pytest

from tests.support.exporting import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
