"""Notifications: everything one was told, newest first, and how it is sent to those who do not look."""

import streamlit as st

from core.domain.errors import RepriseError
from core.manager.notices import Told
from pages.components import banners, bell, session, telling, words
from pages.components.live import listen
from pages.components.markup import show, tag

PAGE = 50


@st.fragment
def everything() -> None:
    """The list, live."""
    listen("notifications", "notices")
    manager = session.manager()
    try:
        told: list[Told] = session.read("notices", manager.notices.all)
    except RepriseError as error:
        show(banners.note(error.message, error.hint, tone="bad"))
        return
    unread = sum(not one.read for one in told)
    with st.container(horizontal=True, vertical_alignment="center"):
        only = st.toggle(f"Unread only ({unread})", key="only-unread", disabled=not told)
        st.space("stretch")
        if st.button("Mark all read", key="read-all", icon=":material/done_all:", disabled=not unread):
            bell.read_all()
            session.redraw()
    shown = [one for one in told if not (only and one.read)]
    none = "Everything is read." if told else bell.NONE
    opened = bell.notices(shown[:PAGE], key="told", none=none)
    if len(shown) > PAGE:
        show(tag("p", f"and {words.count(len(shown) - PAGE, 'older one')}: ./reprise notices", cls="rp-none"))
    if opened is not None:
        bell.follow(opened, told)


show(tag("div", tag("h1", "Notifications"), tag("p", "What ended, and what needs you."), cls="rp-head"))
everything()
telling.section(test=False)
