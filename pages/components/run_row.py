"""Runs and batches as rows: what they are, how far, what went wrong, and what can be done about it."""

from typing import Any

import streamlit as st

from core.domain.display import shown_batch_phase, shown_phase
from core.domain.fields import summed_up
from core.domain.run import RunRecord
from core.domain.states import Phase
from pages.components import controls, player, session, tries, verbs, words
from pages.components.live import component
from pages.components.markup import clean, join

PAGE = 50
STAGE_MATTERS = ("running", "stalled", "failed", "stopped", "waiting", "pausing", "stopping", "retry_wait")
_rows = component("rows", "base", "menu")
_tiles = component("tiles")
STALLED = "Recover begins it anew where it was: what is done is kept."
# What is offered beside the row; everything else that is possible stands in its menu.
FIRST = ("resume", "recover", "retry", "unskip", "start", "restore", "pause")
Rows = list[dict[str, Any]]


def run_rows(
    runs: list[dict[str, Any]],
    *,
    key: str,
    label: str,
    none: str = "",
    compact: bool = False,
    numbered: bool = False,
) -> None:
    """A list of runs (as `views.runs` gives them) with their inline action; call it inside a live fragment.

    `numbered` shows the place of each in its batch.
    """
    rows = [_run_row(run) | {"number": f"#{run['position']}" if numbered else ""} for run in runs]
    if compact:  # there is room for what needs a person, not for everything that is possible
        rows = [
            row
            | {"actions": [action for action in row["actions"] if action[0] != "pause"]}
            | {"more": [], "tries": None, "save": ""}
            for row in rows
        ]
    _draw(rows, key, label, none, "rp-compact" if compact else "")


def run_links(runs: list[dict[str, Any]], *, key: str, label: str) -> None:
    """The names of some runs in one line, each the way to its page."""
    less: dict[str, Any] = {"actions": [], "more": [], "tries": None, "error": "", "sub": "", "save": ""}
    rows = [_run_row(run) | less for run in runs]
    _draw(rows, key, label, "", "rp-links")


def batch_rows(batches: list[dict[str, Any]], *, key: str, label: str, none: str = "") -> None:
    """A list of batches (as `views.batches` gives them)."""
    phases: dict[str, list[Phase]] = {batch["batch_id"]: [] for batch in batches}
    runs, _, _ = session.manager().storage.index.snapshot()
    for run in runs.values():
        if run.batch_id in phases:
            phases[run.batch_id].append(run.phase)
    _draw([_batch_row(batch, phases[batch["batch_id"]]) for batch in batches], key, label, none)


def tiles(counts: list[tuple[str, str, int, str]], picked: str | None, *, key: str) -> str | None:
    """Counts (key, label, number, tone) that can be picked; the one that was clicked just now."""
    given = [{"key": name, "label": label, "n": number, "tone": tone} for name, label, number, tone in counts]
    clicked: str | None = _tiles(key=key, data={"tiles": given, "picked": picked}, on_pick_change=lambda: None).pick
    return clicked


def _draw(rows: Rows, key: str, label: str, none: str, look: str = "") -> None:
    rows = [{name: clean(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows]
    data = {"rows": rows, "label": label, "none": none, "look": look}
    said = _rows(key=key, data=data, on_act_change=lambda: None, on_open_change=lambda: None)
    if said.open:
        open_(said.open)
    if said.act:
        controls.press(said.act["verb"], said.act["id"], said.act["version"])


def open_(id_: str) -> None:
    """Go to the page of a run or batch."""
    if id_.startswith("b_"):
        st.switch_page("batches.py", query_params={"batch": id_})
    st.switch_page("run.py", query_params={"run": id_})


def _run_row(run: dict[str, Any]) -> dict[str, Any]:
    record = session.manager().views.record(run["run_id"])
    word = "stalled" if "stalled" in run["flags"] else shown_phase(record, run["blocked_reason"])
    failed = run["failure"] if word in ("failed", "retry_wait", "stalled") else None
    return {
        "id": run["run_id"],
        "version": run["updated_at"],
        "href": f"run?run={run['run_id']}",
        "title": run["title"] or run["source"],
        "poster": player.poster(record),
        "save": player.video(record) if word == "completed" else "",
        "sub": _sub(run, word, record),
        "badge": words.label(word),
        "tone": words.tone(word),
        "progress": run["progress"] if _shows_progress(run, word) else None,
        "said": _said(run, word),
        "error": stalled(record) if word == "stalled" else failed["message"] if failed else "",
        "hint": STALLED if word == "stalled" else failed["hint"] if failed else "",
        "tries": tries.told(record, session.now()),
    } | _actions(run["run_id"], session.offered(record), ("recover", "stop") if word == "stalled" else ())


def _shows_progress(run: dict[str, Any], word: str) -> bool:
    return word not in ("completed", "skipped", "cancelled", "failed", "stopped") and (
        run["progress"] > 0 or word == "running"
    )


def _sub(run: dict[str, Any], word: str, record: RunRecord) -> str:
    stage = record.next_stage
    parts = [
        words.stage(stage) if stage and word in STAGE_MATTERS else "",
        run["note"],
        run["blocked_reason"] if word not in ("failed", "completed", "retry_wait") else "",
        run["failure"]["message"] if word == "stopped" else "",
        tries.only(record),
        words.retries(run),
        "resumed after restart" if "resumed" in run["flags"] else "",
    ]
    return join(parts) or (words.source(run["source"]) if run["source"] != run["title"] else "")


def _said(run: dict[str, Any], word: str) -> str:
    if word == "completed":
        took = run["worked_s"]
        long = f"{words.duration(run['duration_s'])} recording" if run["duration_s"] else ""
        return join([long, f"took {words.duration(took)}" if took else ""])
    if word == "retry_wait" and (due := session.manager().views.record(run["run_id"]).next_at) is not None:
        return words.soon((due - session.now()).total_seconds())
    if word in ("failed", "stopped", "cancelled", "skipped"):
        return words.ago(run["updated_at"], session.now())
    return join(
        [f"{run['progress']:.0%}" if run["progress"] else "", words.left(run["eta_s"]) if word == "running" else ""]
    )


def stalled(run: RunRecord) -> str:
    """What the service found about a run that does not come on."""
    return run.verdict.message if run.verdict is not None else "It has made nothing new for a while."


def _actions(id_: str, offered: list[str], first: tuple[str, ...] = ()) -> dict[str, Any]:
    """What is offered: the one thing to press next (or `first`), and the menu of everything else."""
    shown = [verb for verb in first if verb in offered] or [verb for verb in FIRST if verb in offered][:1]
    return {
        "actions": [[verb, verbs.label(verb, id_)] for verb in shown],
        "more": menu_of(id_, [verb for verb in offered if verb not in shown]),
    }


def menu_of(id_: str, offered: list[str]) -> list[list[str]]:
    """The lines of a menu (verb, label, tone): what ends something stands last."""
    given = sorted(verbs.in_order(offered), key=lambda verb: verbs.VERBS[verb].grave)
    return [[verb, verbs.label(verb, id_), "bad" if verbs.VERBS[verb].grave else ""] for verb in given]


def batch_badge(batch: dict[str, Any], word: str) -> tuple[str, str]:
    """The label and the colour family of a batch, whose phase is shown as `word`."""
    if word == "completed" and batch["outcome"] == "partial":
        return "Partly completed", "warn"
    return words.label(word), words.tone(word)


def _batch_row(batch: dict[str, Any], phases: list[Phase]) -> dict[str, Any]:
    record = session.manager().storage.index.batches[batch["batch_id"]]
    word = shown_batch_phase(record, phases)
    over = word in ("completed", "failed", "cancelled")
    done = batch["completed"] + batch["skipped"]
    label, tone = batch_badge(batch, word)
    return {
        "id": batch["batch_id"],
        "version": record.updated_at.isoformat(),
        "href": f"batches?batch={batch['batch_id']}",
        "title": batch["name"],
        "poster": None,
        "save": "",
        "sub": join(
            [
                f"{done} of {words.count(batch['total'], 'run')} done",
                f"{batch['failed']} failed" if batch["failed"] else "",
                f"{batch['cancelled']} cancelled" if batch["cancelled"] else "",
                summed_up(record.settings),
                f"added {words.ago(batch['created_at'], session.now())}",
            ]
        ),
        "badge": label,
        "tone": tone,
        "progress": None if over or word == "draft" else batch["progress"],
        "said": ""
        if over or word == "draft"
        else join([f"{batch['progress']:.0%}" if batch["progress"] else "", words.left(batch["eta_s"])]),
        "error": "",
        "hint": "",
        "tries": None,
    } | _actions(batch["batch_id"], session.offered_to(batch["batch_id"]))
