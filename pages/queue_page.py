"""Queue: who works, who waits and for how much, what is in trouble outside, and every run that waits, in its order."""

from typing import Any

import streamlit as st

from core.domain.markup import one_line
from core.domain.states import BatchPhase
from core.domain.words import person
from pages.components import acting, banners, session, verbs, words
from pages.components.live import listen
from pages.components.markup import Html, join, literal, show, tag
from pages.components.queue_rows import queue_rows, standing_aside
from pages.components.run_row import PAGE

LANES = {"network": "Download", "cpu": "Transcription", "api": "Quotes and summaries"}
LABEL = "Waiting runs, in the order in which they start"
NONE = "Whatever is added stands here until a worker is free."
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
    queue_rows(found["runs"], key="queue", label=LABEL, none=NONE)
    if found["total"] > PAGE:
        st.pagination(-(-found["total"] // PAGE), key="queue-page")
    if not found["total"]:
        show(tag("ol", *(tag("li", tag("b", head), tag("p", body)) for head, body in TEACHING), cls="rp-teach"))
    aside()


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
            tag("th", person(one["user"]), scope="row"),
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


def aside() -> None:
    """The batches that no worker takes anything from: drafts and paused ones; they are put into order here as well."""
    found = standing_aside()
    if not found:
        return
    stand = "stands" if len(found) == 1 else "stand"
    show(
        tag(
            "h2",
            "Standing aside",
            tag("small", f"{words.count(len(found), 'batch', 'batches')} {stand} still"),
            cls="rp-h",
        )
    )
    for batch, runs in found[:PAGE]:
        why = "draft" if batch.phase == BatchPhase.DRAFT else "paused"
        label = literal(join([one_line(batch.name, 60), why, words.count(len(runs), "run")]))
        with st.expander(label, key=f"aside-{batch.batch_id}", on_change="rerun") as opened:
            if opened.open:
                queue_rows(runs, key=f"queue-{batch.batch_id}", label=f"Waiting runs of {batch.name}")


queue()
