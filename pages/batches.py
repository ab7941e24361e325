"""Batches: all of them, or the one that the address names (`?batch=ID`) with its runs and what can be done with it."""

from typing import Any

import streamlit as st

from core.domain.batch import BatchRecord
from core.domain.display import shown_batch_phase
from core.domain.errors import NotFound
from core.domain.fields import summed_up
from core.domain.states import BatchPhase
from core.manager.templates import Template
from pages.components import banners, cleaning, controls, receipts, session, settings_form, settings_panel, words
from pages.components.export_rows import export_rows
from pages.components.live import listen
from pages.components.markup import join, literal, show, tag
from pages.components.queue_rows import in_order, queue_rows
from pages.components.run_row import PAGE, batch_badge, batch_rows, run_rows
from pages.components.timeline import meter

EXPORTS = 5
ORDER = "They will start in this order: drag a run, or move it with Alt and the arrow keys."


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
    bin_()


def bin_() -> None:
    """What was deleted and can still be restored."""
    index = session.manager().storage.index
    deleted = [batch for batch in index.batches.values() if batch.phase == BatchPhase.DELETED and not batch.purging]
    if not deleted:
        return
    with st.expander(f"Deleted ({len(deleted)})", key="bin", on_change="rerun") as opened:
        if opened.open:
            for batch in sorted(deleted, key=lambda one: one.updated_at, reverse=True)[:PAGE]:
                gone(batch)


def gone(batch: BatchRecord) -> None:
    """A deleted batch and the way back."""
    runs = session.manager().storage.index.runs_of(batch.batch_id)
    when = words.ago(batch.updated_at.isoformat(), session.now())
    said = f"{words.count(len(runs), 'run')}, deleted {when}; everything made is still there."
    show(tag("div", tag("b", batch.name), tag("p", said), cls="rp-note", data_tone="calm"))
    controls.bar(session.offered_to(batch.batch_id), batch.batch_id, batch.updated_at.isoformat())


@st.fragment
def report(batch_id: str) -> None:
    """What the batch cost and what resuming saved, read when it is opened."""
    if batch_id not in session.manager().storage.index.batches:
        return
    listen("report", f"batch:{batch_id}", anyway_s=30)
    with st.expander("Report", key="report", on_change="rerun") as opened:
        if opened.open:
            show(receipts.told(session.manager().views.report(batch_id)))


@st.fragment
def one_batch(batch_id: str) -> None:
    """One batch with its runs, live."""
    listen("batch", f"batch:{batch_id}", "pool")
    record = session.manager().storage.index.batches.get(batch_id)
    if record is not None and record.phase == BatchPhase.DELETED and not record.purging:
        gone(record)
        return
    try:
        batch = session.manager().views.batch(batch_id)
    except NotFound as error:
        show(banners.note(error.message, "It may have been deleted."))
        return
    record = session.manager().storage.index.batches[batch_id]
    word = shown_batch_phase(record, [run["phase"] for run in batch["runs"]])
    label, tone = batch_badge(batch, word)
    badge = tag("span", label, cls="rp-badge", data_tone=tone)
    about = tag("p", batch["description"]) if batch["description"] else None
    show(tag("div", tag("h1", batch["name"], badge), about, tag("p", said(batch)), cls="rp-head"))
    auto = batch["pause"] is not None and batch["pause"]["reason"] == "auto"
    offered = session.offered_to(batch_id)
    if auto:  # its banner has that button, with what it does
        offered = [verb for verb in offered if verb not in ("resume", "retry")]
    controls.bar(offered, batch_id, record.updated_at.isoformat())
    if word not in ("completed", "failed", "cancelled", "draft"):
        left = join([f"{batch['progress']:.0%}", words.left(batch["eta_s"])])
        show(tag("div", meter(batch["progress"], words.tone(word)), tag("span", left), cls="rp-overall"))
    if auto:
        banners.paused_itself(batch)
    elif batch["pause"]:
        banners.paused(batch["pause"])
    if until := cleaning.until(record):
        show(until)
    waiting = in_order(record, session.manager().storage.index.runs_of(batch_id)) if word == "draft" else []
    if waiting:
        if len(waiting) > 1:
            show(tag("p", ORDER, cls="rp-none"))
        queue_rows(waiting, key=f"queue-{batch_id}", label="Runs, in the order in which they will start")
    ordered = {run["run_id"] for run in waiting}
    others = [run for run in batch["runs"] if run["run_id"] not in ordered]
    if others or not waiting:
        run_rows(others, key=f"runs-{batch_id}", label="Runs", numbered=True)
    show(tag("p", foot(batch), cls="rp-foot"))


def said(batch: dict[str, Any]) -> str:
    """The batch in one line."""
    return join(
        [
            f"{batch['completed'] + batch['skipped']} of {words.count(batch['total'], 'run')} done",
            f"{batch['failed']} failed" if batch["failed"] else "",
            f"{batch['cancelled']} cancelled" if batch["cancelled"] else "",
            f"{batch['skipped']} skipped" if batch["skipped"] else "",
            f"{words.duration(batch['total_duration_s'])} of recordings" if batch["total_duration_s"] else "",
            f"added {words.ago(batch['created_at'], session.now())}",
        ]
    )


def foot(batch: dict[str, Any]) -> str:
    """How the batch is worked off."""
    return join([f"{batch['concurrency']} at a time", f"priority {batch['priority']}", batch["batch_id"]])


@st.fragment
def settings(batch_id: str) -> None:
    """What the batch asks for, and keeping that as a template."""
    index = session.manager().storage.index
    if batch_id not in index.batches:
        return
    listen("settings", f"batch:{batch_id}", anyway_s=60)
    batch = index.batches[batch_id]
    with st.expander(
        f"Settings: {literal(summed_up(batch.settings))}", key="batch-settings", on_change="rerun"
    ) as opened:
        if opened.open:
            show(settings_form.told(batch.settings))
            template = Template(settings=batch.settings, concurrency=batch.concurrency, priority=batch.priority)
            settings_panel.keep_as(template, key=f"of-{batch_id}")


@st.fragment
def exported(batch_id: str) -> None:
    """What was exported of the batch."""
    if batch_id not in session.manager().storage.index.batches:
        return
    listen("exported", "exports", "pool")
    found = session.manager().exports.views.all(batch_id, limit=EXPORTS)
    if not found["total"]:
        return
    show(tag("h2", "Exports", cls="rp-h"))
    export_rows(found["exports"], key="exported")
    if found["total"] > EXPORTS:
        st.page_link("exports.py", label=f"{found['total'] - EXPORTS} more")


wanted = st.query_params.get("batch")
if wanted:
    one_batch(wanted)
    exported(wanted)
    settings(wanted)
    report(wanted)
else:
    all_batches()
