"""Arranging by command line: order, priority, edits, removal and deletion, seen by other commands and by real work."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.cli.main import run_cli
from tests.support.media_files import mp4
from tests.support.product import Product, command

Spoken = Callable[..., dict[str, Any]]


@pytest.fixture
def say(product: Product, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Spoken:
    """A command line in this process that has to succeed; gives its document."""
    monkeypatch.setenv("REPRISE_STORAGE", str(product.storage))
    monkeypatch.setenv("REPRISE_HUB", "false")
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", "0")

    def speak(*words: object, code: int = 0) -> dict[str, Any]:
        got = run_cli([*map(str, words), "--json"])
        out, err = capfd.readouterr()
        assert got == code, out + err
        document: dict[str, Any] = json.loads(out if code == 0 else err)
        return document

    return speak


def draft(say: Spoken, runs: int = 3) -> tuple[str, list[str]]:
    """A draft of so many files: its id and those of its runs."""
    files = [mp4(seconds=1.0 + number / 4) for number in range(runs)]
    added = say("add", "--draft", "--set", "transcribe=false", "--description", "What was said", *files)
    return added["batch_id"], [run["run_id"] for run in added["runs"]]


def listed(say: Spoken, batch: str) -> list[str]:
    return [run["run_id"] for run in say("list", "--batch", batch)["runs"]]


def test_a_batch_is_arranged_before_and_while_it_waits(say: Spoken) -> None:
    batch, (first, second, third) = draft(say)
    shown = say("show", batch)
    assert (shown["description"], [run["position"] for run in shown["runs"]]) == ("What was said", [1, 2, 3])
    assert say("reorder", batch, third, first, second)["changed"]
    assert not say("reorder", batch, third, first, second)["changed"]
    assert listed(say, batch) == [third, first, second]
    assert [run["position"] for run in say("show", batch)["runs"]] == [1, 2, 3]
    assert say("priority", batch, "7") == {
        "id": batch, "phase": "draft", "intent": "priority", "changed": True, "applied": True, "hint": None
    }  # fmt: skip
    say("priority", first, "9")
    assert [run["priority"] for run in say("show", batch)["runs"]] == [7, 9, 7]
    say("edit", batch, "--name", "Talks", "--description", "", "--concurrency", "1", "--set", "transcribe=true")
    after = say("show", batch)
    assert (after["name"], after["description"], after["concurrency"]) == ("Talks", "", 1)
    assert after["settings"]["transcribe"] is True
    assert say("show", first)["stages"]["transcribe"]["status"] == "pending"
    error = say("reorder", batch, first, second, code=5)["error"]
    assert f"not named: {third}" in error["message"]
    assert listed(say, batch) == [third, first, second]


def test_a_removed_run_is_gone_from_its_batch_and_told_so_by_its_own_id(say: Spoken) -> None:
    batch, (first, second, _) = draft(say)
    assert say("remove", first, "--reason", "twice") == {
        "id": first, "phase": "queued", "intent": "cancel", "changed": True, "applied": True, "hint": None
    }  # fmt: skip
    assert not say("remove", first)["changed"]
    assert first not in listed(say, batch)
    assert say("show", batch)["total"] == 2
    assert say("status")["pending"] == 0, "a draft counts nowhere"
    assert say("show", first)["removed"] is True
    assert "removed from its batch by" in say("why", first)["message"]
    assert "was removed from its batch" in say("resume", first, code=4)["error"]["message"]
    error = say("reorder", batch, first, second, code=5)["error"]
    assert f"Not in batch {batch}: {first}" in error["message"]


def test_a_deleted_batch_is_hidden_and_comes_back(say: Spoken) -> None:
    batch, (first, *_) = draft(say)
    assert say("delete", batch)["phase"] == "deleted"
    assert not say("delete", batch)["changed"]
    assert say("list")["runs"] == []
    assert say("show", batch)["phase"] == "deleted"
    assert f"restore {batch}" in say("why", first)["message"]
    assert f"restore {batch}" in say("pause", first, code=4)["error"]["hint"]
    assert f"restore {batch}" in say("start", batch, code=4)["error"]["hint"]
    assert say("restore", batch)["phase"] == "draft"
    assert len(say("list")["runs"]) == 3
    say("start", batch)
    assert "is running; it cannot be deleted" in say("delete", batch, code=4)["error"]["message"]


def test_deleting_for_good_removes_the_results_and_is_said_in_the_audit(product: Product, say: Spoken) -> None:
    added = product("add", "--json", "--wait", "--set", "transcribe=false", mp4()).json
    batch, run = added["batch_id"], added["runs"][0]["run_id"]
    assert list(product.storage.glob("artifacts/download/*"))
    assert say("delete", batch, "--hard", "--yes", "--reason", "asked to")["phase"] == "gone"
    assert not list(product.storage.glob("artifacts/*/*"))
    assert not list(product.storage.glob("work/*/*"))
    assert not list(product.storage.glob(f"**/{run}*.json"))
    for id_ in (batch, run):
        assert say("show", id_, code=3)["error"]["code"] == "not_found"
    events = say("audit")["events"]
    (deleted,) = [event for event in events if event["type"] == "command.delete"]
    assert (deleted["batch_id"], deleted["data"]) == (batch, {"why": "asked to", "hard": True})
    assert deleted["via"] == "cli"


def test_a_retry_from_the_terminal_takes_changed_settings_for_all_that_failed(product: Product, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.mp4" for number in range(2)]
    for number, file in enumerate(files):
        file.write_bytes(mp4(seconds=1.0 + number).read_bytes())
    added = product("add", "--json", "--draft", "--set", "transcribe=false", *files).json
    for file in files:
        file.unlink()
    product("start", added["batch_id"])
    product.serve()
    for run in added["runs"]:
        product.wait_for(run["run_id"], "failed")
    for number, file in enumerate(files):
        file.write_bytes(mp4(seconds=1.0 + number).read_bytes())
    answers = json.loads(
        product(
            "retry", "--failed", added["batch_id"], "--set", "format=audio", "--reason", "they are back", "--json"
        ).out
    )
    assert [one["changed"] for one in answers] == [True, True]
    for run in added["runs"]:
        product.wait_for(run["run_id"], "completed")
    said = product("audit", "--limit", "200").out
    assert "they are back" in said
    assert "format=audio" in said


# --- two at once ------------------------------------------------------------------------------------------------


def at_once(product: Product, *lines: list[str]) -> list[subprocess.Popen[str]]:
    """Command lines begun together in processes of their own, all ended."""
    begun = [
        subprocess.Popen(
            [*command(), *line, "--json"],
            env={**product.environment, "REPRISE_USER": f"user{number}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, line in enumerate(lines)
    ]
    for process in begun:
        process.communicate(timeout=60)
    return begun


def journaled(say: Spoken, verb: str) -> list[str]:
    return sorted(event["actor"] for event in say("audit")["events"] if event["type"] == f"command.{verb}")


def test_two_edits_at_once_are_one_and_then_the_other(product: Product, say: Spoken) -> None:
    batch, _ = draft(say)
    wishes = [["edit", batch, "--name", name, "--description", name, "--concurrency", name] for name in ("1", "2")]
    assert [process.returncode for process in at_once(product, *wishes)] == [0, 0]
    shown = say("show", batch)
    assert (shown["name"], shown["description"], str(shown["concurrency"])) in {("1", "1", "1"), ("2", "2", "2")}
    assert journaled(say, "edit") == ["user0", "user1"]


def test_two_orders_at_once_are_one_of_the_two(product: Product, say: Spoken) -> None:
    batch, (first, second, third) = draft(say)
    orders = [[third, second, first], [second, third, first]]
    assert [one.returncode for one in at_once(product, *(["reorder", batch, *order] for order in orders))] == [0, 0]
    assert listed(say, batch) in orders
    assert journaled(say, "reorder") == ["user0", "user1"]


def test_a_pause_and_a_cancel_at_once_end_in_a_cancel(product: Product, say: Spoken) -> None:
    batch, (first, *_) = draft(say)
    say("start", batch)
    pause, cancel = at_once(product, ["pause", first], ["cancel", first])
    assert cancel.returncode == 0
    assert pause.returncode in (0, 4), "4 when it came second: it is being cancelled"
    assert say("show", first)["intent"] == "cancel"
    assert journaled(say, "cancel") == ["user1"]
    assert journaled(say, "pause") == (["user0"] if pause.returncode == 0 else [])


def test_two_that_remove_the_last_two_runs_leave_one(product: Product, say: Spoken) -> None:
    batch, (first, second) = draft(say, runs=2)
    codes = [one.returncode for one in at_once(product, ["remove", first], ["remove", second])]
    assert sorted(codes) == [0, 4]
    assert len(listed(say, batch)) == 1


# --- on a terminal ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "phase"), [("n", "deleted"), ("y", None)])
def test_a_terminal_is_asked_before_anything_is_removed_for_good(
    product: Product, say: Spoken, typed: str, phase: str | None
) -> None:
    batch, _ = draft(say)
    say("delete", batch)
    controller, terminal = os.openpty()
    try:
        os.write(controller, f"{typed}\n".encode())
        asked = subprocess.run(
            [*command(), "delete", batch, "--hard"],
            env=product.environment, stdin=terminal, stdout=terminal, stderr=terminal, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(controller)
        os.close(terminal)
    assert asked.returncode == 0
    if phase is None:
        assert say("show", batch, code=3)["error"]["code"] == "not_found"
    else:
        assert say("show", batch)["phase"] == phase
