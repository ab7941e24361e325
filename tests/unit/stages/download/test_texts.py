"""Foreign words made fit to be shown and logged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stages.download.texts import display_title, log_line, plain, reason, without_secrets


@given(st.text(st.characters()))
def test_any_text_becomes_one_printable_line_that_can_be_stored(text: str) -> None:
    shown = plain(text, 50)
    assert len(shown) <= 50
    assert "\n" not in shown
    shown.encode("utf-8")
    assert plain(shown, 50) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\r\nd", "a b c d"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("NUL\x00 and \ud800", "NUL and ?"),
        ("  много  слов ", "много слов"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_control_and_direction_characters_are_taken_out(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_long_title_is_cut_with_a_sign() -> None:
    assert display_title("😀" * 300) == "😀" * 199 + "…"


def test_secrets_of_addresses_are_taken_out_and_the_rest_kept() -> None:
    text = "GET https://me:pw@h.com:8080/a/b?token=x#y and http://h.com/c, done"
    assert without_secrets(text) == "GET https://h.com:8080/a/b and http://h.com/c, done"
    assert "secret" not in log_line("at https://h.com?secret=1")


def test_what_yt_dlp_adds_to_a_reason_is_taken_out() -> None:
    said = "ERROR: [youtube] abc: Video unavailable; please report this issue on https://github.com/x , filling out"
    assert reason(said) == "abc: Video unavailable"
