"""E-mail and webhooks: where messages go, how it goes, and a button to try it."""

import streamlit as st

from core.domain.access import Scope
from core.domain.errors import RepriseError
from core.manager.notices import Sending, Tried
from pages.components import banners, session, words
from pages.components.live import listen
from pages.components.markup import Html, join, literal, show, tag

NOT_CONFIGURED = (
    "Nobody gets e-mail, and no webhook is called. smtp_host with notify_email, and notify_webhook in reprise.toml or "
    "the environment change that; docs/configuration.md explains them."
)


@st.fragment
def section(*, test: bool) -> None:
    """Each way of telling people who do not look; with `test` also the button that tries them."""
    listen("telling", "notices", anyway_s=30)
    manager = session.manager()
    if not manager.acts_for.may(Scope.ADMIN):
        return
    show(tag("h2", "E-mail and webhook", cls="rp-h"))
    try:
        found = session.read("sending", manager.notices.sending)
    except RepriseError as error:
        show(banners.note(error.message, error.hint, tone="bad"))
        return
    if not found:
        show(tag("p", NOT_CONFIGURED, cls="rp-none"))
        return
    show(tag("ul", *map(line, found), cls="rp-checks"))
    if test:
        _try_them()


def line(one: Sending) -> Html:
    """How one way goes; what is wrong, and when it is tried again."""
    now = session.now()
    wrong = one.problem or one.error
    again = words.soon((one.next_at - now).total_seconds()) if one.next_at is not None and not one.problem else ""
    sent = f"last sent {words.ago(one.sent_at.isoformat(), now)}" if one.sent_at is not None else "nothing sent yet"
    facts = join(
        [
            sent,
            f"{one.pending} waiting" if one.pending else "",
            f"{one.dropped} could not be told" if one.dropped else "",
            again,
        ]
    )
    return tag(
        "li",
        tag("i", "✗" if wrong else "✓", title="not well" if wrong else "well"),
        tag("b", one.label),
        tag("span", one.target),
        tag("p", join([wrong, one.hint if one.problem else ""], " ")) if wrong else None,
        tag("p", facts) if not one.problem else None,
        data_tone="bad" if wrong else "good",
    )


def _try_them() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Send a test", key="test-notify", icon=":material/send:", help="By every way above, now."):
            manager = session.manager()
            try:
                with st.spinner("Sending…"):
                    st.session_state["tried"] = manager.notices.test()
            except RepriseError as error:
                st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
    tried: list[Tried] = st.session_state.get("tried", [])
    for one in tried:
        said = one.message if one.ok else join([one.message, one.hint], " ")
        show(banners.note(f"{one.label}: {'sent' if one.ok else 'not sent'}", said, tone="good" if one.ok else "bad"))
