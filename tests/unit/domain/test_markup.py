"""What others wrote is shown, never obeyed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core.domain.markup import clock, markdown, one_line

HOSTILE = [
    "![x](http://127.0.0.1:1/?d=1)",
    "<script>alert(1)</script>",
    "[a](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "http://evil.example and www.evil.example",
    "# heading",
    "- list",
    "+ list",
    "12. list",
    "===",
    "> quote",
    "```code```",
    "**bold** _it_ ~~gone~~",
    "| a | b |",
    "&lt;b&gt; &copy;",
    "a\n\n# b",
    "\\[x](y)",
    "$\\frac{1}{2}$",
    "<https://evil.example>",
]


def rendered(line: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(line)


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_hostile_text_as_it_is(text: str) -> None:
    shown = rendered(markdown(text))
    escaped = (
        " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    )
    assert shown == f"<p>{escaped}</p>\n"


@given(
    st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" ![](){}<>*_#-+`~|\\&$:/."), max_size=60)
)
def test_no_text_becomes_markup(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown(text))
    kinds = {child.type for token in tokens for child in token.children or []} | {token.type for token in tokens}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}


def test_addresses_are_not_made_links_by_renderers_that_look_for_them() -> None:
    assert "http://" not in markdown("http://evil.example")
    assert "www." not in markdown("www.evil.example")


def test_one_line_has_no_control_characters_and_no_more_than_its_limit() -> None:
    assert one_line("a\x1b[31m\nb\u202ec\x00  d", 100) == "a [31m b c d"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


@given(st.text(max_size=300), st.integers(2, 50))
def test_one_line_is_one_short_line_whatever_it_is_given(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "00:00:00"), (59.999, "00:00:59"), (3661, "01:01:01"), (-1, "00:00:00")]
)
def test_times_are_shown_as_clocks_do(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
