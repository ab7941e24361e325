"""A process that does one thing to a storage and may be killed while it does.

`python -m tests.support.victim` reads requests (one JSON object a line) and forks a child for each, so that Python and
the product are imported once. The child stops itself; whoever asked attaches what he likes and continues it. What it
did is acknowledged line by line in a file: a line stands there only after the store said that it is durable.
"""

import json
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.domain.errors import RepriseError
from core.manager.cleanup import Cleanup
from core.manager.index import Index
from core.manager.purge import Purge
from core.manager.rebuild import Rebuild
from core.manager.sweep import Sweep
from core.manager.uploads import Uploads
from core.manager.writer import Writer
from core.stages.catalog import Catalog
from core.store.artifacts import Artifacts, Receipt
from core.store.check import check
from core.store.journal import Event
from core.store.layout import Layout
from core.store.state import StateStore, open_store
from core.store.units import UnitLog
from core.system.clock import SystemClock
from tests.support import sabotage
from tests.support.storage import BATCH, RUN, a_batch, a_run, new_store

Ack = Callable[[str], None]
STAGE, KEY = "transcribe", "abc"
NEW_RUN, NEW_BATCH = "r_02new", "b_02new"
REFUSED = 3  # exit status: the product said in a sentence that it did not work

_PR_SET_PTRACER = 0x59616D61


def store_in(folder: Path) -> StateStore:
    """The store in `folder`, which exists."""
    return open_store(Layout(folder), SystemClock())


def update(store: StateStore, ack: Ack) -> None:
    """Two changes of one run."""
    for number in (1, 2):
        store.runs.update(RUN, lambda run, number=number: replace(run, position=number))  # type: ignore[misc]
        ack(str(number))


def create(store: StateStore, ack: Ack) -> None:
    """A submission: the run first, the batch last."""
    store.runs.create(NEW_RUN, a_run(NEW_RUN, batch_id=NEW_BATCH))
    store.batches.create(NEW_BATCH, a_batch(NEW_BATCH))
    ack("created")


def publish(store: StateStore, ack: Ack) -> None:
    """What `_made_by_a_stage` left, published."""
    folder = store.layout.work(STAGE, KEY) / "tmp.a1"
    receipt = Receipt(stage=STAGE, key=KEY, version=1, params={})
    Artifacts(store.layout, store.clock).publish(STAGE, KEY, folder, receipt)
    ack("published")


def _made_by_a_stage(store: StateStore) -> None:
    """Two files that no stage cared to make durable."""
    folder = store.layout.work(STAGE, KEY) / "tmp.a1"
    (folder / "sub").mkdir(parents=True)
    (folder / "text").write_text("hello " * 1000)
    (folder / "sub" / "more").write_text("there " * 1000)


def units(store: StateStore, ack: Ack) -> None:
    """Two units of new work."""
    log = UnitLog(store.layout.work(STAGE, KEY) / "units.jsonl", "a1", 1)
    for number in range(2):
        log.add(number, 1.0, {"text": "unit " * 10 + str(number)})
        ack(str(number))


def journal(store: StateStore, ack: Ack) -> None:
    """Two appends to the journal."""
    for number in range(2):
        ack(str(store.journal.append([Event(type=f"test.{number}"), Event(type=f"test.{number}", run_id=RUN)])))


def restore(store: StateStore, ack: Ack) -> None:
    """Reading a run whose file is damaged."""
    ack(str(store.runs.get(RUN).value.position))


def repair(store: StateStore, ack: Ack) -> None:
    """`check --repair` of a storage in which much is damaged."""
    ack(str(len(check(store.layout, store.clock, repair=True))))


def rebuild(store: StateStore, ack: Ack) -> None:
    """Making a run again of whose record neither copy can be believed."""
    (finding,) = Rebuild(store, Catalog(()), store.clock).make([RUN])
    ack(finding.action) if finding.repaired else None


def purging(store: StateStore) -> Purge:
    """What deletes a batch for good, put together as for a command."""
    index = Index(store)
    index.load()
    writer, artifacts = Writer(store=store, index=index, via="cli"), Artifacts(store.layout, store.clock)
    uploads = Uploads(index=index, writer=writer, artifacts=artifacts, layout=store.layout, clock=store.clock)
    return Purge(index=index, writer=writer, store=store, artifacts=artifacts, uploads=uploads)


def purge(store: StateStore, ack: Ack) -> None:
    """Deleting a marked batch for good."""
    if purging(store).finish(BATCH):
        ack("gone")


def cleaning(store: StateStore) -> Cleanup:
    """What cleans up, put together as for a command; what nothing names is old at once."""
    index, artifacts = Index(store), Artifacts(store.layout, store.clock)
    index.load()
    writer = Writer(store=store, index=index, via="cli")
    parts: dict[str, Any] = {"index": index, "writer": writer, "artifacts": artifacts}
    uploads = Uploads(layout=store.layout, clock=store.clock, **parts)
    sweep = Sweep(store=store, kept_s=1e-9, **parts)
    purge = Purge(store=store, uploads=uploads, **parts)
    return Cleanup(store=store, purge=purge, uploads=uploads, sweep=sweep, kept_s=86400.0, **parts)


def cleanup(store: StateStore, ack: Ack) -> None:
    """Cleaning up: a batch that is old, and what nobody names."""
    cleaning(store).clean("test")
    if BATCH not in store.batches.ids():
        ack("clean")


def endless(store: StateStore, ack: Ack) -> None:
    """Changes of everything, one after the other, until somebody puts an end to it."""
    artifacts = Artifacts(store.layout, store.clock)
    log = UnitLog(store.layout.work(STAGE, KEY) / "units.jsonl", "a1", 1)
    number = 0
    while True:
        number += 1
        store.runs.update(RUN, lambda run, number=number: replace(run, position=number))  # type: ignore[misc]
        ack(f"run {number}")
        log.add(number, 1.0, {"n": number})
        ack(f"unit {number}")
        run_id = f"r_{number:06}"
        store.runs.create(run_id, a_run(run_id, position=number))
        ack(f"new {number}")
        ack(f"journal {store.journal.append([Event(type='test', run_id=run_id)])}")
        folder = store.layout.work(STAGE, f"{number:06}") / "tmp.a1"
        folder.mkdir(parents=True)
        (folder / "text").write_text(f"hello {number} " * 2000)
        artifacts.publish(STAGE, f"{number:06}", folder, Receipt(stage=STAGE, key="", version=1, params={}))
        ack(f"artifact {number}")


ACTS: dict[str, Callable[[StateStore, Ack], None]] = {
    act.__name__: act
    for act in (update, create, publish, units, journal, restore, repair, rebuild, purge, cleanup, endless)
}


def _child(request: dict[str, str]) -> int:
    acks = os.open(request["acks"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def ack(text: str) -> None:
        os.write(acks, f"ack {text}\n".encode())

    store = store_in(Path(request["folder"]))
    if request["act"] == "publish":
        _made_by_a_stage(store)
    sabotage.apply(request.get("sabotage", ""))
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        ACTS[request["act"]](store, ack)
    except RepriseError as error:
        os.write(acks, f"refused {type(error).__name__}: {error.message}\n".encode())
        return REFUSED
    except BaseException:  # noqa: BLE001 -- whatever it is, the test has to hear of it
        os.write(acks, f"crashed\n{traceback.format_exc()}".encode())
        return 1
    return 0


def _let_anybody_trace() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)


def _warm_up() -> None:
    """What Python imports only when it is first used is no file of ours, and nobody should fail there."""
    with tempfile.TemporaryDirectory() as folder:
        store = new_store(Path(folder), SystemClock())
        store.runs.create(RUN, a_run())
        _made_by_a_stage(store)
        for name in ("update", "create", "publish", "units", "journal", "repair"):
            ACTS[name](store, lambda _: None)


def _answer(**values: int) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve requests until the input ends; answers `{"pid": …}` once the child stands still, `{"status": …}` at its end."""
    logging.disable()  # what could not be written to the journal is logged, at every second point
    _warm_up()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _let_anybody_trace()
            os._exit(_child(json.loads(line)))
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            _answer(pid=pid)
            _, status = os.waitpid(pid, 0)
        _answer(status=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
