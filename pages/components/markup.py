"""Drawing text that other people wrote: it is escaped here, once, and shown exactly as it is."""

import html
import re
from collections.abc import Iterable

import streamlit as st

# Control characters, halves of characters, and those that turn the direction of what follows. Joiners stay: emoji need them.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&\"'^=@/])")


class Html(str):
    """HTML made by `tag`: whatever was text in it is escaped."""

    __slots__ = ()


def clean(text: object) -> str:
    """`text` without control and direction characters, which could reorder or hide what stands beside it."""
    return _STEERING.sub("�", str(text))


def esc(text: object) -> Html:
    """`text` as HTML that shows exactly its characters; `Html` stays what it is."""
    return text if isinstance(text, Html) else Html(html.escape(clean(text)))


def literal(text: object) -> str:
    """`text` as Markdown that shows exactly its characters, for labels and toasts."""
    return _MARKDOWN.sub(r"\\\1", " ".join(clean(text).split()))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element; attributes that are None or False are left out, `cls` is `class`, `_` in a name is `-`."""
    given = {("class" if key == "cls" else key.replace("_", "-")): value for key, value in attributes.items()}
    said = "".join(
        f" {key}" if value is True else f' {key}="{esc(value)}"'
        for key, value in given.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{said}>{''.join(esc(child) for child in children if child is not None)}</{name}>")


def join(parts: Iterable[object], separator: str = " · ") -> str:
    """The parts that say something, in one line."""
    return separator.join(str(part) for part in parts if part)


def show(*elements: Html) -> None:
    """Put elements on the page."""
    st.html("".join(elements))
