"""A probe says what is so: a storage that is gone or full and a service that hangs are not ready, and it says which."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.manager.readiness import TURN_GRACE_S, Readiness, Ready
from core.manager.signs_of_life import signs_of_life
from core.store.beat import Beat
from core.store.layout import Layout
from core.store.locks import Lock
from core.system import files
from core.system.clock import ManualClock

RESCAN_S = 30.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "storage")
    layout.create()
    return layout


@pytest.fixture
def ready(layout: Layout, clock: ManualClock) -> Ready:
    return Ready(layout, clock, RESCAN_S)


@pytest.fixture
def served(layout: Layout) -> Iterator[None]:
    """A service holds the storage."""
    with Lock(layout.service_lock()).holding():
        yield


@pytest.mark.usefixtures("served")
def test_a_service_that_takes_its_turns_is_ready(ready: Ready, layout: Layout, clock: ManualClock) -> None:
    assert ready.look().reason == "The service is starting."
    assert signs_of_life(layout, clock, RESCAN_S)() == RESCAN_S
    assert ready.look() == Readiness(storage=True, service=True)
    clock.advance(RESCAN_S + TURN_GRACE_S)
    assert ready.look().ready, "nothing was to be done"


@pytest.mark.usefixtures("served")
def test_a_service_that_hangs_is_not_ready_though_it_holds_the_lock(
    ready: Ready, layout: Layout, clock: ManualClock
) -> None:
    Beat(layout, clock).tell()
    clock.advance(RESCAN_S + TURN_GRACE_S + 1)
    assert ready.look().reason == "The service has taken no turn for 61 seconds."


def test_without_a_service_it_is_not_ready(ready: Ready) -> None:
    assert ready.look() == Readiness(storage=True, service=False, reason="No service runs on this storage.")


@pytest.mark.usefixtures("served")
def test_the_sign_of_a_service_before_this_one_does_not_count(ready: Ready, layout: Layout, clock: ManualClock) -> None:
    beat = layout.service_beat()
    Beat(layout, clock).tell()
    beat.write_text(beat.read_text().replace(f'"pid":{os.getpid()}', '"pid":1'))
    assert ready.look().reason == "The service is starting."


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"boot":"x","pid":"one","at_s":0}', "\0" * 100])
def test_a_sign_that_makes_no_sense_is_none(layout: Layout, clock: ManualClock, text: str) -> None:
    layout.service_beat().write_text(text)
    assert Beat(layout, clock).age_s() is None


@pytest.mark.usefixtures("served")
def test_a_storage_that_is_gone_is_not_ready_and_another_in_its_place_neither(ready: Ready, layout: Layout) -> None:
    shutil.rmtree(layout.root)
    gone = ready.look()
    assert (gone.storage, gone.reason) == (False, "The storage folder is gone, or another one is in its place.")
    layout.create()
    assert ready.look() == gone, "what this process holds open is not what others see there"


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, "The disk is full."), (errno.EROFS, "The storage cannot be written: Read-only file system.")],
)
def test_a_storage_that_cannot_be_written_is_not_ready(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "write_new", refuse)
    assert ready.look() == Readiness(storage=False, service=False, reason=reason)
