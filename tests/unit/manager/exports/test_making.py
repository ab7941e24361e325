"""The service makes one merged video at a time, in a process of its own, and notes what came of it."""

import os
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from core.domain.batch import Pause
from core.domain.exports import ExportFailure, ExportPhase, ExportRecord, Missing
from core.domain.states import BatchPhase
from core.manager.exports.making import Failed, Made, Making
from core.system.clock import SystemClock
from tests.support.exporting import ANA, Shop
from tests.support.waiting import until

MADE = Made(size=7, sha256="aa", suffix=".mp4")
WAITS = "import threading\nthreading.Event().wait()\n"


class Service:
    """What a service does for exports, with a child that says and does what the test wants."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.bell = threading.Event()
        self.program = ""
        self.begun: list[str] = []
        self.making = self.start()

    def start(self) -> Making:
        """A new service."""
        shop = self.shop
        return Making(
            index=shop.index,
            writer=shop.writer,
            store=shop.store,
            clock=shop.clock,
            epoch=1,
            argv=self._argv,
            environment=os.environ,
            ring=self.bell.set,
            kept_s=3600.0,
        )

    def _argv(self, export_id: str) -> list[str]:
        self.begun.append(export_id)
        return [sys.executable, "-c", self.program]

    def says(self, outcome: Made | Failed) -> None:
        """Children say this and end."""
        self.program = f"print({msgspec.json.encode(outcome).decode()!r})"

    def turn(self) -> None:
        """A turn, and the one that the end of the child wakes."""
        self.bell.clear()
        self.making.turn()
        assert self.bell.wait(30)
        self.making.turn()


@pytest.fixture
def service(shop: Shop) -> Iterator[Service]:
    service = Service(shop)
    yield service
    service.making.close()


def asked(shop: Shop, **options: bool) -> str:
    """A merged video that waits to be made."""
    return shop.ask(format="merged", **options).export_id


def stored(shop: Shop, export_id: str) -> ExportRecord:
    return shop.store.exports.get(export_id).value


def test_what_was_made_is_ready_for_an_hour(shop: Shop, service: Service) -> None:
    shop.video()
    export_id = asked(shop)
    service.says(MADE)
    service.turn()
    record = stored(shop, export_id)
    assert (record.phase, record.size, record.name) == (ExportPhase.READY, 7, "talks.mp4")
    assert record.expires_at is not None
    assert (record.expires_at - shop.clock.now()).total_seconds() == 3600
    assert "export.ready" in [event["type"] for event in shop.store.journal.lines()]


def test_a_video_that_could_not_go_in_is_named(shop: Shop, service: Service) -> None:
    run, _ = shop.video("Broken"), shop.video("Whole")
    export_id = asked(shop)
    lost = Missing(run_id=run.run_id, title="Broken", why="it is damaged", lost=True)
    service.says(Made(size=7, sha256="aa", suffix=".webm", left_out=[lost]))
    service.turn()
    record = stored(shop, export_id)
    assert ([video.title for video in record.videos], record.missing, record.name) == (["Whole"], [lost], "talks.webm")
    assert shop.exports.views.of(record)["complete"] is False


def test_why_it_could_not_be_made_is_kept(shop: Shop, service: Service) -> None:
    shop.video()
    export_id = asked(shop)
    service.says(Failed(failure=ExportFailure(code="disk_full", message="The disk is full.", hint="Free some.")))
    service.turn()
    assert stored(shop, export_id).phase == ExportPhase.FAILED
    assert shop.exports.views.one(export_id)["failure"]["message"] == "The disk is full."


def test_one_is_made_at_a_time_the_first_asked_for_first(shop: Shop, service: Service) -> None:
    shop.video()
    first = asked(shop)
    shop.clock.advance(1)
    second = asked(shop, prefix=True)
    service.says(MADE)
    service.turn()
    assert service.begun == [first, second]


def test_a_child_that_dies_without_a_word_is_begun_anew_and_given_up_at_last(shop: Shop, service: Service) -> None:
    shop.video()
    export_id = asked(shop)
    service.program = "import os; os._exit(9)"
    service.making.turn()
    for _ in range(2):
        assert service.bell.wait(30)
        service.bell.clear()
        service.making.turn()
        assert stored(shop, export_id).phase == ExportPhase.RUNNING
    assert service.bell.wait(30)
    service.making.turn()
    assert stored(shop, export_id).phase == ExportPhase.FAILED
    assert "died 3 times" in shop.exports.views.one(export_id)["failure"]["message"]


def test_a_service_that_ends_takes_its_child_with_it_and_the_next_goes_on(shop: Shop, service: Service) -> None:
    shop.video()
    export_id = asked(shop)
    service.program = WAITS
    service.making.turn()
    service.making.close()
    assert stored(shop, export_id).phase == ExportPhase.RUNNING
    service.says(MADE)
    service.making = service.start()
    service.turn()
    assert stored(shop, export_id).phase == ExportPhase.READY
    assert service.begun == [export_id, export_id]


def test_a_cancelled_one_ends_at_once(shop: Shop, service: Service) -> None:
    shop.video()
    export_id = asked(shop)
    service.program = WAITS
    service.making.turn()
    shop.exports.asking.cancel(export_id, by=ANA)
    assert shop.exports.views.one(export_id)["status"] == "cancelling"
    service.making.turn()
    assert stored(shop, export_id).phase == ExportPhase.CANCELLED


def test_one_whose_batch_was_deleted_is_made_no_more(shop: Shop, service: Service) -> None:
    shop.video()
    export_id = asked(shop)
    service.program = WAITS
    service.making.turn()
    shop.change_batch(phase=BatchPhase.DELETED)
    service.making.turn()
    assert stored(shop, export_id).phase == ExportPhase.CANCELLED


def test_nothing_is_made_any_more_of_what_was_deleted_for_good(shop: Shop, service: Service, tmp_path: Path) -> None:
    shop.video()
    export_id = asked(shop)
    pid = tmp_path / "pid"
    service.program = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n{WAITS}"
    service.making.turn()
    until(lambda: pid.exists() and pid.read_text() != "")
    shop.store.exports.remove(export_id)
    service.making.turn()
    assert not Path(f"/proc/{pid.read_text()}").exists()


def test_a_service_with_nothing_to_make_reads_no_export_in_every_turn(
    shop: Shop, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.video()
    shop.ask()
    shop.clock.set(SystemClock().now() + timedelta(minutes=1))
    service.making.turn()
    listed: list[None] = []
    monkeypatch.setattr(shop.store.exports, "ids", lambda: listed.append(None) or [])
    service.making.turn()
    assert not listed
    os.utime(shop.layout.exports, (0, 0))
    service.making.turn()
    assert listed, "something was written"


def test_a_pause_of_everything_holds_it(shop: Shop, service: Service, tmp_path: Path) -> None:
    shop.video()
    asked(shop)
    pid = tmp_path / "pid"
    service.program = f"import os, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n{WAITS}"
    shop.writer.pool(lambda pool: msgspec.structs.replace(pool, pause=Pause(by=ANA)))
    service.making.turn()
    assert service.begun == []
    shop.writer.pool(lambda pool: msgspec.structs.replace(pool, pause=None))
    service.making.turn()
    until(lambda: pid.exists() and pid.read_text() != "")
    shop.writer.pool(lambda pool: msgspec.structs.replace(pool, pause=Pause(by=ANA)))
    service.making.turn()
    until(lambda: state_of(int(pid.read_text())) == "T")
    shop.writer.pool(lambda pool: msgspec.structs.replace(pool, pause=None))
    service.making.turn()
    until(lambda: state_of(int(pid.read_text())) == "S")


def state_of(pid: int) -> str:
    """The kernel's letter for what a process does."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
