"""Starting a service: what stands in the way is one sentence."""

from pathlib import Path

import pytest

from core.domain.errors import NoService
from core.manager import starter
from core.manager.starter import ServiceStarter, last_line
from core.store.layout import Layout
from core.system.clock import SystemClock
from core.system.logs import SHARED_LOG_BYTES


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty storage."""
    made = Layout(tmp_path / "storage")
    made.create()
    return made


def test_a_log_that_cannot_be_written_is_told_as_no_service(layout: Layout) -> None:
    layout.service_log().mkdir(parents=True)
    with pytest.raises(NoService, match="could not be started: Is a directory"):
        ServiceStarter(layout, SystemClock(), {}).ensure()


def test_a_program_that_is_not_there_is_told_as_no_service(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(layout.root / "nothing"))
    with pytest.raises(NoService, match="could not be started: No such file or directory"):
        ServiceStarter(layout, SystemClock(), {}).ensure()


def test_where_something_else_starts_the_service_none_is_started(layout: Layout) -> None:
    with pytest.raises(NoService, match="none is started from here"):
        ServiceStarter(layout, SystemClock(), {}, may_start=False).ensure()
    assert not layout.service_log().exists()


@pytest.fixture
def ends_at_once(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is started says two lines and ends."""
    script = layout.root / "ends"
    script.write_text("#!/bin/sh\necho first\necho It is not possible.\nexit 3\n")
    script.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(script))


@pytest.mark.usefixtures("ends_at_once")
def test_a_service_that_ends_at_once_is_told_with_its_last_line(layout: Layout) -> None:
    with pytest.raises(NoService, match=r"ended as it started: It is not possible\.$"):
        ServiceStarter(layout, SystemClock(), {}).ensure()


@pytest.mark.usefixtures("ends_at_once")
def test_a_service_started_again_and_again_in_vain_does_not_fill_the_disk_with_its_log(layout: Layout) -> None:
    with layout.service_log().open("wb") as log:
        log.truncate(SHARED_LOG_BYTES + 1)
    with pytest.raises(NoService):
        ServiceStarter(layout, SystemClock(), {}).ensure()
    assert layout.service_log().read_text() == "first\nIt is not possible.\n"


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (b"", "it left nothing in its log."),
        (b"one\ntwo\n\n", "two"),
        (b"x" * 400, "x" * 300),
        (b"first\n" + b"y" * starter.TAIL_BYTES + b"\nlast\n", "last"),
        (b"\xff\n", "\ufffd"),
    ],
)
def test_the_last_line_of_a_log_is_found(tmp_path: Path, log: bytes, line: str) -> None:
    (tmp_path / "log").write_bytes(log)
    assert last_line(tmp_path / "log") == line


def test_of_a_long_log_only_the_end_is_read(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as sparse:
        sparse.truncate(200 * 2**30)
        sparse.seek(0, 2)
        sparse.write(b"\nlast\n")
    assert last_line(tmp_path / "log") == "last"
