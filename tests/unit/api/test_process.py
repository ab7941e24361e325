"""The dashboard's process: where it listens, and that no failure of one part ends another."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from core.api import process
from core.api.keeper import Keeper
from core.api.process import current, serving
from core.config import Config
from core.domain.access import Actor, Scope
from core.domain.errors import NoService, NotAllowed, NotSignedIn, RepriseError
from core.domain.people import Person
from core.manager.starter import ServiceStarter
from tests.support.showcase import Showcase

LIMIT_S = 20.0


SIGN_IN = Config(
    public_url="https://reprise.example.org",
    oidc_metadata_url="https://id.example.org/.well-known/openid-configuration",
    oidc_client_id="reprise",
    oidc_client_secret="of the test",
)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.8.9.10", "::1", "[::1]"])
def test_an_address_of_this_machine_alone_is_listened_on(address: str) -> None:
    assert process.refusal(address, Config()) is None


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.5", "2001:db8::1", "example.org"])
def test_an_address_that_others_reach_needs_a_sign_in(address: str | None) -> None:
    refused = process.refusal(address, Config())
    assert refused is not None
    assert "has no sign-in and does not listen on" in refused.message
    assert refused.hint.startswith("Two ways out:")
    assert process.refusal(address, SIGN_IN) is None


def who(case: Showcase, monkeypatch: pytest.MonkeyPatch, claims: dict[str, object] | None) -> Actor:
    """Whom these claims stand for, where Ana and everybody of example.org may."""
    del case
    monkeypatch.setattr(current(), "config", SIGN_IN)
    people = current().manager.people
    people.allow(Person(who="Ana@Example.org", scope=Scope.ADMIN), by="local:test")
    people.allow(Person(who="@example.org", scope=Scope.READ), by="local:test")
    return current().person(claims)


def test_who_signed_in_is_who_the_list_says(case: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = {"is_logged_in": True, "email": "ANA@example.org", "email_verified": True}
    assert who(case, monkeypatch, claims) == Actor(name="ana@example.org", scope=Scope.ADMIN)
    assert who(case, monkeypatch, claims | {"email": "bob@example.org"}).scope == Scope.READ


@pytest.mark.parametrize(
    "wrong",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": None},
        {"email": ""},
        {"email": None},
        {"email": "ana@example.org.evil.example"},
        {"email": "ana@evil.example@example.org.evil"},
        {"email": "@example.org"},
        {"email": "ana@sub.example.org"},
        {"email": "ana,bob@example.org"},
    ],
)
def test_who_is_not_listed_or_not_verified_is_not_let_in(
    case: Showcase, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, object]
) -> None:
    claims = {"is_logged_in": True, "email": "ana@example.org", "email_verified": True} | wrong
    with pytest.raises(NotAllowed):
        who(case, monkeypatch, claims)


@pytest.mark.parametrize("claims", [None, {}, {"is_logged_in": False, "email": "ana@example.org"}])
def test_nobody_is_nobody(case: Showcase, monkeypatch: pytest.MonkeyPatch, claims: dict[str, object] | None) -> None:
    with pytest.raises(NotSignedIn):
        who(case, monkeypatch, claims)


def test_every_step_of_the_end_is_done_though_others_fail(case: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    case.hold()
    done: list[str] = []

    def fails(name: str) -> Callable[..., None]:
        def step(*_: object) -> None:
            done.append(name)
            raise RuntimeError(name)

        return step

    async def serve() -> None:
        async with serving() as opened:
            monkeypatch.setattr(opened.keeper, "close", fails("keeper"))
            monkeypatch.setattr(opened.manager.starter, "stop", fails("service"))
            assert current() is opened

    class Watch:
        stop = staticmethod(fails("watch"))

    monkeypatch.setattr(process, "follow", lambda *_, **__: Watch())
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
        async with serving() as opened:
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

    may_start = True

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
