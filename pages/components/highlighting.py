"""Finding the highlights of a run that is there, or others: how much counts, which words matter, and the button."""

from typing import Any

import streamlit as st

from core.domain.settings import Settings
from core.domain.states import StageStatus
from pages.components import again, session
from pages.components.live import listen

SENSITIVITIES = {"low": "Low", "medium": "Medium", "high": "High", "max": "Max"}
MAX_WORDS, MAX_LETTERS = 100, 100


@st.fragment
def panel(run_id: str) -> None:
    """The panel as an expander, once there is a video."""
    listen("highlighting", f"run:{run_id}", anyway_s=30)
    record = session.manager().views.record(run_id)
    if record.stages["download"].status != StageStatus.COMMITTED:
        return
    now = record.settings or session.manager().storage.index.batch(record.batch_id).settings
    with st.expander("Find highlights", key="highlighting", on_change="rerun") as opened:
        if opened.open:
            _button(run_id, now, _chosen(now, run_id))


def _chosen(now: Settings, run_id: str) -> dict[str, Any]:
    first, second = st.columns(2)
    sensitivity = first.segmented_control(
        "Sensitivity",
        tuple(SENSITIVITIES),
        default=now.highlight_sensitivity,
        format_func=SENSITIVITIES.__getitem__,
        key=f"sensitivity-{run_id}",
        help="Higher finds more passages, also weaker ones.",
    )
    words = second.text_input(
        "Keywords",
        ", ".join(now.keywords),
        max_chars=2_000,
        key=f"keywords-{run_id}",
        placeholder="budget, new dam",
        help="Words that matter to you, with commas between them. Passages with them score higher.",
        disabled=not now.transcribe,
    )
    given = dict.fromkeys(word.strip()[:MAX_LETTERS] for word in words.split(",") if word.strip())
    return {
        "highlight_sensitivity": sensitivity or now.highlight_sensitivity,
        "keywords": tuple(given)[:MAX_WORDS] if now.transcribe else now.keywords,
    }


def _button(run_id: str, now: Settings, chosen: dict[str, Any]) -> None:
    """Finding them is one more round of the run, with these settings."""
    record = session.manager().views.record(run_id)
    why = None
    if "again" not in session.offered(record):
        why = "The run is still at work; afterwards its highlights can be found."
    elif now.detect_highlights and all(getattr(now, name) == value for name, value in chosen.items()):
        why = "They were found with these settings."
    beside = why or (None if now.transcribe else "Without a transcript they go by loudness alone.")
    changes = {"detect_highlights": True, **chosen}
    again.button(run_id, "Find highlights", icon="star", why=why, beside=beside, changes=changes)
