"""On every page: where to go, whether the service lives, and what needs a person."""

from typing import Any

import streamlit as st

from core.domain.states import Phase
from pages.components import acting, banners, controls, session, verbs, words
from pages.components.bell import bell
from pages.components.live import listen
from pages.components.markup import Html, join, show, tag
from pages.components.run_row import run_rows
from pages.components.sign_in import whoami

SHOWN = 3
NAVIGATION = (
    ("overview.py", "Overview", ":material/home:"),
    ("new_batch.py", "New batch", ":material/add_circle:"),
    ("batches.py", "Batches", ":material/stacks:"),
    ("queue_page.py", "Queue", ":material/format_list_numbered:"),
    ("exports.py", "Exports", ":material/archive:"),
    ("search.py", "Search", ":material/search:"),
    ("settings.py", "Settings", ":material/tune:"),
    ("health.py", "Health", ":material/vital_signs:"),
)


def sidebar() -> None:
    """Draw it."""
    with st.sidebar:
        with st.container(horizontal=True, vertical_alignment="center", key="bar-brand"):
            show(tag("div", "Reprise", cls="rp-brand"))
            bell()
        for page, label, icon in NAVIGATION:
            st.page_link(page, label=label, icon=icon, width="stretch")
        _news()
        whoami()


@st.fragment
def _news() -> None:
    listen("sidebar", "runs", "pool")
    views = session.manager().views
    status = session.read("status", views.status)
    show(_service(status))
    _pool(status)
    for batch in session.paused_themselves():
        title = f"{batch['name']} paused itself"
        show(
            tag(
                "div",
                tag("div", tag("span", title), tag("small", batch["pause"]["why"])),
                cls="rp-state",
                data_tone="bad",
            )
        )
    for one in banners.breakers():
        show(tag("div", tag("div", tag("small", banners.breaker_said(one))), cls="rp-state", data_tone="warn"))
    active = session.read("running", lambda: views.runs(phase="running"))["runs"] if status["processing"] else []
    resumed = [run for run in active if is_resumed(run)]
    waiting = session.read("waiting", waiting_again) if status["resumed"] > len(resumed) else []
    shown = [views.run(run_id) for run_id in waiting[: max(0, SHOWN - len(resumed))]]
    _section("Resumed after restart", [*resumed, *shown], "busy", len(resumed) + len(waiting))
    stalled = [run for run in active if "stalled" in run["flags"]]
    _section("Stalled", stalled, "bad", show_="running")
    if len(stalled) > 1:
        banners.stalled(len(stalled), "sidebar")
    if status["attention"]:
        failed = session.read("failed", lambda: views.runs(attention=True, limit=SHOWN))
        _section("Failed, needs attention", failed["runs"], "bad", failed["total"])


def _pool(status: dict[str, Any]) -> None:
    """Pausing and resuming everything, with one press; the reason, if there is one, is asked for beside it."""
    paused = status["pause"] is not None
    verb = "resume" if paused else "pause"
    with st.container(horizontal=True, gap="small", key="bar-pool"):
        if st.button(
            "Resume everything" if paused else "Pause everything",
            key="pool",
            icon=verbs.icon(verb),
            width="stretch",
            help="Running work stands still at once and goes on later where it was.",
        ) and acting.command(verb, "pool"):
            session.redraw()
        if not paused:
            controls.pause_options("pool", "", drain=status["active_workers"] > 0)


def waiting_again() -> list[str]:
    """The runs that a restart put back into the queue, the newest batch first."""
    runs, batches, _ = session.manager().storage.index.snapshot()
    found = [run for run in runs.values() if run.resumed and run.phase == Phase.QUEUED and run.batch_id in batches]
    found.sort(key=lambda run: run.position)
    found.sort(key=lambda run: run.batch_id, reverse=True)
    return [run.run_id for run in found]


def is_resumed(run: dict[str, Any]) -> bool:
    """Whether the run goes on after a restart; one that stalls since then is told of as that."""
    return "resumed" in run["flags"] and "stalled" not in run["flags"]


def _section(
    name: str, runs: list[dict[str, Any]], tone: str, total: int | None = None, *, show_: str = "failed"
) -> None:
    if not runs:
        return
    count = len(runs) if total is None else total
    show(tag("p", name, tag("span", count, cls="rp-badge", data_tone=tone), cls="rp-side-h"))
    run_rows(runs[:SHOWN], key=f"side-{name}", label=name, compact=True)
    if count > SHOWN:
        st.page_link("overview.py", label=f"{count - SHOWN} more", query_params={"show": show_})


def _service(status: dict[str, Any]) -> Html:
    service, error = status["service"], session.service_error()
    if not service["alive"]:
        said = error.message if error else "It is being started; nothing is lost meanwhile."
        return _state("bad", "No service runs", said)
    if status["pause"]:
        pause = status["pause"]
        if pause["in_flight"]:
            return _state("warn", "Pausing", join([f"{len(pause['in_flight'])} in flight", words.asked(pause)]))
        return _state("warn", "Paused", pause["sentence"].removeprefix("paused "))
    if status["processing"]:
        at_work = status["active_workers"]
        waiting = status["pending"] + status["processing"] - at_work
        runs = [f"{words.count(at_work, 'run')} at work" if at_work else "", f"{waiting} waiting" if waiting else ""]
        return _state("busy" if at_work else "calm", "Working" if at_work else "Waiting", ", ".join(filter(None, runs)))
    return _state("good", "Ready", f"Service runs since {words.ago(service['since'], session.now())}")


def _state(tone: str, word: str, said: str) -> Html:
    return tag("div", tag("div", tag("span", word), tag("small", said)), cls="rp-state", data_tone=tone, role="status")
