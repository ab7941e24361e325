"""How answers look: what a terminal is never sent, what is clipped, and one exit code for each kind of error."""

import json

import pytest

from core.cli.output import INTERNAL, cell, clip, duration, exit_code, printable, show_error, show_json, table
from core.domain.errors import (
    BadInput,
    Damaged,
    ErrorClass,
    Fenced,
    NoService,
    NotFound,
    Refused,
    RepriseError,
    StageError,
    StorageError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), 3),
        (Refused("x"), 4),
        (BadInput("x"), 5),
        (StorageError("x"), 5),
        (Damaged("x"), 6),
        (NoService("x"), 7),
        (Fenced("x"), INTERNAL),
        (StageError(ErrorClass.NETWORK, "x"), INTERNAL),
        (RepriseError("x"), INTERNAL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_of_error_has_its_exit_code(error: RepriseError, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize("evil", ["\x1b[31mred", "a\nb", "a\rb", "\u202egpj.exe", "\x07", "\x9b2J", "\ud800", "a\tb"])
def test_nothing_that_steers_a_terminal_is_printed(evil: str) -> None:
    assert all(character.isprintable() for character in printable(evil))


def test_ordinary_text_of_any_script_is_printed_as_it_is() -> None:
    assert printable("Grüße, 世界 🎬 – “ok”") == "Grüße, 世界 🎬 – “ok”"


def test_errors_are_two_lines_or_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    show_error("refused", "It runs\n already.", "Wait.", as_json=False)
    assert capsys.readouterr().err.splitlines() == ["Error: It runs� already.", "Hint: Wait."]
    show_error("refused", "It runs.", "Wait.", as_json=True)
    assert json.loads(capsys.readouterr().err) == {"error": {"code": "refused", "message": "It runs.", "hint": "Wait."}}


def test_a_document_is_json_in_plain_unicode(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"title": "Grüße", "eta_s": None})
    out = capsys.readouterr().out
    assert json.loads(out) == {"title": "Grüße", "eta_s": None}
    assert "Grüße" in out


def test_a_table_lines_up_and_clips_all_but_its_last_column(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"a": "a long word", "b": None, "c": "x" * 50}, {"a": "b", "b": 0.5, "c": "y"}]
    table(rows, (("a", "A", 6), ("b", "B", 4), ("c", "C", 3)))
    head, first, second = capsys.readouterr().out.splitlines()
    assert head == "A       B     C"
    assert first == f"a lon…  –     {'x' * 50}"
    assert second == "b       50%   y"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "–"), (0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (7500, "2 h 5 min")],
)
def test_durations_are_said_as_people_say_them(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_values_in_cells_are_short() -> None:
    assert [cell(value) for value in (None, 0.0, 1.0, 12.34, "x\ny")] == ["–", "0%", "100%", "12.3", "x�y"]
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"
