"""Asking before something is lost, in words that name what."""

import streamlit as st

from core.domain.states import TERMINAL, StageStatus
from pages.components import session, words

NEEDED = frozenset({"cancel", "skip"})


@st.dialog("Are you sure?")
def ask(verb: str, id_: str, version: str) -> None:
    """Name what the command does and to what; give it only when it is confirmed."""
    name, loses, keeps = _batch(id_) if id_.startswith("b_") else _run(verb, id_)
    st.text(name)
    st.write(loses)
    st.caption(keeps)
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key=f"keep-{verb}-{id_}"):
            st.rerun()
        if st.button(words.label(verb), key=f"confirm-{verb}-{id_}", type="primary"):
            session.command(verb, id_, version=version)
            st.rerun()


def _run(verb: str, run_id: str) -> tuple[str, str, str]:
    run = session.manager().views.record(run_id)
    if verb == "skip":
        return run.title, "It is left out and counts as done.", "It can be taken in again later; nothing is deleted."
    done = [words.stage(name).lower() for name, stage in run.stages.items() if stage.status == StageStatus.COMMITTED]
    kept = f"What is finished stays: {', '.join(done)}. " if done else ""
    return run.title, "It stops now; the piece being worked on is lost.", f"{kept}A cancelled run can be retried."


def _batch(batch_id: str) -> tuple[str, str, str]:
    index = session.manager().storage.index
    open_ = [run for run in index.runs_of(batch_id) if run.phase not in TERMINAL]
    busy = sum(run.open_attempt is not None for run in open_)
    loses = f"{words.count(len(open_), 'unfinished run')} will be cancelled" + (
        f"; the pieces that {words.count(busy, 'run')} work on now are lost." if busy else "."
    )
    return index.batches[batch_id].name, loses, "Finished runs keep their results; cancelled ones can be retried."
