"""Trying out the removal of silence on a run: what would go, in numbers and as a picture, and the button that does it."""

from typing import Any

import streamlit as st

from core.domain.errors import RepriseError
from core.domain.settings import Settings
from core.domain.silence import clock
from core.domain.states import StageStatus
from core.manager.previews import Preview
from pages.components import again, session, words
from pages.components.live import component, listen
from pages.components.markup import join, show, tag
from pages.components.timeline import meter

LISTENING_S, ANYWAY_S = 1, 30
MODES = {"auto": "Automatic", "fixed": "By a threshold"}
NAMES = ("silence_mode", "silence_threshold", "min_silence_s", "silence_margin_s")
_wave = component("wave")


@st.fragment
def panel(run_id: str) -> None:
    """The panel as an expander, once there is a video; what it shows is worked out when it is opened."""
    record = session.manager().views.record(run_id)
    if record.stages["download"].status != StageStatus.COMMITTED:
        listen("silence", f"run:{run_id}", anyway_s=ANYWAY_S)
        return
    with st.expander("Remove silence", key="silence", on_change="rerun") as opened:
        if not opened.open:
            return
        now = record.settings or session.manager().storage.index.batch(record.batch_id).settings
        chosen = _chosen(now, run_id)
        try:
            found = session.manager().views.previews.silence(run_id, chosen)
        except RepriseError as error:
            show(tag("p", error.message, cls="rp-none"))
            return
        waits = found.status == "listening" or found.refining
        listen("silence", f"run:{run_id}", anyway_s=LISTENING_S if waits else ANYWAY_S)
        _picture(found, run_id)
        _button(run_id, now, chosen, found)


def _chosen(now: Settings, run_id: str) -> dict[str, Any]:
    """The settings that are tried, in their fields."""
    first, second, third, fourth = st.columns(4)
    mode = first.selectbox(
        "What is quiet",
        tuple(MODES),
        index=tuple(MODES).index(now.silence_mode),
        format_func=MODES.__getitem__,
        key=f"silence-mode-{run_id}",
        help="Automatic follows the recording: its own background, and where nobody speaks.",
    )
    threshold = second.slider(
        "Threshold",
        -60,
        -20,
        round(now.silence_threshold),
        format="%d dB",
        key=f"silence-threshold-{run_id}",
        disabled=mode == "auto",
        help="Quieter than this is silence. Spoken words stay, however quiet, once there is a transcript.",
    )
    shortest = third.slider(
        "Pauses from", 0.5, 5.0, now.min_silence_s, 0.1, format="%.1f s", key=f"silence-shortest-{run_id}"
    )
    margin = fourth.slider(
        "Left at either side",
        0.0,
        1.0,
        now.silence_margin_s,
        0.05,
        format="%.2f s",
        key=f"silence-margin-{run_id}",
        help="So much of a pause stays before and after what is kept.",
    )
    return {
        "silence_mode": mode,
        "silence_threshold": now.silence_threshold if mode == "auto" else float(threshold),
        "min_silence_s": round(shortest, 2),
        "silence_margin_s": round(margin, 2),
    }


def _picture(found: Preview, run_id: str) -> None:
    if found.status == "impossible":
        show(tag("p", found.note, cls="rp-none"))
        return
    if found.status == "listening":
        show(tag("div", meter(found.share, "busy"), tag("span", "Listening to the recording"), cls="rp-overall"))
        return
    assert found.cuts is not None
    assert found.thresholds is not None
    removed = [[span.start, span.end] for span in found.cuts.removed]
    _wave(
        key=f"wave-{run_id}",
        data={
            "id": run_id,
            "wave": list(found.wave),
            "duration": found.duration,
            "removed": removed,
            "threshold": found.thresholds.quiet,
            "label": f"The sound of the recording; {found.said}",
        },
    )
    share = f"{found.cuts.removed_s / found.duration:.0%} shorter" if removed and found.duration else ""
    becomes = f"{clock(found.duration)} becomes {clock(found.cuts.kept_s)}" if removed else ""
    quiet = f"quieter than {words.decibels(found.thresholds.quiet)}"
    note = "Listening for quiet voices…" if found.refining else found.note
    show(tag("p", tag("b", found.said.replace("-", "−")), tag("span", join([becomes, share, quiet])), cls="rp-preview"))
    if note:
        show(tag("p", note, cls="rp-none"))


def _button(run_id: str, now: Settings, chosen: dict[str, Any], found: Preview) -> None:
    """Removing it is one more round of the run, with these settings."""
    record = session.manager().views.record(run_id)
    is_so = now.remove_silence and all(getattr(now, name) == chosen[name] for name in NAMES)
    worth = found.cuts is not None and bool(found.cuts.removed)
    if "again" not in session.offered(record):
        why: str | None = "The run is still at work; afterwards its silence can be removed."
    elif is_so:
        why = "It was removed with these settings."
    else:
        why = None if worth else "With these settings nothing would be cut."
    beside = why if found.status == "ready" else None
    changes = {"remove_silence": True, **chosen}
    again.button(run_id, "Remove silence", icon="content_cut", why=why, beside=beside, changes=changes)
