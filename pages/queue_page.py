"""Queue: who works, who waits and for how much, what is in trouble outside, and every run that waits, in its order."""

from typing import Any

import streamlit as st

from core.domain.batch import effective_priority
from core.domain.errors import RepriseError
from core.domain.reorder import moved, queued_order
from core.domain.states import Phase
from pages.components import acting, banners, controls, session, verbs, words
from pages.components.live import component, listen
from pages.components.markup import Html, clean, join, literal, show, tag
from pages.components.run_row import PAGE, menu_of, open_

_queue = component("queue", "base", "menu")
LANES = {"network": "Download", "cpu": "Transcription", "api": "Quotes and summaries"}
TONES = {
    "breaker": "warn",
    "backoff": "warn",
    "disk": "bad",
    "dependency": "bad",
    "paused": "warn",
    "service_down": "bad",
}
TEACHING = (
    ("Priority first", "10 goes before 5, whoever asks. A run has that of its batch unless it was given its own."),
    ("Then fairness", "Among people it is shared by minutes of recordings: whoever got less so far is next."),
    ("Then your order", "Within a batch you decide: drag a run, or move it with Alt and the arrow keys."),
)


@st.fragment
def queue() -> None:
    """The whole page, live."""
    listen("queue", "runs", "pool")
    number = st.session_state.get("queue-page", 1)
    views = session.manager().views
    found = session.read(f"queue-{number}", lambda: views.queue(offset=(number - 1) * PAGE, limit=PAGE))
    show(tag("div", tag("h1", "Queue"), tag("p", sentence(found)), cls="rp-head"))
    status = session.read("status", views.status)
    if status["pause"]:
        banners.paused(status["pause"])
    for batch in session.paused_themselves():
        banners.paused_itself(batch)
    trouble(found["breakers"])
    show(tag("div", *(lane(one) for one in found["lanes"]), cls="rp-lanes"))
    if len(found["users"]) > 1:
        show(tag("h2", "People", cls="rp-h"), people(found["users"]))
    if found["total"]:
        show(tag("h2", "Waiting", tag("small", words.count(found["total"], "run")), cls="rp-h"))
    waiting(found)
    aside = status["pending"] - found["total"]
    if aside > 0:
        stand = "stands" if aside == 1 else "stand"
        show(tag("p", f"{words.count(aside, 'more run')} {stand} aside, in batches that are paused.", cls="rp-none"))
    if found["total"] > PAGE:
        st.pagination(-(-found["total"] // PAGE), key="queue-page")
    if not found["total"]:
        show(tag("ol", *(tag("li", tag("b", head), tag("p", body)) for head, body in TEACHING), cls="rp-teach"))


def sentence(found: dict[str, Any]) -> str:
    """The queue in one line."""
    busy = sum(one["busy"] for one in found["lanes"])
    media_s = sum(one["waiting_s"] for one in found["users"])
    return join(
        [
            f"{words.count(found['total'], 'run')} waiting" if found["total"] else "Nothing waits",
            f"{busy} at work" if busy else "",
            f"{words.duration(media_s)} of recordings to go" if found["total"] and media_s else "",
        ]
    )


def lane(one: dict[str, Any]) -> Html:
    """A kind of work: how many of its workers are busy, and how many runs wait for one."""
    slots = [tag("i", data_busy=number < one["busy"]) for number in range(one["total"])]
    waits = f"{one['waiting']} waiting" if one["waiting"] else "nobody waits"
    held = one.get("held")
    return tag(
        "section",
        tag("h4", LANES.get(one["name"], one["name"].capitalize()), tag("span", *slots, cls="rp-slots")),
        tag("p", f"{one['busy']} of {words.count(one['total'], 'worker')} busy · {waits}"),
        tag("p", held, cls="rp-held-up") if held else None,
        cls="rp-lane",
    )


def people(users: list[dict[str, Any]]) -> Html:
    """Who waits, for how much, and what each got lately."""
    served_s = sum(one["served_s"] for one in users)
    lines = [
        tag(
            "tr",
            tag("th", one["user"].removeprefix("local:"), scope="row"),
            tag("td", one["waiting"]),
            tag("td", words.duration(one["waiting_s"]) if one["waiting"] else "–"),
            tag("td", one["running"]),
            tag("td", f"{one['served_s'] / served_s:.0%}" if served_s else "–"),
        )
        for one in users
    ]
    head = ("", "Waiting", "Recordings", "At work", "Share lately")
    titles = tag("tr", *(tag("th", name, scope="col") for name in head))
    return tag("table", tag("thead", titles), tag("tbody", *lines), cls="rp-people")


def trouble(breakers: list[dict[str, Any]]) -> None:
    """What is left alone for a while, and the way to try it at once."""
    for one in (one for one in breakers if one["state"] != "closed"):
        with st.container(key=f"note-breaker-{one['name']}", horizontal=True, vertical_alignment="center"):
            said = f"{banners.breaker_name(one['name'])} is {banners.breaker_state(one)}"
            show(
                tag("b", said),
                tag("p", join([one["why"].rstrip("."), words.count(one["failures"], "failure") + " in a row"])),
            )
            if st.button("Try it now", key=f"reset-{one['name']}", icon=verbs.icon("recover")) and acting.reset_breaker(
                one["name"]
            ):
                session.redraw()


def waiting(found: dict[str, Any]) -> None:
    """The runs that wait: moved, given another priority, or whatever else can be asked of them."""
    rows = [row(run) for run in found["runs"]]
    groups = [one["group"] for one in rows]
    for one in rows:
        one["group"] = one["group"] if groups.count(one["group"]) > 1 else ""
    data = {
        "rows": rows,
        "label": "Waiting runs, in the order in which they start",
        "none": "Whatever is added stands here until a worker is free.",
        "answered": st.session_state.get("queue-answered", ""),
    }
    names = ("open", "act", "order", "priority")
    said = _queue(key="queue", data=data, **{f"on_{name}_change": lambda: None for name in names})
    if said.open:
        open_(said.open)
    if said.act:
        controls.press(said.act["verb"], said.act["id"], said.act["version"])
    if said.order:
        reorder(said.order)
    if said.priority and acting.reprioritise(said.priority["id"], int(said.priority["n"])):
        session.redraw()


def row(run: dict[str, Any]) -> dict[str, Any]:
    """One run that waits. Rows of the same `group` can change places with each other."""
    index = session.manager().storage.index
    record, batch = session.manager().views.record(run["run_id"]), index.batches[run["batch_id"]]
    priority = effective_priority(record, batch)
    offered = session.offered(record)
    movable = record.phase == Phase.QUEUED and "edit" in session.offered_to(batch.batch_id)
    long = words.duration(run["duration_s"]) if run["duration_s"] else ""
    given = {
        "id": run["run_id"],
        "version": run["updated_at"],
        "href": f"run?run={run['run_id']}",
        "title": run["title"] or run["source"],
        "sub": join(
            [batch.name, long, f"from {words.stage(run['stage'])}" if record.attempts and run["stage"] else ""]
        ),
        "batch": batch.name,
        "why": run["why"]["message"] if run["why"]["code"] != "none" else "Starts within a moment.",
    }
    return {
        **{name: clean(value) for name, value in given.items()},
        "batch_id": batch.batch_id,
        "place": run["place"],
        "group": f"{batch.batch_id}:{priority}" if movable else "",
        "tone": TONES.get(run["why"]["code"], "calm"),
        "priority": priority,
        "own": record.priority is not None,
        "prioritised": "priority" in offered,
        "more": menu_of(run["run_id"], [verb for verb in offered if verb != "priority"]),
    }


def reorder(wanted: dict[str, Any]) -> None:
    """Put the runs that were seen into the order that is wanted, if they still wait as they were seen."""
    batch_id = str(wanted["batch"])
    index = session.manager().storage.index
    now = queued_order(index.batches[batch_id], index.runs_of(batch_id))
    try:
        order = moved(now, list(wanted["seen"]), list(wanted["ids"]))
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
    else:
        acting.reorder(batch_id, order, now)
    st.session_state["queue-answered"] = wanted["token"]
    session.redraw()


queue()
