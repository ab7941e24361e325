"""Cleaning up, on the Settings page: what is kept how long, what would go now, and doing it after a question."""

import math
from typing import Any

import msgspec
import streamlit as st

from core.domain.batch import BatchRecord
from core.domain.errors import RepriseError
from core.domain.retention import is_due, is_due_soon, untouched_since
from core.manager.cleanup import Old, Plan
from pages.components import banners, session, words
from pages.components.live import listen
from pages.components.markup import Html, join, literal, show, tag

SHOWN = 10


@st.cache_data(ttl=20, show_spinner="Looking at what is kept…")
def _plan(storage: str, asks: str, turns: int) -> Plan:
    """What a clean-up would do, twenty seconds old at most; looking at it reads much of a large storage.

    It is kept for all sessions: an administrator is told of everybody's batches, so who `asks` is part of what is asked.
    """
    del storage, asks, turns
    return session.manager().cleanup.plan()


def plan() -> Plan:
    """What a clean-up would do."""
    manager = session.manager()
    return _plan(
        str(manager.storage.layout.root), repr(manager.acts_for), st.session_state.setdefault("cleaned-turns", 0)
    )


@st.fragment
def section() -> None:
    """What is kept how long, what would go, and the button."""
    listen("cleaning", "pool", anyway_s=60)
    config = session.manager().storage.config
    show(tag("h2", "Clean-up", tag("small", "once a day, by the service"), cls="rp-h"))
    try:
        found = plan()
    except RepriseError as error:
        show(banners.note(error.message, error.hint, tone="bad"))
        return
    cleaned = found.cleaned_at.isoformat() if found.cleaned_at is not None else None
    facts = {
        "Batches": f"archived {_days(config.archive_after_s)} after the last thing happened to them"
        if config.archive_after_s
        else "kept for ever",
        "What nothing needs": f"removed after {_days(config.unused_kept_s)}"
        if config.unused_kept_s
        else "kept for ever",
        "Cleaned up": words.ago(cleaned, session.now()) if cleaned else "not yet",
    }
    show(
        tag(
            "dl", *(part for name, text in facts.items() for part in (tag("dt", name), tag("dd", text))), cls="rp-facts"
        )
    )
    if found.hindered:
        show(banners.note("Nothing can be swept just now", found.hindered, tone="warn"))
    show(*_told(found))
    if st.button(
        "Clean up now…",
        key="clean-up",
        icon=":material/mop:",
        disabled=found.is_empty,
        help="Asks before anything goes.",
    ):
        _ask()
    _archived()


def _told(found: Plan) -> list[Html]:
    """What would go now, and what is due soon."""
    if found.is_empty and not found.soon:
        return [tag("p", "Nothing is old, and nothing lies about unused.", cls="rp-none")]
    lines = [_line("Goes", _old(one)) for one in found.batches[:SHOWN]]
    if len(found.batches) > SHOWN:
        lines.append(_line("Goes", f"{len(found.batches) - SHOWN} more batches"))
    if found.exports:
        lines.append(_line("Goes", f"the record of {words.count(len(found.exports), 'old export')}"))
    if found.unused:
        size = words.size(sum(one.bytes for one in found.unused))
        lines.append(_line("Goes", f"{words.count(len(found.unused), 'result')} that nothing needs, {size}"))
    lines += [_line("Soon", _old(one)) for one in found.soon[:SHOWN]]
    return [tag("ul", *lines, cls="rp-kept")]


def _line(when: str, what: str) -> Html:
    return tag("li", tag("b", when), tag("span", what), data_tone="warn" if when == "Goes" else "calm")


def _old(one: Old) -> str:
    since = words.ago(one.since.isoformat(), session.now())
    return join([one.name, words.count(one.runs, "run"), words.size(one.bytes), f"last touched {since}"])


def _days(seconds: float) -> str:
    return words.count(round(seconds / 86400), "day") if seconds >= 86400 else words.duration(seconds)


def until(batch: BatchRecord) -> Html | None:
    """A word on a batch that is to be archived within a week."""
    kept_s, now = session.manager().storage.config.archive_after_s, session.now()
    since = untouched_since(batch, session.manager().storage.index.runs_of(batch.batch_id))
    if since is None or not (is_due(since, now, kept_s) or is_due_soon(since, now, kept_s)):
        return None
    left_s = max(0.0, kept_s - (now - since).total_seconds())
    when = f"in {words.count(math.ceil(left_s / 86400), 'day')}" if left_s else "at the next clean-up"
    what = "Save what you want to keep: its files go then, and a small record of what it was stays."
    return banners.note(f"This batch is archived {when}", what)


@st.dialog("Clean up?")
def _ask() -> None:
    """Name what is lost, and do it only when that is confirmed."""
    manager = session.manager()
    found = manager.cleanup.plan()
    show(*_told(msgspec.structs.replace(found, soon=())))
    st.caption("Of a batch a small file of what it was stays. What another batch needs too stays as well.")
    lost = bool(found.batches)
    sure = not lost or st.checkbox("I know that transcripts and videos of these batches are lost", key="sure-clean")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Leave it", key="leave-clean"):
            st.rerun()
        if st.button("Clean up", key="confirm-clean", type="primary", disabled=not sure or found.is_empty):
            try:
                with st.spinner("Cleaning up…"):
                    done = manager.cleanup.clean(manager.actor)
            except RepriseError as error:
                st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
            else:
                st.session_state["cleaned-turns"] += 1
                st.toast(f"Cleaned up: {words.size(done.freed)} at most", icon=":material/check:")
            st.rerun()


def _archived() -> None:
    """The batches that were cleaned up."""
    with st.expander("Archived batches", key="archived", on_change="rerun") as opened:
        if not opened.open:
            return
        found = session.manager().cleanup.archive.all()
        if not found:
            show(tag("p", "Nothing has been archived yet.", cls="rp-none"))
        rows: list[dict[str, Any]] = [
            {
                "Name": one["name"],
                "Runs": one["runs"],
                "Outcome": one["outcome"],
                "Archived": str(one["archived_at"])[:10],
            }
            for one in found
        ]
        if rows:
            st.dataframe(rows, hide_index=True, key="archived-rows")
