"""What a page works with: the manager of this process, and commands whose answer is shown."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAPIException

from core.api.process import current
from core.bootstrap import Manager
from core.domain.commands import request
from core.domain.errors import RepriseError
from core.domain.run import RunRecord
from core.manager.commands import Done
from pages.components.markup import literal

T = TypeVar("T")
VERBS = ("pause", "resume", "retry", "stop", "skip", "unskip", "cancel")
_REMEMBERED = 500
_once_lock = threading.Lock()
_once: dict[str, Future[Any]] = {}


def manager() -> Manager:
    """The manager that all sessions of this process share."""
    return current().manager


def read(name: str, view: Callable[[], T]) -> T:
    """What a view gives; `name` tells it from others. Sessions that look at the same time read it once."""
    return current().read(name, view)


def service_error() -> RepriseError | None:
    """Why no service could be started, if so."""
    return current().keeper.error


def now() -> datetime:
    """The present, as the product's clock tells it."""
    return manager().storage.clock.now()


def offered(run: RunRecord) -> list[str]:
    """The commands that would change something about the run as it is."""
    found = []
    for verb in VERBS:
        try:
            if request(run, verb, now(), by="") is not run:
                found.append(verb)
        except RepriseError:
            continue
    return found


def command(verb: str, id_: str, *, version: str = "", **options: Any) -> bool:
    """Give a command to a run, a batch or the `pool`, and say in a toast what came of it; True when it was taken.

    `version` is the state that the person saw: a second click on the same sight has no second effect.
    """
    commands, actor = manager().commands, manager().actor
    try:
        if id_ == "pool":
            done = commands.pool(verb, by=actor)
        elif id_.startswith("b_") and verb == "retry":
            many = commands.retry_failed(id_, by=actor)
            current().hub.changed("pool", "pool")
            st.toast(f"{len(many)} to be retried", icon=":material/refresh:")
            return True
        elif id_.startswith("b_"):
            done = commands.batch(id_, verb, by=actor)
        else:
            key = f"page:{verb}:{version}" if version else None
            done = commands.run(id_, verb, by=actor, key=key, **options)
    except RepriseError as error:
        st.toast(literal(f"{error.message} {error.hint}"), icon=":material/error:")
        return False
    current().hub.changed("pool", "pool")  # here the change is known already: no page shows what was read before it
    _say(verb, done)
    return True


def _say(verb: str, done: Done) -> None:
    if not done.changed:
        st.toast(f"Nothing to {verb}: it is so already", icon=":material/check:")
    elif not done.applied:
        st.toast(f"{verb.capitalize()} is noted; it is done as soon as a service runs", icon=":material/schedule:")
    else:
        st.toast(f"{verb.capitalize()} asked for", icon=":material/check:")


def redraw() -> None:
    """Draw the present fragment again, or the whole page where that is what is being drawn."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def once(token: str, make: Callable[[], T]) -> T:
    """What `make` gave for this token: a double click on a form makes one batch, not two.

    Who comes while it is being made waits for it; other tokens do not. What failed is tried anew by the next call.
    """
    while True:
        with _once_lock:
            known: Future[T] | None = _once.get(token)
            mine: Future[T] = Future()
            if known is None:
                _once[token] = mine
                _forget()
        if known is None:
            try:
                mine.set_result(make())
            except BaseException as error:
                with _once_lock:
                    _once.pop(token, None)
                mine.set_exception(error)
                raise
            return mine.result()
        failed = known.exception()  # waits
        if failed is None or isinstance(failed, RepriseError):
            return known.result()


def _forget() -> None:
    """Keep the newest; what is still being made is never forgotten."""
    done = [token for token, future in _once.items() if future.done()]
    for token in done[: max(0, len(_once) - _REMEMBERED)]:
        del _once[token]
