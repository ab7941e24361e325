"""`token` as it is typed: the token is printed once and alone, so that it can be kept in a variable."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.bootstrap import open_manager
from core.cli.main import run_cli
from core.config import Config
from core.domain.access import Actor, Scope

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("REPRISE_USER", "local:root")

    def typed(*words: str) -> tuple[int, str, str]:
        code = run_cli(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return typed


def test_a_token_is_printed_alone_and_works(say: Say, tmp_path: Path) -> None:
    code, out, err = say("token", "create", "ci", "--owner", "anna", "--scope", "read", "--expires", "30d")
    assert code == 0
    assert "not shown again" in err
    tokens = open_manager(Config(storage=str(tmp_path / "storage")), via="api").tokens
    actor = tokens.actor(out.strip())
    assert (actor.name, actor.scope) == ("anna", Scope.READ)
    code, out, _ = say("token", "list")
    assert code == 0
    assert "anna" in out
    assert actor.token in out
    assert say("token", "revoke", "ci")[0] == 0
    assert json.loads(say("token", "list", "--json")[1])["tokens"][0]["state"] == "revoked"


def test_a_token_acts_for_whoever_makes_it_unless_said_otherwise(say: Say, tmp_path: Path) -> None:
    made = json.loads(say("token", "create", "mine", "--json")[1])
    assert (made["owner"], made["scope"], made["expires_at"]) == ("local:root", "operate", None)
    tokens = open_manager(Config(storage=str(tmp_path / "storage")), via="api").tokens
    assert tokens.actor(made["token"]) == Actor(name="local:root", scope=Scope.OPERATE, token=made["id"])


def test_the_token_is_in_no_list_and_in_no_audit(say: Say) -> None:
    made = json.loads(say("token", "create", "mine", "--json")[1])
    secret = made["token"].rpartition("_")[2]
    for words in (("token", "list", "--json"), ("audit", "--json"), ("audit",)):
        assert secret not in say(*words)[1]
    assert "command.token_create" in say("audit")[1]
