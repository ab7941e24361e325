"""The button with which a run makes one more round, with settings that were just chosen."""

from typing import Any

import streamlit as st

from pages.components import acting, session
from pages.components.markup import show, tag


def button(run_id: str, label: str, *, icon: str, why: str | None, beside: str | None, changes: dict[str, Any]) -> None:
    """Pressed, it makes the run again with `changes`; `why` not disables it, and `beside` stands next to it."""
    record = session.manager().views.record(run_id)
    name = label.lower().replace(" ", "-")
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            label,
            key=f"{name}-{run_id}",
            icon=f":material/{icon}:",
            type="primary" if why is None else "secondary",
            disabled=why is not None,
        )
        if beside:
            show(tag("span", beside, cls="rp-beside"))
    if pressed:
        token = f"{record.updated_at}:{name}:{sorted(changes.items())}"
        if acting.command("again", run_id, version=token, changes=changes):
            session.redraw()
