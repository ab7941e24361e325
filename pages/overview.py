"""Overview: how it is in one sentence, what needs a person, what is being worked on, and what was added lately."""

from typing import Any

import streamlit as st

from pages.components import banners, session, words
from pages.components.live import listen
from pages.components.markup import Html, join, show, tag
from pages.components.run_row import PAGE, batch_rows, run_rows, tiles

PHASES = {
    "running": ("Running", "processing", "busy"),
    "queued": ("Waiting", "pending", "calm"),
    "paused": ("Paused", "paused", "warn"),
    "failed": ("Failed", "failed", "bad"),
    "completed": ("Completed", "completed", "good"),
}
RECENT = 5


@st.fragment
def overview() -> None:
    """The whole page, live."""
    listen("overview", "runs", "pool")
    views = session.manager().views
    status = session.read("status", views.status)
    total = sum(status[field] for _, field, _ in PHASES.values()) + status["cancelled"]
    batches = session.read("recent", lambda: views.batches(limit=RECENT))
    tone, sentence, more = verdict(status, total)
    show(tag("div", tag("b", sentence), cls="rp-verdict", data_tone=tone), tag("p", more))
    for batch in session.paused_themselves():
        banners.paused_itself(batch)
    banners.open_breakers()
    if not batches["total"]:
        welcome()
        return
    picked = filtered(status)
    if picked:
        found = matching(picked)
        heading(PHASES[picked][0], f"{words.count(found['total'], 'run')}")
        run_rows(found["runs"], key=f"filtered-{picked}", label=PHASES[picked][0], none="There are none just now.")
        pages(found["total"])
    else:
        attention = urgent(status)
        active = [
            run
            for run in session.read("running", lambda: views.runs(phase="running"))["runs"]
            if "stalled" not in run["flags"] and not run["blocked_reason"]
        ]
        if attention:
            heading("Needs attention", words.count(status["attention"] + status["stalled"], "run"))
            run_rows(attention, key="attention", label="Needs attention")
        heading("Active now")
        run_rows(active, key="active", label="Active now", none="Nothing is being worked on.")
        heading("Recent batches")
        batch_rows(batches["batches"], key="recent", label="Recent batches")
    with st.container(key="panel", horizontal=True, vertical_alignment="center"):
        show(panel(status, total))
        banners.stalled(status["stalled"], "overview")


def heading(text: str, beside: str = "") -> None:
    """The heading of a part of the page."""
    show(tag("h2", text, tag("small", beside) if beside else None, cls="rp-h"))


def filtered(status: dict[str, Any]) -> str | None:
    """The state that runs are filtered by: in the address, so that it can be shared and survives a reload."""
    picked = st.query_params.get("show")
    picked = picked if picked in PHASES else None
    counts = [(name, label, status[field], tone) for name, (label, field, tone) in PHASES.items()]
    clicked = tiles(counts, picked, key="tiles")
    if clicked and clicked != picked:
        st.query_params["show"], picked = clicked, clicked
        st.query_params.pop("page", None)
        session.redraw()
    elif clicked:
        st.query_params.clear()
        session.redraw()
    return picked


def matching(picked: str) -> dict[str, Any]:
    """One page of the runs in a state; waiting ones are queued or between two tries."""
    views, first = session.manager().views, (number() - 1) * PAGE
    if picked != "queued":
        return views.runs(phase=picked, offset=first, limit=PAGE)
    found: list[dict[str, Any]] = []
    total = 0
    for phase in ("retry_wait", "queued", "receiving"):
        part = views.runs(phase=phase, offset=max(0, first - total), limit=PAGE - len(found))
        found += part["runs"]
        total += part["total"]
    return {"runs": found, "total": total}


def number() -> int:
    """The page of a long list that the address names."""
    text = st.query_params.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def pages(total: int) -> None:
    """Under a list that is longer than a page: the way to the others."""
    if total > PAGE:
        chosen = st.pagination(-(-total // PAGE), default=min(number(), -(-total // PAGE)), key="pages")
        if chosen != number():
            st.query_params["page"] = str(chosen)
            session.redraw()


def urgent(status: dict[str, Any]) -> list[dict[str, Any]]:
    """What goes no further without a person: stalled runs first, then failed ones."""
    views = session.manager().views
    running = session.read("running", lambda: views.runs(phase="running"))["runs"] if status["stalled"] else []
    stalled = [run for run in running if "stalled" in run["flags"]]
    return [*stalled, *views.runs(attention=True, limit=10)["runs"]]


def verdict(status: dict[str, Any], total: int) -> tuple[str, str, str]:
    """How it is: a tone, one sentence, and what follows from it."""
    error = session.service_error()
    open_runs = status["processing"] + status["pending"]
    done = f"{status['completed']:,} of {words.count(total, 'run')} completed"
    if error is not None and not status["service"]["alive"]:
        return "bad", "The service could not be started", f"{error.message} {error.hint}"
    if not status["service"]["alive"]:
        return "bad", "No service runs just now", "Whatever you ask for is kept and done as soon as one does."
    if status["pause"]:
        return (
            "warn",
            "Everything is being paused" if status["pause"]["in_flight"] else "Everything is paused",
            join([words.paused(status["pause"]), words.asked(status["pause"])]),
        )
    if status["stalled"]:
        return (
            "bad",
            f"{words.count(status['stalled'], 'run')} stalled",
            "Recover begins it anew where it was; what is done is kept.",
        )
    themselves = session.paused_themselves()
    if themselves:
        held = words.count(len(themselves), "batch", "batches")
        return "bad", f"{held} paused {'itself' if len(themselves) == 1 else 'themselves'}", done
    if status["attention"]:
        hint = "Retry goes on at the first piece that is not done."
        return (
            "bad",
            f"{words.count(status['attention'], 'run')} need{'s' if status['attention'] == 1 else ''} attention",
            hint,
        )
    if open_runs:
        left = words.left(status["eta_s"])
        return "busy", f"Working on {words.count(open_runs, 'run')}", join([done, left])
    if total:
        return "good", "All is done", done
    return (
        "good",
        "Ready for your first recordings",
        "Links, files or a whole folder: each becomes text you can search and quote.",
    )


def panel(status: dict[str, Any], total: int) -> Html:
    """The pool in numbers, and whether it is paused."""
    pause = status["pause"]
    facts = {
        "Total": f"{total:,}",
        "Completed": f"{status['completed']:,}",
        "Failed": f"{status['failed']:,}",
        "Paused": f"{status['paused']:,}",
        "At work": f"{status['active_workers']:,}",
        "A minute": f"{status['throughput_per_min']:.1f}" if status["throughput_per_min"] else "",
        "Pool": f"paused by {pause['by']}" if pause else status["status"],
    }
    parts = [tag("div", tag("dt", name), tag("dd", said)) for name, said in facts.items() if said]
    return tag("dl", *parts, cls="rp-panel")


def welcome() -> None:
    """What to do when there is nothing yet."""
    steps = (
        ("Add", "Paste links, give a folder, or drop files. Playlists become one run for each video."),
        ("Leave", "Close the browser if you like. A crash or a power cut costs seconds, never the work."),
        (
            "Read",
            "A transcript beside the player, quotes checked word by word, and a summary that says what it rests on.",
        ),
    )
    show(tag("ol", *(tag("li", tag("b", head), tag("p", body)) for head, body in steps), cls="rp-teach"))
    if st.button("Add recordings", type="primary", icon=":material/add:"):
        st.switch_page("new_batch.py")
    show(tag("p", "From a terminal: ", tag("span", "./reprise add talk.mp4 --wait", cls="rp-mono"), cls="rp-none"))


overview()
