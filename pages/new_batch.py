"""New batch: links, paths, folders and uploads become runs; what cannot be taken says why."""

from typing import Any
from uuid import uuid4

import msgspec
import streamlit as st

from core.domain.batch import MAX_RUNS
from core.domain.errors import RepriseError
from core.domain.limits import MAX_DESCRIPTION, MAX_NAME
from core.domain.settings import parse_settings
from core.manager.intake import Added, Submission
from pages.components import forecast, session, settings_form, settings_panel, ways_in, words
from pages.components.live import component
from pages.components.markup import join, show, tag

_drop = component("drop", "sending")
LOOK = (
    "Sizes, lengths, what is here already, whether it fits on the disk, and how long it may take. Nothing is started."
)


def page() -> None:
    """The whole page."""
    # The number changes with every batch made and empties the form; the token makes one batch of a double click.
    number = st.session_state.setdefault("new-number", 0)
    token = st.session_state.setdefault("new-token", uuid4().hex)
    intro = "Links, files or folders. Each becomes a transcript, verified quotes and a summary."
    show(tag("div", tag("h1", "New batch"), tag("p", intro), cls="rp-head"))
    told(st.session_state.get("new-added"))
    sent = _drop(
        key=f"drop-{number}",
        data={"token": number, "most": session.manager().storage.config.max_media_bytes, "many": MAX_RUNS},
        default={"files": [], "busy": 0},
        on_files_change=lambda: None,
        on_busy_change=lambda: None,
    )
    sources = st.text_area(
        "Links, files and folders, one a line",
        height=130,
        key=f"sources-{number}",
        placeholder="https://example.org/a-talk\n/home/me/recordings\n/home/me/interview.mp4",
    )
    name = st.text_input(
        "Name", max_chars=MAX_NAME, key=f"name-{number}", placeholder="Named after its first recording"
    )
    said = st.text_input(
        "Description", max_chars=MAX_DESCRIPTION, key=f"description-{number}", placeholder="What it is for"
    )
    settings(number)
    ways_in.draw(str(number), has_archive=any(one["kind"] == "archive" for one in sent.files))
    if sent.busy:
        st.caption("Uploads are still coming in: what is not ready when you start is left out.")
    with st.container(horizontal=True):
        start = st.button("Start", type="primary", icon=":material/play_arrow:", key=f"start-{number}")
        draft = st.button("Keep as draft", icon=":material/draft:", key=f"draft-{number}")
        look = st.button("Look first", icon=":material/search:", key=f"look-{number}", help=LOOK)
    wanted = Submission(
        name=name.strip(),
        description=said.strip(),
        draft=draft,
        **ways_in.chosen(str(number), sources, sent.files),
        **given(number),
    )
    forecast.draw(str(number), wanted, asked=look)
    if start or draft:
        submit(token, wanted)


@st.fragment
def settings(number: int) -> None:
    """What should be made; each change redraws this part alone."""
    with st.expander("Settings"):
        settings_panel.draw(str(number))
    show(settings_form.summary(settings_panel.values(str(number))))


def given(number: int) -> dict[str, Any]:
    """What is chosen beside the sources."""
    chosen = settings_panel.chosen(str(number))
    settings = settings_panel.values(str(number))
    return {"priority": chosen.priority, "concurrency": chosen.concurrency, "settings": parse_settings(settings)}


def submit(token: str, wanted: Submission) -> None:
    """Make the batch, once; go to it when everything was taken, else say what was not."""
    manager = session.manager()

    def make() -> Added:
        # Nothing of Streamlit in here: it ends a script that is drawn anew at its next call, after the batch was made.
        return manager.intake.add(wanted, manager.actor)

    try:
        with st.spinner("Looking at the sources…"):
            added = session.once(f"{token}:{hash(repr(wanted))}", make)
    except RepriseError as error:
        show(tag("div", tag("b", error.message), tag("p", error.hint), cls="rp-note", data_tone="bad"))
        return
    if added.batch_id is None:
        st.session_state["new-token"] = uuid4().hex  # nothing was made: the next press looks again
        rejections(msgspec.to_builtins(added.rejected))
        return
    del st.session_state["new-token"]
    st.session_state["new-number"] += 1
    if added.rejected:
        st.session_state["new-added"] = {
            "batch_id": added.batch_id,
            "taken": len(added.runs),
            "rejected": msgspec.to_builtins(added.rejected),
        }
        st.rerun()
    st.session_state.pop("new-added", None)
    st.switch_page("batches.py", query_params={"batch": added.batch_id})


def told(added: dict[str, Any] | None) -> None:
    """What became of the last submission, if some of it was not taken."""
    if not added:
        return
    show(tag("div", tag("b", f"{words.count(added['taken'], 'source')} added"), cls="rp-note", data_tone="good"))
    st.page_link(
        "batches.py", label="Show the batch", icon=":material/arrow_forward:", query_params={"batch": added["batch_id"]}
    )
    rejections(added["rejected"])


def rejections(rejected: list[dict[str, str]]) -> None:
    """Each source that was not taken, with the reason."""
    show(tag("p", join([words.count(len(rejected), "source"), "not taken"], " "), cls="rp-h"))
    for one in rejected:
        show(
            tag(
                "div",
                tag("span", one["source"], cls="rp-mono"),
                tag("p", tag("b", one["message"]), " ", one["hint"]),
                cls="rp-note",
                data_tone="bad",
            )
        )


page()
