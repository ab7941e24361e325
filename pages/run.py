"""One run (`?run=ID`): its stages, what can be done with it, and everything that came out."""

from typing import Any

import streamlit as st

from core.domain.display import shown_phase
from core.domain.errors import NotFound
from core.domain.markup import one_line
from pages.components import banners, controls, export_panel, highlighting, session, silence, tries, words
from pages.components.live import listen
from pages.components.markup import join, literal, show, tag
from pages.components.player import reader
from pages.components.run_row import STALLED, stalled
from pages.components.saving import files
from pages.components.timeline import meter, timeline

LINES = 400


@st.fragment
def head(run_id: str) -> None:
    """What it is, how it is, and what can be done."""
    listen("head", f"run:{run_id}", "pool")
    views = session.manager().views
    run, record = views.run(run_id), views.record(run_id)
    word = "stalled" if "stalled" in run["flags"] else shown_phase(record, run["blocked_reason"])
    batch = session.manager().storage.index.batches[run["batch_id"]]
    st.page_link(
        "batches.py",
        label=literal(one_line(batch.name, 60)),
        icon=":material/arrow_back:",
        query_params={"batch": batch.batch_id},
    )
    badge = tag("span", words.label(word), cls="rp-badge", data_tone=words.tone(word))
    show(
        tag(
            "div",
            tag("h1", run["title"] or run["source"], badge),
            tag("p", tag("span", words.source(run["source"]), cls="rp-mono")),
            tag("p", said(run)),
            cls="rp-head",
        )
    )
    controls.bar(session.offered(record), run_id, run["updated_at"])
    reason(run, word)
    if word not in ("completed", "failed", "stopped", "cancelled", "skipped"):
        left = join([f"{run['progress']:.0%}", words.left(run["eta_s"]), run["note"]])
        show(tag("div", meter(run["progress"], words.tone(word)), tag("span", left), cls="rp-overall"))
    show(timeline(run, session.now()), tries.ledger(record, session.now()))


def said(run: dict[str, Any]) -> str:
    """The run in one line."""
    done = run["phase"] == "completed"
    took = run["worked_s"] if done else None
    return join(
        [
            f"{words.duration(run['duration_s'])} recording" if run["duration_s"] else "",
            f"took {words.duration(took)}" if took else "",
            f"added {words.ago(run['created_at'], session.now())}",
            f"resumed {words.count(run['resumed_count'], 'time')}" if run["resumed_count"] else "",
            words.retries(run),
        ]
    )


def reason(run: dict[str, Any], word: str) -> None:
    """Why it failed, stalls or waits; nothing when it moves."""
    failure = run["failure"]
    if word in ("failed", "stopped") and failure:
        sentence, hint = tag("b", failure["message"]), tag("p", failure["hint"])
        show(tag("div", sentence, hint, cls="rp-note", data_tone=words.tone(word)))
    elif word == "stalled":
        show(banners.note(stalled(session.manager().views.record(run["run_id"])), STALLED, tone="bad"))
    elif run["pause"]:
        banners.paused(run["pause"])
    elif run["blocked_reason"]:
        last = f"Last error: {failure['message']}" if failure else None
        show(
            tag(
                "div",
                tag("b", run["blocked_reason"]),
                tag("p", last) if last else None,
                cls="rp-note",
                data_tone="warn",
            )
        )


@st.fragment
def results(run_id: str) -> None:
    """What came out so far."""
    listen("results", f"run:{run_id}")
    run = session.manager().views.run(run_id)
    if run["phase"] in ("failed", "cancelled", "skipped") and not any(
        stage["files"] for stage in run["stages"].values()
    ):
        return
    with st.container(key="results"):
        reader(run)
        show(tag("h2", "Save", cls="rp-h"), files(run))


@st.fragment
def details(run_id: str) -> None:
    """What it said and what it is, read when it is opened."""
    listen("details", f"run:{run_id}", anyway_s=30)
    views = session.manager().views
    run = views.run(run_id)
    with st.expander("Console output", key="console", on_change="rerun") as console:
        if console.open:
            lines = views.logs.lines(views.record(run_id))[-LINES:]
            text = "\n".join(f"{line['t'][11:19]}  {line['stage']:<11} {line['text']}" for line in lines)
            st.code(text or "Nothing was said yet.", language=None, height=360 if len(lines) > 14 else "content")
    with st.expander("Work", key="work", on_change="rerun") as work:
        if work.open:
            rows = [
                part
                for name, receipt in run["work"].items()
                for part in (tag("dt", words.stage(name)), tag("dd", words.work(receipt)))
            ]
            show(tag("dl", *rows, cls="rp-facts") if rows else tag("p", "Nothing yet.", cls="rp-none"))
    with st.expander("History", key="history", on_change="rerun") as history:
        if history.open:
            events = views.history.events(run_id=run_id)["events"]
            text = "\n".join(
                f"{event['t'][:19].replace('T', ' ')}  {event.get('actor') or 'service':<16} {event['type']:<20} {event.get('stage') or ''}"
                for event in events
            )
            st.code(text or "Nothing yet.", language=None, height=360 if len(events) > 14 else "content")
    with st.expander("State", key="state", on_change="rerun") as state:
        if state.open:
            st.json(run, expanded=1)


wanted = st.query_params.get("run", "")
try:
    session.manager().views.record(wanted)
except NotFound:
    sentence = f"There is no run {wanted}." if wanted else "No run is named in the address."
    show(
        tag(
            "div",
            tag("b", sentence),
            tag("p", "Choose one from a batch or from the overview."),
            cls="rp-note",
            data_tone="warn",
        )
    )
    st.page_link("overview.py", label="Overview", icon=":material/home:")
else:
    head(wanted)
    results(wanted)
    silence.panel(wanted)
    highlighting.panel(wanted)
    export_panel.panel(wanted)
    details(wanted)
