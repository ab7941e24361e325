"""Making a part of a page live: put `listen` into a fragment, and it is drawn again when one of the topics changes."""

from itertools import count
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components import acting

FOLDER = Path(__file__).parent
# Ages, estimates and stalls change by themselves, without any file changing.
ANYWAY_S = 10


def component(name: str, *shared: str) -> Any:
    """The custom component whose script is `NAME.js` beside this file, after what it shares with others.

    It puts text only into textContent.
    """
    script = "\n".join((FOLDER / f"{part}.js").read_text("utf-8") for part in (*shared, name))
    return st.components.v2.component(f"reprise.{name}", js=script, isolate_styles=False)


_live = component("live")
_notice = component("notice", "base")
_drawn = count()


def listen(part: str, *topics: str, anyway_s: float = ANYWAY_S) -> None:
    """Draw this `part` of the page, a fragment, again when a topic changes (`runs`, `run:ID`, `batch:ID`, `pool`)."""
    _mount(part, {"topics": list(topics), "anyway_s": anyway_s, "whole": False})


def survive_restart() -> None:
    """Draw the whole page again when another server answers: that one knows nothing of this page's fragments yet."""
    _mount("page", {"topics": [], "anyway_s": 0, "whole": True})


def _mount(part: str, data: dict[str, Any]) -> None:
    # A number that is new each time is what tells the browser that the part was drawn, also where it looks the same.
    with st.container(key=f"hidden-live-{part}"):
        _live(key=f"live-{part}", data=data | {"drawn": next(_drawn)}, on_tick_change=lambda: None)
        offer = st.session_state.get("undo")
        if offer is not None:
            told = {name: offer[name] for name in ("token", "said", "label")}
            pressed = _notice(key=f"notice-{part}", data=told, on_undo_change=lambda: None).undo
            if pressed:
                acting.take_back(pressed)
