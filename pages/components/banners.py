"""What holds work up, said once and with the way out: pauses, runs that do not come on, and what is in trouble outside."""

from typing import Any

import streamlit as st

from pages.components import acting, controls, session, verbs, words
from pages.components.markup import Html, join, show, tag
from pages.components.run_row import run_links

BREAKERS = {"host:": "", "llm": "The language model", "network": "The network"}


def note(title: str, *lines: str, tone: str = "warn") -> Html:
    """A framed remark: one sentence, and what follows from it."""
    return tag("div", tag("b", title), *(tag("p", line) for line in lines if line), cls="rp-note", data_tone=tone)


def paused(pause: dict[str, Any]) -> None:
    """A pause as it acknowledges itself: what is still in flight, then since when, by whom and why."""
    hint = "" if pause["in_flight"] else "Resume goes on where it was; nothing is lost meanwhile."
    show(note(words.paused(pause), words.asked(pause), hint))


def paused_itself(batch: dict[str, Any]) -> None:
    """A batch that paused itself: the common cause, the failed runs, and what resuming does."""
    views, pause = session.manager().views, batch["pause"]
    with st.container(key=f"note-auto-{batch['batch_id']}", gap="small"):
        show(tag("b", f"{batch['name']} paused itself"), tag("p", pause["why"]))
        if pause["in_flight"]:
            show(tag("p", words.paused(pause)))
        label = f"Failed runs of {batch['name']}"
        run_links([views.run(run_id) for run_id in pause["runs"]], key=label, label=label)
        id_ = batch["batch_id"]
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Resume", key=f"resume-auto-{id_}", icon=verbs.icon("resume"), type="primary"):
                controls.press("resume", id_, "")
            show(tag("span", "Retries them, one run first; when that works, the others follow.", cls="rp-beside"))


def stalled(count: int, place: str) -> None:
    """The one press that recovers everything that is stalled; it cannot be pressed when nothing is."""
    if (
        st.button(
            f"Recover stalled ({count})" if count else "Recover stalled",
            key=f"recover-all-{place}",
            icon=verbs.icon("recover"),
            disabled=not count,
            help="Ends what does not come on and begins it anew where it was." if count else "Nothing is stalled.",
            width="stretch" if place == "sidebar" else "content",
        )
        and acting.recover_all()
    ):
        session.redraw()


def breakers() -> list[dict[str, Any]]:
    """What is in trouble outside and left alone for a while."""
    found = session.read("breakers", lambda: session.manager().views.queue(limit=0))["breakers"]
    return [one for one in found if one["state"] != "closed"]


def breaker_name(name: str) -> str:
    """What a breaker stands for."""
    return next((said or name.removeprefix(kind) for kind, said in BREAKERS.items() if name.startswith(kind)), name)


def breaker_state(breaker: dict[str, Any]) -> str:
    """What is done about it: it is left alone until then, or tried by one run."""
    if breaker["state"] == "open":
        return f"left alone {words.until(breaker['until'], session.now())}"
    return "tried by one run"


def breaker_said(breaker: dict[str, Any]) -> str:
    """The same in one line, with the reason."""
    return join([f"{breaker_name(breaker['name'])} is {breaker_state(breaker)}", breaker["why"].rstrip(".")])


def open_breakers() -> None:
    """One remark for all of them; the Queue page shows them one by one."""
    found = breakers()
    if found:
        title = (
            "A service outside does not answer" if len(found) == 1 else f"{len(found)} services outside do not answer"
        )
        hint = "Runs that need it wait and try again by themselves; nothing is to be done."
        show(note(title, *(breaker_said(one) for one in found), hint))
