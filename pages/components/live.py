"""Making a part of a page live: put `listen` into a fragment, and it is drawn again when one of the topics changes."""

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
# Ages, estimates and stalls change by themselves, without any file changing.
ANYWAY_S = 10


def component(name: str) -> Any:
    """The custom component whose script is `NAME.js` beside this file; it puts text only into textContent."""
    return st.components.v2.component(
        f"reprise.{name}", js=(FOLDER / f"{name}.js").read_text("utf-8"), isolate_styles=False
    )


_live = component("live")


def listen(part: str, *topics: str, anyway_s: float = ANYWAY_S) -> None:
    """Draw this `part` of the page, a fragment, again when a topic changes (`runs`, `run:ID`, `batch:ID`, `pool`)."""
    key = f"live-{part}"
    with st.container(key=f"hidden-{key}"):
        _live(key=key, data={"topics": list(topics), "anyway_s": anyway_s}, on_tick_change=lambda: None)
