"""The log says what happened in JSON, without secrets, and costs a process nothing until its first word."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.system.logs import STRUCK, bound_log, redact

TALKS = """
import sys
from core.system.logs import Log, configure_log
log = Log("test")
configure_log(sys.stderr, secrets=["sk-secret", ""])
assert "structlog" not in sys.modules
log.info("asked", url="https://me:pw@example.org/v?sig=1", key="it is sk-secret", count=3)
log.error("refused", error="sk-secret was wrong")
"""


def test_what_is_said_is_one_json_object_a_line_without_secrets() -> None:
    said = subprocess.run([sys.executable, "-c", TALKS], capture_output=True, text=True, check=True).stderr
    first, second = [json.loads(line) for line in said.splitlines()]
    assert (first["event"], first["level"], first["count"]) == ("asked", "info", 3)
    assert first["url"] == "https://example.org/v"
    assert first["key"] == f"it is {STRUCK}"
    assert (second["level"], second["error"]) == ("error", f"{STRUCK} was wrong")
    assert first["t"].endswith("Z")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain words", "plain words"),
        ("see http://u:p@host/path?token=abc here", "see http://host/path here"),
        ("see https://host/path#frag", "see https://host/path#frag"),
    ],
)
def test_an_address_loses_its_user_and_its_query(text: str, left: str) -> None:
    assert redact(text) == left


# --- a log that several processes append to ------------------------------------------------------------------------

TWO_LINES = 24  # bytes


def test_a_log_within_its_bound_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    assert bound_log(log, TWO_LINES) is False, "it need not be there"
    log.write_text("first line.\nsecond one.\n")
    assert bound_log(log, TWO_LINES) is False
    assert [path.name for path in tmp_path.iterdir()] == ["service.log"]


def test_a_log_that_has_grown_begins_anew_and_its_last_whole_lines_stand_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    for text in ("first line.\nsecond one.\nthird line.\n", "fourth one.\nfifth line.\nsixth line.\n"):
        log.write_text(text)
        assert bound_log(log, TWO_LINES) is True
        assert log.read_bytes() == b""
        assert (tmp_path / "service.log.1").read_text() == text.split("\n", 2)[2], "one line and the rest of another"


def test_who_has_the_log_open_goes_on_in_it(tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    talks = "import sys\nfor line in sys.stdin: sys.stderr.write(line * 10); print(flush=True)"
    with log.open("ab") as errors:
        talker = subprocess.Popen(
            [sys.executable, "-c", talks], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    assert talker.stdin is not None
    assert talker.stdout is not None
    for word in (b"before\n", b"after\n"):
        talker.stdin.write(word)
        talker.stdin.flush()
        talker.stdout.readline()
        if word == b"before\n":
            assert bound_log(log, 20)
    talker.communicate()
    assert log.read_bytes() == b"after\n" * 10, "no hole and nothing of it in the older one"
    assert (tmp_path / "service.log.1").read_bytes() == b"before\n" * 2


def test_where_there_is_no_room_for_the_old_lines_they_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "service.log"
    log.write_text("x\n" * 100)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert bound_log(log, TWO_LINES)
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("service.log", 0)]


# --- for people ------------------------------------------------------------------------------------------------------

TELLS = r"""
import sys
from core.system.logs import Log, bound_facts, configure_log
configure_log(sys.stderr, secrets=["sk-secret"], form="text")
log = Log("test")
with bound_facts(request_id="q1"):
    log.info("run.claim", run_id="r_1", why="it is sk-secret\n\x1b[31mred", nothing=None)
try:
    1 / 0
except ZeroDivisionError:
    log.error("not_read", exc_info=True)
"""


def test_for_people_it_is_one_line_with_what_was_bound_and_nothing_that_moves_a_terminal() -> None:
    said = subprocess.run([sys.executable, "-c", TELLS], capture_output=True, text=True, check=True).stderr
    first, second, *trace = said.splitlines()
    assert re.fullmatch(
        r'\d\d:\d\d:\d\d info  test: run.claim run_id=r_1 why="it is •••\\n\\u001b\[31mred" request_id=q1', first
    )
    assert re.match(r"\d\d:\d\d:\d\d error test: not_read$", second)
    assert trace[-1] == "    ZeroDivisionError: division by zero"
