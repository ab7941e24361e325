"""Tokens: shown once, kept as a hash, good for as long as they say, and never worth guessing."""

import json
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from core.domain.access import Actor, Scope
from core.domain.errors import BadInput, NotAllowed, NotFound, NotSignedIn, Refused, TooMany
from core.manager.access import Gate
from core.manager.tokens import Tokens, Wrong
from core.store.layout import Layout
from core.system.clock import ManualClock
from tests.support.storage import NOON, new_layout

ROOT = Actor(name="local:root", scope=Scope.ADMIN)


class Desk:
    """The tokens of a storage, and what was written down about them."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.clock = layout, ManualClock(NOON)
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.tokens = self.another_process()

    def another_process(self) -> Tokens:
        return Tokens(self.layout, ROOT, self.clock, lambda kind, **event: self.notes.append((kind, event)))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(new_layout(tmp_path))


def refused(desk: Desk, token: str, source: str = "10.0.0.1") -> str:
    """Why a token is not taken."""
    with pytest.raises(NotSignedIn) as error:
        desk.tokens.actor(token, source)
    return error.value.message


def test_a_token_acts_for_its_owner_with_its_scope_and_tier(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ, tier="pro")
    assert desk.tokens.actor(made.token) == Actor(name="anna", scope=Scope.READ, tier="pro", token=made.record.id)


def test_the_first_token_is_the_administrators_and_made_by_itself(desk: Desk) -> None:
    assert desk.tokens.actor(desk.tokens.first()) == ROOT
    assert stat.S_IMODE(desk.layout.admin_token().stat().st_mode) == 0o600


def test_what_is_kept_of_a_token_does_not_tell_it(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ)
    assert len(bytes.fromhex(made.token.rpartition("_")[2])) == 32
    kept = list(desk.layout.access.rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept if path.is_dir()} == {0o700}
    files = [path for path in kept if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    secret = made.token.rpartition("_")[2]
    assert not [path for path in files if secret in path.read_text("ascii")]
    assert secret not in json.dumps(desk.tokens.all()) + str(desk.notes)


def test_another_process_knows_at_once_of_a_new_and_of_a_revoked_token(desk: Desk) -> None:
    elsewhere = desk.another_process()
    made = desk.tokens.create("ci", owner="anna", scope=Scope.OPERATE)
    assert elsewhere.actor(made.token).name == "anna"
    desk.tokens.revoke("ci")
    with pytest.raises(NotSignedIn, match="revoked"):
        elsewhere.actor(made.token)
    assert elsewhere.holds(made.record.actor) is False


def test_an_expired_token_is_not_taken(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ, expires_at=NOON + timedelta(seconds=10))
    desk.clock.advance(9)
    assert desk.tokens.actor(made.token).name == "anna"
    desk.clock.advance(1)
    assert refused(desk, made.token) == "This token has expired."
    assert desk.tokens.holds(made.record.actor) is False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + token,
        lambda token: token + " " + token,
        lambda token: token.upper(),
        lambda token: token.replace("rt_", "rt_../", 1),
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: "rt_" + "0" * 12 + token[15:],
        lambda token: token + "\0",
        lambda token: "",
        lambda token: "ä" * 64,
        lambda token: "x" * 100_000,
    ],
)
def test_a_spoilt_token_is_not_known(desk: Desk, spoil: object) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ)
    assert refused(desk, spoil(made.token)) == "This token is not known."  # type: ignore[operator]


def test_a_file_that_is_no_token_is_no_token(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ)
    (desk.layout.tokens / f"{made.record.id}.json").write_text("{}")
    assert refused(desk, made.token) == "This token is not known."
    assert desk.tokens.all() == []


def test_use_is_noted_about_once_a_minute(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ)
    assert desk.tokens.all()[0]["last_used_at"] is None
    for seconds in (0, 30, 40):
        desk.clock.advance(seconds)
        desk.tokens.actor(made.token)
    assert desk.tokens.all()[0]["last_used_at"] == "2026-06-01T12:01:10.000Z"


def test_who_guesses_is_told_to_wait_and_a_good_token_is_taken_all_the_same(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.READ)
    for _ in range(Wrong.MOST):
        refused(desk, "wrong")
    with pytest.raises(TooMany) as error:
        desk.tokens.actor("wrong", "10.0.0.1")
    assert 0 < error.value.retry_after_s <= Wrong.WITHIN_S
    assert desk.tokens.actor(made.token, "10.0.0.1").name == "anna"
    assert refused(desk, "wrong", "10.0.0.2") == "This token is not known."
    desk.clock.advance(Wrong.WITHIN_S)
    assert refused(desk, "wrong") == "This token is not known."
    kinds = [kind for kind, event in desk.notes if event["data"].get("source") == "10.0.0.1"]  # type: ignore[attr-defined]
    assert kinds == ["access.wrong_token", "access.too_many_wrong_tokens", "access.wrong_token"]


def test_where_wrong_tokens_came_from_is_not_remembered_without_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wrong, "MOST_SOURCES", 3)
    for number in range(10):
        refused(desk, "wrong", f"10.0.0.{number}")
    assert len(desk.tokens._wrong._seen) == 3


def test_who_guesses_from_many_addresses_does_not_fill_the_journal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wrong, "MOST_NOTED", 3)
    for minute in (1, 2):
        for number in range(10):
            refused(desk, "wrong", f"2001:db8::{number}")
        assert len(desk.notes) == 3 * minute
        desk.clock.advance(Wrong.WITHIN_S)


@pytest.mark.parametrize(
    ("name", "owner"),
    [("", "anna"), ("x" * 101, "anna"), ("a\x1b[2J", "anna"), ("ci", ""), ("ci", "a/b"), ("ci", "-anna"), ("ci", "ä")],
)
def test_names_that_cannot_be_are_refused(desk: Desk, name: str, owner: str) -> None:
    with pytest.raises(BadInput):
        desk.tokens.create(name, owner=owner, scope=Scope.READ)
    assert desk.tokens.all() == []


def test_two_good_tokens_never_share_a_name_and_a_revoked_one_gives_it_back(desk: Desk) -> None:
    first = desk.tokens.create("ci", owner="anna", scope=Scope.READ)
    with pytest.raises(Refused):
        desk.tokens.create("ci", owner="ben", scope=Scope.READ)
    assert desk.tokens.revoke("ci")["revoked_by"] == "local:root"
    second = desk.tokens.create("ci", owner="ben", scope=Scope.READ)
    assert desk.tokens.revoke("ci")["id"] == second.record.id
    assert desk.tokens.revoke(first.record.id)["state"] == "revoked"
    with pytest.raises(NotFound):
        desk.tokens.revoke("never")


def test_a_time_that_is_over_is_refused(desk: Desk) -> None:
    with pytest.raises(BadInput):
        desk.tokens.create("ci", owner="anna", scope=Scope.READ, expires_at=NOON)


def test_only_an_administrator_makes_lists_and_revokes(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.OPERATE)
    hers = desk.tokens.within(Gate(made.record.actor))
    for ask in (
        lambda: hers.create("more", owner="anna", scope=Scope.ADMIN),
        hers.all,
        lambda: hers.revoke("ci"),
        hers.first,
    ):
        with pytest.raises(NotAllowed):
            ask()
    assert hers.actor(made.token) == made.record.actor


def test_making_and_revoking_is_written_down_without_the_token(desk: Desk) -> None:
    made = desk.tokens.create("ci", owner="anna", scope=Scope.OPERATE)
    desk.tokens.revoke("ci")
    assert [(kind, event["actor"]) for kind, event in desk.notes] == [
        ("command.token_create", "local:root"),
        ("command.token_revoke", "local:root"),
    ]
    assert made.token not in str(desk.notes)
