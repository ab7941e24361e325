"""Settings: what you usually want, templates, and how long things are kept."""

import streamlit as st

from core.domain.errors import RepriseError
from core.domain.fields import summed_up
from core.domain.limits import MAX_NAME
from core.domain.settings import parse_settings
from core.manager.templates import Template
from pages.components import banners, cleaning, session, settings_form, settings_panel, telling
from pages.components.markup import literal, show, tag

OWN = "own"


@st.fragment
def defaults() -> None:
    """What a batch of this person begins with."""
    show(tag("h2", "Your defaults", tag("small", "what a new batch begins with"), cls="rp-h"))
    if f"kept-{OWN}" not in st.session_state:
        settings_panel.begin(OWN, settings_panel.usual())
    with st.expander("Settings"):
        settings_panel.draw(OWN, saving=False)
    show(settings_form.summary(settings_panel.values(OWN)))
    chosen, now = settings_panel.chosen(OWN), settings_panel.usual()
    with st.container(horizontal=True, gap="small"):
        if st.button("Save", key="save-own", type="primary", icon=":material/check:", disabled=chosen == now):
            _keep(chosen)
        st.button(
            "The product's defaults",
            key="reset-own",
            icon=":material/restart_alt:",
            disabled=now == Template() and chosen == now,
            help="Forget yours, and let what the product does by itself hold again.",
            on_click=_reset,
        )


def _reset() -> None:
    manager = session.manager()
    manager.templates.reset_defaults(by=manager.actor)
    settings_panel.begin(OWN, Template())
    st.toast("The product's defaults hold again", icon=":material/check:")


def _keep(chosen: Template) -> None:
    manager = session.manager()
    try:
        parse_settings(settings_panel.values(OWN))  # else defaults would be kept that nobody chose
        manager.templates.save_defaults(chosen, by=manager.actor)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
        return
    st.toast("Saved: new batches begin with this", icon=":material/check:")
    session.redraw()


@st.fragment
def templates() -> None:
    """The templates there are, and what can be done with each."""
    kept = session.manager().templates
    found, bad = kept.all(), kept.unusable()
    show(tag("h2", "Templates", tag("small", str(len(found)) if found else ""), cls="rp-h"))
    if not found and not bad:
        show(
            tag("p", "There are none yet. Choose settings for a new batch and save them as a template.", cls="rp-none")
        )
    for number, one in enumerate(found):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"kept-template-{number}"):
            show(tag("div", tag("b", one.name), tag("p", summed_up(one.settings)), cls="rp-template"))
            if st.button("Use", key=f"use-{one.name}", icon=":material/add_circle:", help="Begin a new batch with it."):
                st.switch_page("new_batch.py", query_params={"template": one.name})
            turns = st.session_state.setdefault("template-turns", 0)  # after a change its forms are other ones, closed
            with st.popover("Rename", key=f"renaming-{one.name}-{turns}"):
                new = st.text_input("New name", one.name, max_chars=MAX_NAME, key=f"new-name-{one.name}-{turns}")
                if st.button("Rename it", key=f"rename-{one.name}", type="primary", disabled=new.strip() == one.name):
                    _rename(one.name, new)
            if st.button("Delete", key=f"delete-{one.name}", icon=":material/delete:"):
                _delete(one.name)
    for unusable in bad:
        show(banners.note(f"{unusable.file} cannot be used", unusable.problem, tone="warn"))


def _rename(name: str, new: str) -> None:
    manager = session.manager()
    try:
        manager.templates.rename(name, new, by=manager.actor)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
        return
    st.session_state["template-turns"] += 1
    st.toast("Renamed", icon=":material/check:")
    session.redraw()


@st.dialog("Delete a template?")
def _delete(name: str) -> None:
    """Name what is lost; batches made with it are not."""
    manager = session.manager()
    try:
        one = manager.templates.get(name)
    except RepriseError as error:
        st.text(error.message)
        return
    st.text(one.name)
    st.caption("Batches that were made with it stay as they are.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="keep-template"):
            st.rerun()
        if st.button("Delete template", key="confirm-template", type="primary"):
            manager.templates.delete(one.name, by=manager.actor)
            st.toast("Deleted", icon=":material/check:")
            st.rerun()


show(
    tag(
        "div",
        tag("h1", "Settings"),
        tag("p", "What new batches begin with, and how long things are kept."),
        cls="rp-head",
    )
)
defaults()
templates()
telling.section(test=True)
cleaning.section()
