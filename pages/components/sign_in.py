"""Before every page, where there is a sign-in: who it is, and what somebody sees who may not."""

import streamlit as st

from core.domain.errors import NotAllowed, NotSignedIn, RepriseError
from pages.components import session
from pages.components.markup import literal, show, tag


def let_in() -> bool:
    """Whether whoever opens this page may; else they see how to sign in, or what is wrong and what to do about it."""
    try:
        session.manager()
    except NotSignedIn:
        _welcome()
    except NotAllowed as error:
        _turned_away(error)
    except RepriseError as error:
        show(tag("div", tag("b", error.message), tag("p", error.hint), cls="rp-note", data_tone="bad"))
    else:
        return True
    return False


def whoami() -> None:
    """In the sidebar: who is signed in, with the way out; or that this dashboard asks nobody."""
    if not session.has_sign_in():
        show(tag("p", "This machine only, no sign-in", cls="rp-who"))
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="who"):
        show(tag("p", session.manager().actor, cls="rp-who"))
        st.button("Sign out", key="sign-out", type="tertiary", on_click=st.logout)


def _welcome() -> None:
    with st.container(key="sign-in"):
        show(tag("div", "Reprise", cls="rp-brand"))
        show(tag("p", "Sign in to see your runs and batches.", cls="rp-none"))
        st.button("Sign in", key="sign-in-button", type="primary", icon=":material/login:", on_click=st.login)


def _turned_away(error: NotAllowed) -> None:
    with st.container(key="sign-in"):
        show(tag("div", tag("b", error.message), tag("p", error.hint), cls="rp-note", data_tone="warn"))
        st.button(literal("Sign in as somebody else"), key="sign-out", on_click=st.logout)
