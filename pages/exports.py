"""Exports: everything that was exported, the newest first, as long as it can be fetched and after it."""

import streamlit as st

from pages.components import session, words
from pages.components.export_rows import export_rows
from pages.components.live import listen
from pages.components.markup import show, tag

PAGE = 20
NONE = (
    "Nothing was exported yet. Open a batch and press Export: all its videos come as one ZIP, one video or a playlist."
)


@st.fragment
def history() -> None:
    """All exports, a page of them at a time."""
    listen("exports", "exports", "pool")
    first = (st.session_state.get("export-page", 1) - 1) * PAGE
    found = session.read(f"exports-{first}", lambda: session.manager().exports.views.all(limit=first + PAGE))
    show(tag("div", tag("h1", "Exports"), tag("p", words.count(found["total"], "export")), cls="rp-head"))
    export_rows(found["exports"][first : first + PAGE], key="exports", none=NONE, batches=True)
    if found["total"] > PAGE:
        st.pagination(-(-found["total"] // PAGE), key="export-page")


history()
