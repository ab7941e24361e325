"""Giving commands: what came of it is said, and what can be taken back is offered for that."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import streamlit as st

from core.api.process import current
from core.domain.errors import RepriseError
from core.manager.commands import Done
from pages.components import session, verbs, words
from pages.components.markup import clean, literal

# Each is taken back by another command; where nothing is lost, nobody is asked before.
BACK = {"skip": "unskip", "delete": "restore"}
Step = tuple[str, str, dict[str, Any]]


def command(verb: str, id_: str, *, version: str = "", **options: Any) -> bool:
    """Give a command to a run, a batch or the `pool`, and say what came of it; True when it was taken.

    `version` is the state that the person saw: a second click on the same sight has no second effect. `drain`, `again`
    and `erase` are the verbs of the pages for a pause, a retry and a deletion with an option.
    """
    done = _try(lambda: give(verb, id_, version=version, **options))
    if done is None:
        return False
    if verb in BACK and done and done[0].changed:
        offer_back(f"{verbs.VERBS[verb].done}: {_name(id_)}", (BACK[verb], id_, {}))
    else:
        _say(verb, done)
    return True


def give(verb: str, id_: str, *, version: str = "", **options: Any) -> list[Done]:
    """What `Commands` answer; raises `RepriseError`."""
    commands, by = session.manager().commands, session.manager().actor
    if verb == "drain":
        verb, options = "pause", {**options, "drain": True}
    key = f"page:{verb}:{version}" if version else None
    match verb:
        case _ if id_ == "pool":
            return [commands.pool(verb, by=by, **options)]
        case "order":
            return [commands.reorder(id_, options["run_ids"], by=by)]
        case "priority":
            return [commands.priority(id_, options["n"], by=by)]
        case "edit":
            return [commands.edit(id_, by=by, **options)]
        case "erase":
            return [commands.delete(id_, by=by, hard=True)]
        case "delete":
            return [commands.delete(id_, by=by)]
        case "retry" if id_.startswith("b_"):
            return commands.retry_failed(id_, by=by)
        case _ if id_.startswith("b_"):
            return [commands.batch(id_, verb, by=by, **options)]
        case "again":
            return [commands.run(id_, "retry", by=by, key=key, **options)]
    return [commands.run(id_, verb, by=by, key=key, **options)]


def recover_all() -> bool:
    """Recover every stalled run, and say how many there were."""
    done = _try(lambda: session.manager().commands.recover_all(by=session.manager().actor))
    if done is not None:
        count = sum(one.changed for one in done)
        st.toast(
            f"{words.count(count, 'run')} recovering" if count else "Nothing is stalled", icon=verbs.icon("recover")
        )
    return bool(done)


def reprioritise(run_id: str, priority: int) -> bool:
    """Give a waiting run another priority, with the way back to the one it had."""
    before = session.manager().views.record(run_id).priority
    done = _try(lambda: give("priority", run_id, n=priority))
    if done and done[0].changed:
        offer_back(f"Priority {priority}: {_name(run_id)}", ("priority", run_id, {"n": before}))
    return done is not None


def reorder(batch_id: str, run_ids: list[str], before: list[str]) -> bool:
    """Let the queued runs of a batch start in this order, with the way back to the one `before`."""
    done = _try(lambda: give("order", batch_id, run_ids=run_ids))
    if done and done[0].changed:
        offer_back(f"New order: {_name(batch_id)}", ("order", batch_id, {"run_ids": before}))
    return done is not None


def reset_breaker(name: str) -> bool:
    """Let what waits for something outside go on at once."""
    manager = session.manager()
    done = _try(lambda: [manager.commands.breaker_reset(name, by=manager.actor)])
    if done is not None:
        st.toast("It is tried now", icon=verbs.icon("recover"))
    return done is not None


def offer_back(said: str, *back: Step) -> None:
    """Say what was done, with an Undo that gives the commands `back`; drawn by the next live part of the page."""
    st.session_state["undo"] = {"token": uuid4().hex, "said": clean(said), "label": "Undo", "back": back}


def take_back(token: str) -> None:
    """Undo what was offered under this token; what cannot be undone any more says why."""
    offer = st.session_state.get("undo")
    if offer is None or offer["token"] != token:
        return
    del st.session_state["undo"]
    for verb, id_, options in offer["back"]:
        if _try(lambda: give(verb, id_, **options)) is None:  # noqa: B023 - called before the next turn
            return
    st.toast("Undone", icon=":material/undo:")


def _try(give_it: Callable[[], list[Done]]) -> list[Done] | None:
    try:
        done = give_it()
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
        return None
    current().hub.changed("pool", "pool")  # here the change is known already: no page shows what was read before it
    return done


def _say(verb: str, done: list[Done]) -> None:
    changed = [one for one in done if one.changed]
    said = verbs.VERBS[verb].done
    if not changed:
        st.toast("It is so already", icon=":material/check:")
    elif not all(one.applied for one in changed):
        st.toast(f"{said}; carried out as soon as a service runs", icon=":material/schedule:")
    else:
        st.toast(said if len(changed) == 1 else f"{said}: {words.count(len(changed), 'run')}", icon=":material/check:")


def _name(id_: str) -> str:
    index = session.manager().storage.index
    if id_.startswith("b_"):
        return index.batches[id_].name if id_ in index.batches else id_
    return index.runs[id_].title or index.runs[id_].source.value if id_ in index.runs else id_
