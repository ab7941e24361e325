"""The buttons of a run, a batch or the pool: what is possible as it is, in one order, and nothing else."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from pages.components import acting, confirm, forms, session, verbs

Prominence = Literal["primary", "secondary"]
MAX_WHY = 200


def press(verb: str, id_: str, version: str) -> None:
    """What a press of a command's button does: ask first, open its form, or give the command."""
    if verb in confirm.NEEDED:
        confirm.ask(verb, id_, version)
    elif verb in forms.NEEDED:
        forms.ask(verb, id_, version)
    elif acting.command(verb, id_, version=version):
        session.redraw()


def bar(offered: Sequence[str], id_: str, version: str) -> None:
    """The buttons for what is offered; the rarer ones in a menu."""
    wanted = verbs.in_order(list(offered))
    shown = [verb for verb in wanted if not verbs.VERBS[verb].hidden]
    hidden = [verb for verb in wanted if verbs.VERBS[verb].hidden and verb != "drain"]
    if not wanted:
        return
    with st.container(horizontal=True, gap="small", key=f"bar-{id_}"):
        for verb in shown:
            kind: Prominence = "primary" if verbs.VERBS[verb].main else "secondary"
            if st.button(verbs.label(verb, id_), key=f"{verb}-{id_}", icon=verbs.icon(verb), type=kind):
                press(verb, id_, version)
            if verb == "pause":
                pause_options(id_, version, drain="drain" in wanted)
        if hidden:
            chosen = st.menu_button("More", hidden, key=f"more-{id_}", format_func=lambda verb: verbs.label(verb, id_))
            if chosen:
                press(chosen, id_, version)


def pause_options(id_: str, version: str, *, drain: bool) -> None:
    """Beside a Pause button: why, and whether the stages that run may end first."""
    # After a press it is another one, closed and empty: the open one would hide what it caused.
    number = st.session_state.setdefault(f"pauses-{id_}", 0)
    with st.popover("Other ways to pause", key=f"pausing-{id_}-{number}"):
        why = st.text_input(
            "Why",
            max_chars=MAX_WHY,
            key=f"why-{id_}-{number}",
            placeholder="cookies expired",
            help="Shown wherever it is paused.",
        )
        for verb in ("pause", "drain") if drain else ("pause",):
            label = "Pause now" if verb == "pause" else verbs.label(verb)
            icon = verbs.icon(verb)
            if st.button(label, key=f"{verb}-why-{id_}", icon=icon, width="stretch") and acting.command(
                verb, id_, version=version, why=why.strip()
            ):
                st.session_state[f"pauses-{id_}"] = number + 1
                session.redraw()
