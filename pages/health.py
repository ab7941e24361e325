"""Health: is this machine set up, who is the service, what did it take over, is the storage sound."""

from typing import Any

import streamlit as st

from core.domain.access import Scope
from core.domain.errors import RepriseError
from core.manager.doctor import examine
from core.manager.examined import Check
from core.manager.workers import Worker
from pages.components import session, telling, words
from pages.components.live import listen
from pages.components.markup import Html, show, tag

LANES = {"cpu": "CPU", "api": "API"}
TOOLS = ("ffmpeg", "yt-dlp")  # names that are written small


@st.cache_data(ttl=30, show_spinner="Looking at the set-up…")
def checks(storage: str) -> list[dict[str, Any]]:
    """The checks of `./reprise doctor`, half a minute old at most."""
    del storage
    found: list[Check] = examine(session.manager().storage.config, session.manager().storage.clock)
    return [{"name": one.name, "ok": one.ok, "message": one.message, "hint": one.hint} for one in found]


def line(ok: bool, name: str, message: str, hint: str = "") -> Html:
    """One thing that was looked at."""
    return tag(
        "li",
        tag("i", "✓" if ok else "✗", title="well" if ok else "not well"),
        tag("b", name if name in TOOLS else name.capitalize()),
        tag("span", message),
        tag("p", hint) if hint and not ok else None,
        data_tone="good" if ok else "bad",
    )


@st.fragment
def service() -> None:
    """Who does the work, since when, and what it took over."""
    listen("service", "pool")
    status, now = session.manager().views.status(), session.now()
    is_, was = status["service"], status["recovery"]
    error = session.service_error()
    show(tag("h2", "Service", cls="rp-h"))
    if not is_["alive"]:
        said = error.message if error else "It is being started."
        show(tag("div", tag("b", "No service runs."), tag("p", said), cls="rp-note", data_tone="bad"))
        return
    facts = {
        "Process": f"{is_['pid']}, since {words.ago(is_['since'], now)}",
        "Epoch": f"{is_['epoch']}: every start of a service raises it, and writes of an older one are refused",
        "At its start": f"{was['found']:.0f} unfinished found, {was['resumed']:.0f} resumed, {was['adopted']:.0f} adopted, {was['held']:.0f} held",
        "Done again": redone(was["redone_s"]),
        "Throughput": f"{status['throughput_per_min']:.1f} runs a minute in the last 10 minutes",
    }
    show(
        tag(
            "dl", *(part for name, text in facts.items() for part in (tag("dt", name), tag("dd", text))), cls="rp-facts"
        )
    )


@st.fragment
def workers() -> None:
    """What each worker is at, and what it uses."""
    listen("workers", "runs")
    show(tag("h2", "Workers", cls="rp-h"))
    found = session.workers()
    if not found:
        show(tag("p", "None are started on this machine.", cls="rp-none"))
        return
    runs = session.manager().storage.index.runs
    show(tag("ul", *(worker(one, runs[one.run_id].title if one.run_id else "") for one in found), cls="rp-checks"))


def worker(one: Worker, title: str) -> Html:
    """One worker as a line."""
    at = f"{words.stage(one.stage)}: {title or 'a run'}" if one.stage else "waits for work"
    load = "" if one.load is None else f", {one.load:.1f} processors busy"
    uses = f"{words.size(one.memory_bytes)} of memory{load}, {words.duration(one.cpu_s)} of processor time so far"
    tools = f", with {words.count(one.processes - 1, 'program')} started by it" if one.processes > 1 else ""
    return tag(
        "li",
        tag("i", "●" if one.stage else "○", title="at work" if one.stage else "idle"),
        tag("b", f"{LANES.get(one.lane, one.lane.capitalize())} worker"),
        tag("span", f"{at} · {uses}{tools}"),
        data_tone="busy" if one.stage else "calm",
    )


def redone(seconds: float | None) -> str:
    """How much work was made a second time; unknown is not nothing."""
    if seconds is None:
        return "not measured"
    return f"{words.duration(seconds)} of audio" if seconds else "nothing"


def storage() -> None:
    """A look at every file, when asked for."""
    show(tag("h2", "Storage", cls="rp-h"))
    if st.button(
        "Check every file", icon=":material/fact_check:", help="Reads all results bit by bit; repairs nothing."
    ):
        with st.spinner("Reading everything…"):
            try:
                st.session_state["findings"] = session.manager().views.findings()
            except RepriseError as error:
                show(tag("div", tag("b", error.message), tag("p", error.hint), cls="rp-note", data_tone="bad"))
    findings = st.session_state.get("findings")
    if findings is None:
        show(tag("p", "Compares every state file and result with its checksum.", cls="rp-none"))
    elif not findings:
        show(tag("ul", line(True, "storage", "Everything is as it was written."), cls="rp-checks"))
    else:
        show(
            tag(
                "ul",
                *(line(False, "found", f"{one['path']}: {one['problem']}", one["action"]) for one in findings),
                cls="rp-checks",
            )
        )
        show(tag("p", "./reprise check --repair repairs what can be repaired; nothing is deleted.", cls="rp-none"))


def machine() -> None:
    """What `./reprise doctor` looks at: where mail goes and where files lie is told to administrators."""
    found = checks(str(session.manager().storage.layout.root))
    bad = [one for one in found if not one["ok"]]
    sentence = f"{words.count(len(bad), 'thing')} to see to" if bad else "This machine is set up well"
    show(
        tag("div", tag("b", sentence), cls="rp-verdict", data_tone="bad" if bad else "good"),
        tag("p", "What ./reprise doctor looks at."),
    )
    show(tag("ul", *(line(**one) for one in found), cls="rp-checks"))


administers = session.manager().acts_for.may(Scope.ADMIN)
if administers:
    machine()
service()
workers()
if session.manager().notices.sending():
    telling.section(test=False)
if administers:
    storage()
