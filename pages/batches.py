"""Batches: all of them, or the one that the address names (`?batch=ID`) with its runs and what can be done with it."""

from typing import Any, Literal

import streamlit as st

from core.domain.display import shown_batch_phase
from core.domain.errors import NotFound
from pages.components import confirm, session, words
from pages.components.live import listen
from pages.components.markup import join, show, tag
from pages.components.run_row import PAGE, batch_rows, run_rows
from pages.components.timeline import meter

Prominence = Literal["primary", "secondary"]
OFFERED = {
    "draft": ("start", "cancel"),
    "running": ("pause", "cancel"),
    "queued": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
    "pausing": ("resume", "cancel"),
}
BUTTONS = {
    "start": ("Start", ":material/play_arrow:"),
    "pause": ("Pause", ":material/pause:"),
    "resume": ("Resume", ":material/play_arrow:"),
    "cancel": ("Cancel", ":material/close:"),
    "retry": ("Retry failed", ":material/refresh:"),
}


@st.fragment
def all_batches() -> None:
    """Every batch, the newest first."""
    listen("batches", "runs", "pool")
    first = (st.session_state.get("batch-page", 1) - 1) * PAGE
    found = session.read(f"batches-{first}", lambda: session.manager().views.batches(limit=first + PAGE))
    show(tag("div", tag("h1", "Batches"), tag("p", words.count(found["total"], "batch", "batches")), cls="rp-head"))
    none = "There are no batches yet. New batch makes one of links, files or a folder."
    batch_rows(found["batches"][first : first + PAGE], key="batches", label="Batches", none=none)
    if found["total"] > PAGE:
        st.pagination(-(-found["total"] // PAGE), key="batch-page")


@st.fragment
def one_batch(batch_id: str) -> None:
    """One batch with its runs, live."""
    listen("batch", f"batch:{batch_id}", "pool")
    try:
        batch = session.manager().views.batch(batch_id)
    except NotFound as error:
        show(
            tag("div", tag("b", error.message), tag("p", "It may have been deleted."), cls="rp-note", data_tone="warn")
        )
        return
    record = session.manager().storage.index.batches[batch_id]
    word = shown_batch_phase(record, [run["phase"] for run in batch["runs"]])
    badge = tag("span", words.label(word), cls="rp-badge", data_tone=words.tone(word))
    show(tag("div", tag("h1", batch["name"], badge), tag("p", said(batch)), cls="rp-head"))
    actions(batch, word, record.updated_at.isoformat())
    if word not in ("completed", "failed", "cancelled", "draft"):
        left = join([f"{batch['progress']:.0%}", words.left(batch["eta_s"])])
        show(tag("div", meter(batch["progress"], words.tone(word)), tag("span", left), cls="rp-overall"))
    if batch["pause"]:
        why = f": {batch['pause']['why']}" if batch["pause"]["why"] else "."
        show(
            tag(
                "div",
                tag("b", f"Paused by {batch['pause']['by']}{why}"),
                tag("p", "Resume goes on where it was."),
                cls="rp-note",
                data_tone="warn",
            )
        )
    run_rows(batch["runs"], key=f"runs-{batch_id}", label="Runs")
    show(tag("p", settings(batch), cls="rp-foot"))


def said(batch: dict[str, Any]) -> str:
    """The batch in one line."""
    return join(
        [
            f"{batch['completed'] + batch['skipped']} of {words.count(batch['total'], 'run')} done",
            f"{batch['failed']} failed" if batch["failed"] else "",
            f"{batch['cancelled']} cancelled" if batch["cancelled"] else "",
            f"{words.duration(batch['total_duration_s'])} of recordings" if batch["total_duration_s"] else "",
            f"added {words.ago(batch['created_at'], session.now())}",
        ]
    )


def actions(batch: dict[str, Any], word: str, version: str) -> None:
    """What can be done with the batch as it is."""
    verbs = [*OFFERED.get(word, ()), *(("retry",) if batch["failed"] else ())]
    if not verbs:
        return
    with st.container(horizontal=True):
        for verb in verbs:
            label, icon = BUTTONS[verb]
            main: Prominence = "primary" if verb in ("start", "retry", "resume") else "secondary"
            if st.button(label, key=f"{verb}-{batch['batch_id']}", icon=icon, type=main):
                if verb in confirm.NEEDED:
                    confirm.ask(verb, batch["batch_id"], version)
                elif session.command(verb, batch["batch_id"], version=version):
                    session.redraw()


def settings(batch: dict[str, Any]) -> str:
    """What the batch asks for."""
    chosen = batch["settings"]
    wanted = [name for name in ("transcribe", "quotes", "summary") if chosen[name]]
    return join(
        [
            f"Makes {', '.join(wanted) or 'downloads only'}",
            f"model {chosen['model']}",
            f"language {chosen['language']}",
            f"{batch['concurrency']} at a time",
            f"priority {batch['priority']}",
            batch["batch_id"],
        ]
    )


wanted = st.query_params.get("batch")
if wanted:
    one_batch(wanted)
else:
    all_batches()
