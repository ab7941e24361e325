"""The dashboard's process: where it listens, and that no failure of one part ends another."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from core.api import process
from core.api.keeper import Keeper
from core.api.process import current, serving
from core.domain.errors import BadInput, NoService, RepriseError
from core.manager.starter import ServiceStarter
from tests.support.showcase import Showcase

LIMIT_S = 20.0


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.8.9.10", "::1", "[::1]"])
def test_an_address_of_this_machine_alone_is_listened_on(address: str) -> None:
    assert process.refusal(address) is None


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "2001:db8::1", "example.org"])
def test_an_address_that_others_reach_is_refused(case: Showcase, address: str | None) -> None:
    del case

    async def serve() -> None:
        async with serving(address):
            pytest.fail("it serves")

    with pytest.raises(BadInput, match="no sign-in yet and does not listen on"):
        asyncio.run(serve())


def test_every_step_of_the_end_is_done_though_others_fail(case: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    case.hold()
    done: list[str] = []

    def fails(name: str) -> Callable[..., None]:
        def step(*_: object) -> None:
            done.append(name)
            raise RuntimeError(name)

        return step

    async def serve() -> None:
        async with serving("127.0.0.1") as opened:
            monkeypatch.setattr(opened.keeper, "close", fails("keeper"))
            monkeypatch.setattr(opened.manager.starter, "stop", fails("service"))
            assert current() is opened

    class Watch:
        stop = staticmethod(fails("watch"))

    monkeypatch.setattr(process, "follow", lambda *_: Watch())
    with pytest.raises(RuntimeError):
        asyncio.run(asyncio.wait_for(serve(), LIMIT_S))
    case.close()
    assert done == ["keeper", "watch", "service"]
    assert process._current is None


def test_a_look_at_the_records_that_fails_is_told_and_tried_again(
    case: Showcase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    case.hold()
    monkeypatch.setenv("REPRISE_RESCAN_S", "1")

    async def serve() -> int:
        async with serving("127.0.0.1") as opened:
            looked, again = 0, asyncio.Event()
            loop = asyncio.get_running_loop()

            def load() -> None:
                nonlocal looked
                looked += 1
                if looked == 2:
                    loop.call_soon_threadsafe(again.set)
                raise OSError("the disk is away")

            monkeypatch.setattr(opened.manager.storage.index, "load", load)
            await asyncio.wait_for(again.wait(), LIMIT_S)
            return looked

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(serve()) >= 2
    case.close()
    assert "the records could not be read again" in caplog.text


class Starter(ServiceStarter):
    """Cannot start anything the first time."""

    def __init__(self, failure: Exception) -> None:
        self.failure: Exception | None = failure

    def alive(self) -> bool:
        """Nobody is a service."""
        return False

    def ensure(self) -> bool:
        """Fails once."""
        failed, self.failure = self.failure, None
        if failed is not None:
            raise failed
        return True


@pytest.mark.parametrize("failure", [NoService("The service ended as it started."), OSError(24, "Too many open files")])
def test_a_service_that_cannot_be_started_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr("core.api.keeper.LOOK_S", 0.01)
    told: list[RepriseError | None] = []

    async def keep() -> None:
        def changed() -> None:
            told.append(keeper.error)
            if len(told) == 2:
                keeper.close()

        keeper = Keeper(Starter(failure), changed)
        await asyncio.wait_for(keeper.keep(), LIMIT_S)

    asyncio.run(keep())
    assert isinstance(told[0], NoService)
    assert told[1] is None
