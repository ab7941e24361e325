"""The log says what happened in JSON, without secrets, and costs a process nothing until its first word."""

import json
import subprocess
import sys

import pytest

from core.system.logs import STRUCK, redact

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
