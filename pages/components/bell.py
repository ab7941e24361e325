"""Being told: the bell on every page with what is unread, and a word when something ends while one looks."""

from collections import Counter
from typing import Any

import streamlit as st

from core.api.news import Ended
from core.api.process import current
from core.domain.errors import RepriseError
from core.domain.notices import MAX_TITLE, cut
from core.manager.notices import Told
from pages.components import session, words
from pages.components.live import component, listen
from pages.components.markup import clean, join, literal
from pages.components.run_row import open_

SHOWN = 5
SINGLY, MOST_SHOWN = 3, 99
FEW_LETTERS, TOAST_LETTERS = 42, 80
TURNS = "bell-turns"
NONE = "You are told here when a batch ends or pauses itself, and when a run stalls or is given up."
_list = component("notices", "base")
_ICONS = {
    "completed": ":material/check_circle:",
    "failed": ":material/error:",
    "paused": ":material/pause_circle:",
}
_SAID = {"completed": "is completed", "failed": "failed", "paused": "paused itself"}


@st.fragment
def bell() -> None:
    """How much is unread, the latest of it, and toasts for what has just ended."""
    listen("bell", "notices", "runs")
    toasts()
    manager = session.manager()
    told = session.read("notices", manager.notices.all)
    unread = sum(not one.read for one in told)
    label = str(min(unread, MOST_SHOWN)) if unread else "\u2060"  # a button needs a name
    with st.popover(
        label,
        key=f"bell-{st.session_state.setdefault(TURNS, 0)}",
        icon=":material/notifications_active:" if unread else ":material/notifications:",
        type="secondary" if unread else "tertiary",
    ):
        opened = notices(told[:SHOWN], key="bell-list", few=True)
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("All notifications", key="bell-all", type="tertiary"):
                shut()
                st.switch_page("notifications.py")
            if unread and st.button("Mark all read", key="bell-read"):
                read_all()
                session.redraw()
    if opened is not None:
        shut()
        follow(opened, told)


def shut() -> None:
    """Close the bell's list: one that is drawn under another name is closed, on whatever page."""
    st.session_state[TURNS] += 1


def notices(told: list[Told], *, key: str, few: bool = False, none: str = NONE) -> int | None:
    """A list of notices; the number of the one that was clicked just now."""
    longest = FEW_LETTERS if few else MAX_TITLE  # what happened has to be seen however long a title is
    data = {"notices": [_row(one, longest) for one in told], "label": "Notifications", "none": none, "few": few}
    opened: int | None = _list(key=key, data=data, on_open_change=lambda: None).open
    return opened


def follow(number: int, told: list[Told]) -> None:
    """Mark one as read and go to what it is about."""
    notice = next((one.notice for one in told if one.notice.number == number), None)
    if notice is None:
        return
    mark([number])
    open_(notice.run_id or notice.batch_id)


def read_all() -> None:
    """Mark everything as read."""
    mark(None)


def mark(numbers: list[int] | None) -> None:
    """Mark these, or all, as read; what hinders that is said."""
    manager = session.manager()
    try:
        manager.notices.mark_read(numbers)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
    current().changed("notices", "board")


def toasts() -> None:
    """Say what ended since this page last looked, one by one or, when it is much, in one line."""
    news, mine = current().news, session.manager().acts_for
    seen = st.session_state.setdefault("news-seen", news.last)
    fresh = [one for one in news.since(seen) if mine.sees(one.owner)]
    st.session_state["news-seen"] = max([seen, *(one.number for one in fresh)])
    fresh = [one for one in fresh if not one.alone]
    if len(fresh) <= SINGLY:
        for one in fresh:
            st.toast(literal(f"{cut(one.title, TOAST_LETTERS)} {_SAID[one.how]}"), icon=_ICONS[one.how])
    else:
        bad = any(one.how != "completed" for one in fresh)
        st.toast(literal(summed_up(fresh)), icon=_ICONS["failed" if bad else "completed"])


def summed_up(ended: list[Ended]) -> str:
    """Many in one line: `5 runs completed, 1 run failed`."""
    counts = Counter((one.kind, one.how) for one in ended)
    many: dict[str, str] = {"run": "runs", "batch": "batches"}
    return join(
        (f"{words.count(number, kind, many[kind])} {how}" for (kind, how), number in sorted(counts.items())), ", "
    )


def _row(told: Told, longest: int) -> dict[str, Any]:
    notice, now = told.notice, session.now()
    return {
        "number": notice.number,
        "tone": notice.tone,
        "read": told.read,
        "title": clean(cut(notice.title, longest)),
        "what": notice.what,
        "when": words.ago(notice.at.isoformat(), now),
        "said": clean(notice.text),
        "href": f"run?run={notice.run_id}" if notice.run_id else f"batches?batch={notice.batch_id}",
    }
