"""What a page works with: the manager of this process, what it offers, and drawing anew."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar

import streamlit as st
from msgspec.structs import replace
from streamlit.errors import StreamlitAPIException

from core.api.process import current
from core.bootstrap import Manager
from core.domain.advice import Around
from core.domain.errors import RepriseError
from core.domain.offers import offered_to_batch, offered_to_run
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from core.manager.surroundings import surroundings
from core.manager.workers import Worker

T = TypeVar("T")
_REMEMBERED = 500
_once_lock = threading.Lock()
_once: dict[str, Future[Any]] = {}


def manager() -> Manager:
    """The manager for whoever uses this page, as the list of people says at this moment.

    Raises `NotSignedIn` and `NotAllowed` where there is a sign-in.
    """
    process = current()
    if not process.config.signs_in:
        return process.manager
    return process.manager_for(process.person(st.user.to_dict()))


def has_sign_in() -> bool:
    """Whether people sign in here; else the dashboard serves this machine's user."""
    return current().config.signs_in


def read(name: str, view: Callable[[], T]) -> T:
    """What a view gives; `name` tells it from others. Sessions that look at the same time read it once."""
    return current().read(f"{manager().actor}/{name}", view)


def around(run_id: str | None = None) -> Around:
    """What advice on settings rests on: this machine, and the recording of a run."""
    storage = manager().storage
    run = storage.index.runs.get(run_id) if run_id else None
    return read(f"around-{run_id}", lambda: surroundings(storage.config, storage.artifacts, run))


def service_error() -> RepriseError | None:
    """Why no service could be started, if so."""
    return current().keeper.error


def workers() -> list[Worker]:
    """What each worker of the service uses now; the runs of others are not named."""
    mine = manager().storage.index.runs
    found = read("workers", current().figures.workers)
    return [one if one.run_id in mine else replace(one, run_id=None) for one in found]


def now() -> datetime:
    """The present, as the product's clock tells it."""
    return manager().storage.clock.now()


def offered(run: RunRecord) -> list[str]:
    """The commands that would change something about the run as it is."""
    return offered_to_run(run, manager().storage.index.runs_of(run.batch_id), now())


def offered_to(batch_id: str) -> list[str]:
    """The commands that would change something about the batch as it is."""
    index = manager().storage.index
    batch, runs = index.batches[batch_id], index.runs_of(batch_id)
    there = batch.phase != BatchPhase.DELETED and any(run.phase == Phase.COMPLETED for run in runs)
    return [*offered_to_batch(batch, runs, now()), *(["export"] if there else [])]


def paused_themselves() -> list[dict[str, Any]]:
    """The batches that paused themselves after failures and wait for a person."""
    batches = manager().storage.index.batches
    found = [
        id_
        for id_, batch in batches.items()
        if batch.phase == BatchPhase.PAUSED and batch.pause is not None and batch.pause.reason == "auto"
    ]
    return read("paused-themselves", lambda: [manager().views.batch(id_) for id_ in sorted(found)]) if found else []


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
