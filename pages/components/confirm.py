"""Asking before something is lost, in words that name what."""

import streamlit as st

from core.domain.run import RunRecord
from core.domain.states import TERMINAL, StageStatus
from pages.components import acting, session, verbs, words

NEEDED = frozenset({"cancel", "stop", "remove", "erase"})
Said = tuple[str, str, str]


@st.dialog("Are you sure?")
def ask(verb: str, id_: str, version: str) -> None:
    """Name what the command does and to what; give it only when it is confirmed.

    What cannot be got back is confirmed a second time.
    """
    name, loses, keeps = _batch(verb, id_) if id_.startswith("b_") else _run(verb, id_)
    st.text(name)
    st.write(loses)
    st.caption(keeps)
    sure = verb != "erase" or st.checkbox("I know that this cannot be undone", key=f"sure-{verb}-{id_}")
    with st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key=f"keep-{verb}-{id_}"):
            st.rerun()
        label = _label(verb, id_)
        if st.button(label, key=f"confirm-{verb}-{id_}", type="primary", disabled=not sure):
            if acting.command(verb, id_, version=version) and verb == "erase":
                st.switch_page("batches.py")
            st.rerun()


def _label(verb: str, id_: str) -> str:
    """The confirming button; it names what it ends: “Cancel” alone could mean not to do it."""
    what = ("batch" if id_.startswith("b_") else "run") if verb in ("cancel", "stop") else ""
    return f"{verbs.label(verb, id_).rstrip('…')} {what}".strip()


def _run(verb: str, run_id: str) -> Said:
    run = session.manager().views.record(run_id)
    name = run.title or run.source.value
    if verb == "remove":
        return name, "It is taken out of its batch.", "Nothing has been made of it yet; its source stays where it is."
    done = [words.stage(stage).lower() for stage, state in run.stages.items() if state.status == StageStatus.COMMITTED]
    kept = f"What is finished stays: {', '.join(done)}. " if done else ""
    what = "A stopped run counts as failed and" if verb == "stop" else "A cancelled run"
    loses = "the piece being worked on is lost" if run.open_attempt is not None else "nothing is being worked on"
    return name, f"It {'stops' if verb == 'stop' else 'ends'} now; {loses}.", f"{kept}{what} can be retried."


def _batch(verb: str, batch_id: str) -> Said:
    index = session.manager().storage.index
    runs = index.runs_of(batch_id)
    batch = index.batches[batch_id]
    name = batch.name
    if verb == "erase":
        return name, _contents(runs), "Results that another batch uses too are kept there."
    open_ = [run for run in runs if run.phase not in TERMINAL]
    busy = sum(run.open_attempt is not None for run in open_)
    lost = (
        "; the piece that one run works on is lost" if busy == 1 else f"; the pieces that {busy} runs work on are lost"
    )
    loses = f"{words.count(len(open_), 'unfinished run')} will be cancelled{lost if busy else ''}."
    if batch.started_at is None and any(words.uploaded(path) for run in runs for path in run.source.paths()):
        return name, f"{loses} What was uploaded for this batch alone is deleted.", "Nothing has been made of it yet."
    return name, loses, "Finished runs keep their results; cancelled ones can be retried."


def _contents(runs: list[RunRecord]) -> str:
    made = [
        words.count(count, what, "summaries" if what == "summary" else None)
        for stage, what in (("transcribe", "transcript"), ("summary", "summary"))
        if (count := sum(run.stages[stage].status == StageStatus.COMMITTED for run in runs if stage in run.stages))
    ]
    seconds = sum(run.duration_s or 0.0 for run in runs)
    of = f" of {words.duration(seconds)} of recordings" if seconds else ""
    return f"{words.count(len(runs), 'run')}{of} are deleted" + (f", with {' and '.join(made)}." if made else ".")
