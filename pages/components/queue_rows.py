"""Runs that wait, in the order in which they start: moved, given another priority, or whatever else can be asked of them."""

from collections import defaultdict
from typing import Any

import streamlit as st

from core.domain.batch import BatchRecord, effective_priority
from core.domain.errors import RepriseError
from core.domain.reorder import moved, queued_order
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from pages.components import acting, controls, session, words
from pages.components.live import component
from pages.components.markup import clean, join, literal
from pages.components.run_row import menu_of, open_

_queue = component("queue", "base", "menu")
ASIDE = (BatchPhase.DRAFT, BatchPhase.PAUSED)
TONES = {
    "breaker": "warn",
    "backoff": "warn",
    "disk": "bad",
    "dependency": "bad",
    "paused": "warn",
    "service_down": "bad",
}


def queue_rows(runs: list[dict[str, Any]], *, key: str, label: str, none: str = "") -> None:
    """Runs as `views.queue` gives them; call it inside a live fragment."""
    rows = [_row(run) for run in runs]
    groups = [one["group"] for one in rows]
    for one in rows:
        one["group"] = one["group"] if groups.count(one["group"]) > 1 else ""
    answered = st.session_state.get("queue-answered", "")
    data = {"rows": rows, "label": clean(label), "none": none, "answered": answered}
    names = ("open", "act", "order", "priority")
    said = _queue(key=key, data=data, **{f"on_{name}_change": lambda: None for name in names})
    if said.open:
        open_(said.open)
    if said.act:
        controls.press(said.act["verb"], said.act["id"], said.act["version"])
    if said.order:
        _reorder(said.order)
    if said.priority and acting.reprioritise(said.priority["id"], int(said.priority["n"])):
        session.redraw()


def standing_aside() -> list[tuple[BatchRecord, list[dict[str, Any]]]]:
    """The drafts and paused batches with runs that wait, the newest first; these in their order, without a reason."""
    runs, batches, _ = session.manager().storage.index.snapshot()
    of: defaultdict[str, list[RunRecord]] = defaultdict(list)
    for run in runs.values():
        if run.batch_id in batches and batches[run.batch_id].phase in ASIDE:
            of[run.batch_id].append(run)
    found = [(batches[id_], in_order(batches[id_], of[id_])) for id_ in sorted(of, reverse=True)]
    return [(batch, waiting) for batch, waiting in found if waiting]


def in_order(batch: BatchRecord, runs: list[RunRecord]) -> list[dict[str, Any]]:
    """The waiting ones of the runs of a batch, as `views.queue` would give them if the batch were at work."""
    by_id = {run.run_id: run for run in runs}
    return [
        {
            "run_id": run_id,
            "batch_id": batch.batch_id,
            "updated_at": by_id[run_id].updated_at.isoformat(),
            "title": by_id[run_id].title,
            "source": by_id[run_id].source.value,
            "duration_s": by_id[run_id].duration_s,
            "stage": by_id[run_id].next_stage,
            "place": place,
            "why": None,
        }
        for place, run_id in enumerate(queued_order(batch, runs), start=1)
    ]


def _row(run: dict[str, Any]) -> dict[str, Any]:
    """One run that waits. Rows of the same `group` can change places with each other."""
    index = session.manager().storage.index
    record, batch = session.manager().views.record(run["run_id"]), index.batches[run["batch_id"]]
    priority = effective_priority(record, batch)
    offered = session.offered(record)
    movable = record.phase == Phase.QUEUED and "edit" in session.offered_to(batch.batch_id)
    why = run["why"] or {"code": "none", "message": ""}
    if run["why"] and why["code"] == "none":
        why["message"] = "Starts within a moment."
    given = {
        "id": run["run_id"],
        "version": run["updated_at"],
        "href": f"run?run={run['run_id']}",
        "title": run["title"] or run["source"],
        "sub": join(
            [
                batch.name if run["why"] else words.source(run["source"]) if run["title"] else "",
                words.duration(run["duration_s"]) if run["duration_s"] else "",
                f"from {words.stage(run['stage'])}" if record.attempts and run["stage"] else "",
            ]
        ),
        "batch": batch.name,
        "why": why["message"],
    }
    return {
        **{name: clean(value) for name, value in given.items()},
        "batch_id": batch.batch_id,
        "place": run["place"],
        "group": f"{batch.batch_id}:{priority}" if movable else "",
        "tone": TONES.get(why["code"], "calm"),
        "priority": priority,
        "own": record.priority is not None,
        "prioritised": "priority" in offered,
        "more": menu_of(run["run_id"], [verb for verb in offered if verb != "priority"]),
    }


def _reorder(wanted: dict[str, Any]) -> None:
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
