"""Search: where something was said, in every transcript, quote, summary and highlight."""

from itertools import groupby
from typing import Any

import streamlit as st

from core.domain.errors import BadInput
from core.domain.markup import clock
from core.manager.search import Found, Hit
from pages.components import session, words
from pages.components.live import component
from pages.components.markup import clean, join, show, tag

KINDS = {"transcript": "Said", "quote": "Quote", "summary": "Summary", "highlight": "Highlight"}
FEW = 5  # passages of one recording that are shown at once
_hits = component("hits", "base")


def found_by(text: str) -> Found | None:
    """What was found; says why when nothing could be looked for."""
    try:
        return session.manager().search.find(text)
    except BadInput as error:
        show(tag("p", f"{error.message} {error.hint}", cls="rp-none"))
        return None


def sentence(found: Found) -> str:
    """What was found, in one line."""
    if not found.hits:
        return "Nothing was found. A word also finds those that begin with it; fewer words find more."
    count = words.count(len(found.hits), "passage")
    recordings = words.count(len({hit.run_id for hit in found.hits}), "recording")
    return join(
        [
            f"{'The first ' if found.more else ''}{count} in {recordings}",
            f"{words.count(len(found.unreadable), 'run')} could not be read" if found.unreadable else "",
        ]
    )


def group(run_id: str, hits: list[Hit]) -> dict[str, Any]:
    """The passages of one recording, as the list draws them."""
    return {
        "run_id": run_id,
        "title": clean(hits[0].title),
        "href": f"run?run={run_id}",
        "few": FEW,
        "hits": [
            {
                "kind": KINDS[hit.kind],
                "start": hit.start,
                "clock": clock(hit.start) if hit.start is not None else "",
                "href": f"run?run={run_id}" + (f"&t={int(hit.start)}" if hit.start is not None else ""),
                "parts": parts(hit),
            }
            for hit in hits
        ],
    }


def parts(hit: Hit) -> list[list[Any]]:
    """The text in pieces, each with whether it was looked for."""
    pieces: list[list[Any]] = []
    at = 0
    for left, right in hit.marks:
        pieces += [[clean(hit.text[at:left]), False], [clean(hit.text[left:right]), True]]
        at = right
    return [*pieces, [clean(hit.text[at:]), False]]


show(tag("div", tag("h1", "Search"), cls="rp-head"))
asked = st.text_input(
    "Words that were said",
    key="q",
    bind="query-params",
    placeholder='salmon "upper river"',
    label_visibility="collapsed",
    max_chars=200,
)
if asked.strip():
    found = found_by(asked)
    if found is not None:
        show(tag("p", sentence(found), cls="rp-said"))
        groups = [group(run_id, list(hits)) for run_id, hits in groupby(found.hits, key=lambda hit: hit.run_id)]
        opened = _hits(key="hits", data={"groups": groups, "asked": asked}, on_open_change=lambda: None).open
        if opened:
            st.switch_page("run.py", query_params={name: str(value) for name, value in opened.items()})
else:
    show(
        tag(
            "p",
            "Every word must occur in a passage; words in quotation marks are found as they stand. "
            "Transcripts, quotes, summaries and highlights of all runs are looked through.",
            cls="rp-none",
        )
    )
