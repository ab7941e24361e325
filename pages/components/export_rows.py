"""What was exported, as rows: what each is, how far it is or until when it is there, and the button that fetches it."""

from datetime import datetime
from typing import Any

import streamlit as st

from core.domain.errors import RepriseError
from pages.components import session, words
from pages.components.markup import Html, join, literal, show, tag
from pages.components.timeline import meter

FORMATS = {"zip": "ZIP", "merged": "Merged video", "playlist": "Playlist"}
TONES = {"ready": "good", "failed": "bad", "running": "busy", "cancelling": "warn", "queued": "calm"}
LABELS = {"ready": "Ready", "queued": "Waiting", "running": "Being made"}
ENDED = {"failed": "failed", "cancelled": "cancelled"}
FETCH = {"zip": "Download ZIP", "merged": "Download video", "playlist": "Download playlist"}
NAMED = 3  # of what is missing, so many are named; the rest is counted


def export_rows(exports: list[dict[str, Any]], *, key: str, none: str = "", batches: bool = False) -> None:
    """A list of exports (as `exports.views` gives them), of many batches if said; call it inside a live fragment."""
    if not exports:
        show(tag("p", none, cls="rp-none"))
        return
    for one in exports:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-{one['export_id']}"):
            show(row(one, session.now(), batch=batches))
            _actions(one, key)


def row(one: dict[str, Any], now: datetime, *, batch: bool = False) -> Html:
    """One export."""
    status = one["status"]
    badge = tag("span", LABELS.get(status, status.capitalize()), cls="rp-badge", data_tone=TONES.get(status, "calm"))
    about = join(
        [
            FORMATS[one["format"]] + beside(one["options"]),
            words.count(one["videos"], "video"),
            words.size(one["size"]) if one["size"] is not None else "",
            f"{ENDED.get(status, 'made')} {words.ago(one['completed_at'], now)}"
            if one["completed_at"]
            else f"asked for {words.ago(one['created_at'], now)}",
            left(one, now),
        ]
    )
    name = tag("div", tag("b", one["name"]), badge, cls="rp-export-name")
    of = (
        tag("a", one["batch"], href=f"batches?batch={one['batch_id']}", target="_self")
        if batch and one["batch"]
        else None
    )
    said = tag("p", of, " · " if of else None, about)
    return tag("div", name, said, moving(one), lacking(one), cls="rp-export")


def beside(options: dict[str, Any]) -> str:
    """What was chosen beyond the videos, by which one ZIP is told from the next; nothing when nothing was."""
    named = [word for word in ("transcripts", "summaries", "quotes") if options[word]]
    if options["include_failed"]:
        named.append("failed runs")
    *most, last = named or [""]
    return f" with {', '.join(most)}{' and ' if most else ''}{last}" if named else ""


def moving(one: dict[str, Any]) -> Html | None:
    """How far it is, while it is being made."""
    if one["status"] not in ("queued", "running", "cancelling"):
        return None
    said = join([f"{one['progress']:.0%}" if one["progress"] else "", one["note"], words.left(one["eta_s"])])
    return tag("div", meter(one["progress"], "busy"), tag("span", said), cls="rp-overall")


def lacking(one: dict[str, Any]) -> Html | None:
    """Why it failed, or what is not in it."""
    if one["failure"]:
        return tag("p", f"{one['failure']['message']} {one['failure']['hint']}", cls="rp-error")
    if not one["missing"] or one["status"] in ("expired", "cancelled"):
        return None
    named = [f"{missing['title']}: {missing['why']}" for missing in one["missing"][:NAMED]]
    more = len(one["missing"]) - NAMED
    lost = not one["complete"]
    said = f"Not in it: {'; '.join(named)}{f'; and {more} more' if more > 0 else ''}"
    return tag("p", said, cls="rp-error" if lost else None)


def left(one: dict[str, Any], now: datetime) -> str:
    """How long it can still be fetched."""
    until = words.moment(one["expires_at"])
    if one["status"] != "ready" or until is None:
        return ""
    hours = (until - now).total_seconds() / 3600
    return f"{round(hours)} h left" if hours >= 1 else f"{max(1, round(hours * 60))} min left"


def fetch(one: dict[str, Any]) -> Html:
    """The button that fetches it: a link, since what is fetched never passes through this page."""
    exports = session.manager().exports
    href = exports.fetching.link(exports.shelf.get(one["export_id"]))
    return tag("a", FETCH[one["format"]], href=href, download=True, cls="rp-fetch")


def cancel(export_id: str) -> None:
    """End the making of it, and say so."""
    manager = session.manager()
    try:
        manager.exports.asking.cancel(export_id, by=manager.actor)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
    else:
        st.toast("The export is being cancelled", icon=":material/check:")


def _actions(one: dict[str, Any], key: str) -> None:
    if one["status"] == "ready":
        show(fetch(one))
    elif one["status"] in ("queued", "running"):
        if st.button("Cancel", key=f"cancel-{key}-{one['export_id']}", icon=":material/close:"):
            cancel(one["export_id"])
            session.redraw()
    elif (
        one["batch"] is not None
        and one["status"] != "cancelling"
        and st.button("Make again", key=f"again-{key}-{one['export_id']}", icon=":material/refresh:")
    ):
        _again(one)
        session.redraw()


def _again(one: dict[str, Any]) -> None:
    from core.domain.exports import parse_options

    manager = session.manager()
    try:
        manager.exports.asking.ask(one["batch_id"], parse_options(one["options"]), by=manager.actor, partial=True)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
