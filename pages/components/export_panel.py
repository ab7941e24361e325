"""Exporting one run: in which format, how large, what came of it, and the button that does it."""

from typing import Any

import streamlit as st

from core.domain.settings import Settings
from core.domain.states import StageStatus
from pages.components import again, session, words
from pages.components.live import listen
from pages.components.markup import join, show, tag

FORMATS = {"mp4": "MP4", "mov": "MOV", "webm": "WebM"}
QUALITIES = ("720p", "1080p", "4K")
NAMES = ("export_format", "export_quality", "export_upscale")
ANYWAY_S = 30


@st.fragment
def panel(run_id: str) -> None:
    """The panel as an expander, once there is a video."""
    record = session.manager().views.record(run_id)
    listen("export", f"run:{run_id}", anyway_s=ANYWAY_S)
    if record.stages["download"].status != StageStatus.COMMITTED:
        return
    with st.expander("Export", key="export", on_change="rerun") as opened:
        if not opened.open:
            return
        now = record.settings or session.manager().storage.index.batch(record.batch_id).settings
        chosen = _chosen(now, run_id)
        made = session.manager().results.facts(run_id, "export")
        if made is not None:
            _told(run_id, made)
        else:
            said = "What suits the format is copied in seconds, the rest is coded anew."
            show(tag("p", said, " Without its silence if that was removed.", cls="rp-none"))
        _button(run_id, now, chosen, made is not None)


def _chosen(now: Settings, run_id: str) -> dict[str, Any]:
    first, second, third = st.columns([1, 1, 2], vertical_alignment="bottom")
    format_ = first.selectbox(
        "Format",
        tuple(FORMATS),
        index=tuple(FORMATS).index(now.export_format),
        format_func=FORMATS.__getitem__,
        key=f"export-format-{run_id}",
    )
    quality = second.selectbox(
        "At most",
        QUALITIES,
        index=QUALITIES.index(now.export_quality),
        key=f"export-quality-{run_id}",
        help="A picture that stands gets a frame that stands.",
    )
    upscale = third.toggle(
        "Enlarge a smaller picture",
        now.export_upscale,
        key=f"export-upscale-{run_id}",
        help="It gets no sharper by that.",
    )
    return {"export_format": format_, "export_quality": quality, "export_upscale": upscale}


def _told(run_id: str, made: dict[str, Any]) -> None:
    """What the export that is there is, and how it was made."""
    files = session.manager().views.run(run_id)["stages"]["export"]["files"]
    size = words.size(files[0]["size"]) if files else ""
    frame = f"{made['width']}×{made['height']}" if made.get("width") else "sound only"
    suffix = str(made["media"]).rpartition(".")[2].upper()
    what = join([suffix, frame, words.duration(made["duration"]), size])
    show(tag("p", tag("b", what), tag("span", str(made["why"])), cls="rp-preview"))


def _button(run_id: str, now: Settings, chosen: dict[str, Any], there: bool) -> None:
    """Exporting is one more round of the run, with these settings."""
    record = session.manager().views.record(run_id)
    is_so = there and now.export and all(getattr(now, name) == chosen[name] for name in NAMES)
    why: str | None = None
    if "again" not in session.offered(record):
        why = "The run is still at work; afterwards it can be exported."
    elif is_so:
        why = "It was exported with these settings."
    again.button(run_id, "Export", icon="movie", why=why, beside=why, changes={"export": True, **chosen})
