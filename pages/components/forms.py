"""Commands that need more than a press: what is to be made again, what a batch is called, who goes first."""

from typing import Any

import streamlit as st

from core.domain.batch import effective_priority
from core.domain.limits import CONCURRENCY, MAX_DESCRIPTION, MAX_NAME, PRIORITY
from core.domain.settings import Settings
from core.domain.states import StageStatus
from pages.components import acting, export_dialog, session, settings_form, words

NEEDED = frozenset({"again", "edit", "priority", "export"})


def ask(verb: str, id_: str, version: str) -> None:
    """Open the form of the command."""
    if verb == "export":
        export_dialog.open_for(id_)
        return
    settings_form.begin(verb)
    {"again": again, "edit": edit, "priority": priority}[verb](id_, version)


def _end(label: str, key: str) -> bool:
    """The last line of a form; True when its button was pressed."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Leave it", key=f"leave-{key}"):
            st.rerun()
        return st.button(label, key=f"apply-{key}", type="primary")


@st.dialog("Make again")
def again(run_id: str, version: str) -> None:
    """A run from one of its stages on, or with other settings."""
    run = session.manager().views.record(run_id)
    settings = run.settings or session.manager().storage.index.batch(run.batch_id).settings
    needed = [name for name, stage in run.stages.items() if stage.status != StageStatus.NOT_NEEDED]
    st.text(run.title or run.source.value)
    start = st.selectbox(
        "From",
        [None, *needed],
        format_func=lambda name: words.stage(name) if name else "Where it ended",
        key="again-from",
    )
    with st.expander("Other settings"):
        chosen = settings_form.draw(settings, "again", around=session.around(run_id), columns=1)
    changes = settings_form.changed(settings, chosen)
    st.caption("What is made anew replaces what there is once it is whole; until then the old results stay.")
    if _end("Make again", "again"):
        token = f"{version}:{start}:{sorted(changes.items())}"
        if acting.command("again", run_id, version=token, from_stage=start, changes=changes or None):
            st.rerun()


@st.dialog("Edit batch")
def edit(batch_id: str, version: str) -> None:
    """Name, description, how much at a time, priority, and the settings of the runs that have not begun."""
    del version
    batch = session.manager().storage.index.batch(batch_id)
    name = st.text_input("Name", batch.name, max_chars=MAX_NAME, key="edit-name")
    said = st.text_area("Description", batch.description, max_chars=MAX_DESCRIPTION, height=80, key="edit-description")
    first, second = st.columns(2)
    at_once = first.slider("Runs at a time", *CONCURRENCY, batch.concurrency, key="edit-concurrency")
    number = second.slider("Priority", *PRIORITY, batch.priority, key="edit-priority", help="10 goes first.")
    with st.expander("Settings of the runs that have not begun"):
        chosen = settings_form.draw(batch.settings, "edit", columns=1)
    if _end("Save", "edit") and save(batch_id, name, said, at_once, number, batch.settings, chosen):
        st.rerun()


def save(batch_id: str, name: str, said: str, at_once: int, number: int, now: Settings, chosen: dict[str, Any]) -> bool:
    """Give the commands that the form stands for; False when one was refused."""
    batch = session.manager().storage.index.batch(batch_id)
    changes = settings_form.changed(now, chosen)
    if number != batch.priority and not acting.command("priority", batch_id, n=number):
        return False
    if (name, said, at_once) == (batch.name, batch.description, batch.concurrency) and not changes:
        return True
    return acting.command("edit", batch_id, name=name, description=said, concurrency=at_once, changes=changes or None)


@st.dialog("Priority")
def priority(run_id: str, version: str) -> None:
    """How early a run that waits is begun."""
    del version
    run = session.manager().views.record(run_id)
    now = effective_priority(run, session.manager().storage.index.batch(run.batch_id))
    st.text(run.title or run.source.value)
    number = st.slider("Priority", *PRIORITY, now, key="run-priority", help="10 goes first, before all fairness.")
    if _end("Save", "priority") and acting.reprioritise(run_id, number):
        st.rerun()
