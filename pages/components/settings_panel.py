"""Settings as a whole: where they begin, the form, how much at a time, and keeping them as a template."""

from typing import Any

import msgspec
import streamlit as st

from core.domain.errors import RepriseError
from core.domain.limits import CONCURRENCY, MAX_NAME, PRIORITY
from core.domain.settings import parse_settings
from core.manager.templates import Template
from pages.components import session, settings_form
from pages.components.markup import literal, show, tag

# No template has such a name.
DEFAULTS, PRODUCT = "", "\0"
NAMES = {DEFAULTS: "Your defaults", PRODUCT: "The product's defaults"}


def usual() -> Template:
    """What this person usually wants; the product's defaults, with a word about it, when that cannot be read."""
    manager = session.manager()
    try:
        return manager.templates.defaults(manager.actor)
    except RepriseError as error:
        show(tag("p", f"Your defaults cannot be used: {error.message}", cls="rp-advice", data_tone="bad"))
        return Template()


def begin(key: str, template: Template) -> None:
    """Let the panel with this `key` begin anew with a template; for a callback, or before it is drawn."""
    settings_form.fill(template.settings, key)
    st.session_state[f"concurrency-{key}"] = template.concurrency
    st.session_state[f"priority-{key}"] = template.priority


def draw(key: str, *, saving: bool = True) -> Template:
    """Where it begins, the form, and how much at a time; gives what is chosen now. Raises nothing for what is not usable."""
    if f"kept-{key}" not in st.session_state:
        _begin_with(key, st.query_params.get("template") if saving else None)
    if saving:
        _bar(key)
    settings_form.draw(Template().settings, key)
    with st.container(border=True, gap="small", key=f"part-pace-{key}"):
        show(tag("h3", "Pace", cls="rp-h"))
        first, second = st.columns(2, gap="medium")
        first.slider(
            "Runs at a time",
            *CONCURRENCY,
            key=f"concurrency-{key}",
            help="So many videos of a batch are worked on at once.",
        )
        second.slider("Priority", *PRIORITY, key=f"priority-{key}", help="10 goes first, before all fairness.")
    return chosen(key)


def _begin_with(key: str, name: str | None) -> None:
    """Begin with the template that the address names, else with what the person usually wants."""
    try:
        template = session.manager().templates.get(name) if name else usual()
    except RepriseError as error:
        st.toast(literal(error.message), icon=":material/error:")
        name, template = None, usual()
    if name:
        st.session_state[f"begin-{key}"] = template.name
    begin(key, template)


def values(key: str) -> dict[str, Any]:
    """The settings that are chosen in the panel, not looked at whether they can be used."""
    return settings_form.chosen(Template().settings, key)


def chosen(key: str) -> Template:
    """What is chosen in the panel, drawn or not; settings that cannot be used are left at their defaults."""
    try:
        settings = parse_settings(values(key))
    except RepriseError:
        settings = Template().settings
    pace = {
        name: st.session_state.get(f"{name}-{key}", getattr(Template(), name)) for name in ("concurrency", "priority")
    }
    return Template(settings=settings, **pace)


def _bar(key: str) -> None:
    """Begin with a template, keep what is chosen as one, or begin anew."""
    found = [one.name for one in session.manager().templates.all()]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"templates-{key}"):
        st.selectbox(
            "Begin with",
            [DEFAULTS, *found, PRODUCT],
            format_func=lambda name: NAMES.get(name, name),
            key=f"begin-{key}",
            on_change=_load,
            args=(key,),
            width=280,
            help="A template, what you usually want, or what the product does by itself.",
        )
        keep_as(None, key=key)
        st.button("Reset", icon=":material/restart_alt:", key=f"reset-{key}", on_click=_reset, args=(key,))


def _load(key: str) -> None:
    name = st.session_state[f"begin-{key}"]
    try:
        template = {DEFAULTS: usual, PRODUCT: Template}.get(name, lambda: session.manager().templates.get(name))()
    except RepriseError as error:
        st.toast(literal(error.message), icon=":material/error:")
        return
    begin(key, template)


def _reset(key: str) -> None:
    """Begin again with what was begun with."""
    _load(key)


def keep_as(template: Template | None, *, key: str) -> None:
    """Keep a template under a name; None is what is chosen in the panel with this `key`."""
    number = st.session_state.setdefault(f"saves-{key}", 0)  # after saving it is another one, closed and empty
    with st.popover("Save as template", icon=":material/bookmark_add:", key=f"saving-{key}-{number}"):
        name = st.text_input("Name", max_chars=MAX_NAME, key=f"template-{key}-{number}", placeholder="Lectures")
        there = {one.name.casefold() for one in session.manager().templates.all()}
        replace = name.strip().casefold() in there
        label = "Replace it" if replace else "Save"
        if st.button(label, key=f"save-{key}", type="primary", width="stretch", disabled=not name.strip()):
            _save(template, name, key, replace=replace)


def _save(template: Template | None, name: str, key: str, *, replace: bool) -> None:
    manager = session.manager()
    try:
        if template is None:
            parse_settings(values(key))  # else it would be saved with settings that nobody chose
            template = chosen(key)
        saved = manager.templates.save(msgspec.structs.replace(template, name=name), by=manager.actor, replace=replace)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
        return
    st.session_state[f"saves-{key}"] += 1
    st.toast(literal(f"Saved: {saved.name}"), icon=":material/bookmark_added:")
    session.redraw()
