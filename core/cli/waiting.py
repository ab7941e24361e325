"""Waiting for a batch: woken by its files, drawn as it goes, and with a service when none is there."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from core.bootstrap import Manager, follow
from core.cli.output import clip, duration, printable
from core.domain.exports import OPEN, ExportRecord
from core.domain.states import BatchPhase, Phase
from core.manager.commands import is_settled

LOOK_S = 1.0
STOP_S = 12.0


def wait_for_batch(manager: Manager, batch_id: str, *, watched: bool, quiet: bool) -> bool:
    """Wait until nothing of the batch moves by itself any more, starting a service whenever none runs.

    True if every run completed; the others are named with the reason unless `quiet`.

    A service started here finishes at a checkpoint and stops when the wait is over or interrupted.
    """
    changed = threading.Event()
    watch = follow(manager.storage, lambda _, __: changed.set())
    said: dict[str, str] = {}
    try:
        with _signals_interrupt():
            manager.storage.index.load()
            while not _settled(manager, batch_id):
                manager.starter.ensure()
                if not changed.wait(LOOK_S):
                    manager.storage.index.load()  # nothing was heard; an event may have been missed
                changed.clear()
                if watched:
                    _draw(manager, batch_id, said)
            if watched:
                _draw(manager, batch_id, said)
    finally:
        watch.stop()
        manager.starter.stop(STOP_S)
    runs = manager.storage.index.runs_of(batch_id)
    for run in runs if not quiet else ():
        if run.phase in (Phase.FAILED, Phase.PAUSED) and run.failure is not None:
            said_last = f"{printable(run.failure.message)} {printable(run.failure.hint)}"
            click.echo(f"{run.run_id} {run.phase}: {said_last}", err=True)
    return all(run.phase in (Phase.COMPLETED, Phase.SKIPPED) for run in runs)


def wait_for_export(manager: Manager, export_id: str, *, watched: bool) -> ExportRecord:
    """Wait until an export is made or has failed, starting a service whenever none runs; gives it as it is then.

    While everything is paused nothing is made, and nothing is waited for.
    """
    changed = threading.Event()
    watch = follow(manager.storage, lambda _, __: changed.set())
    try:
        with _signals_interrupt():
            while (
                record := manager.exports.shelf.get(export_id)
            ).phase in OPEN and manager.storage.index.pool.pause is None:
                manager.starter.ensure()
                changed.wait(LOOK_S)
                changed.clear()
                if watched:
                    told = manager.exports.views.of(record)
                    left = f", about {duration(told['eta_s']['low'])} left" if told["eta_s"] else ""
                    click.echo(f"\r\033[K{told['progress']:.0%} {printable(told['note'])}{left}", err=True, nl=False)
            if watched:
                click.echo("\r\033[K", err=True, nl=False)
    finally:
        watch.stop()
        manager.starter.stop(STOP_S)
    return record


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal end the wait as Ctrl-C does, so that a service started for it is stopped."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    kept = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _settled(manager: Manager, batch_id: str) -> bool:
    runs = manager.storage.index.runs_of(batch_id)
    there = {run.run_id for run in runs}
    if not is_settled(runs) or any(entry.run_id not in there for run in runs for entry in run.entries):
        return False
    # A run that is held keeps its batch open; else the service has the last word on how the batch ended.
    held = any(run.phase == Phase.PAUSED for run in runs)
    return held or manager.storage.index.batch(batch_id).phase != BatchPhase.RUNNING


def _draw(manager: Manager, batch_id: str, said: dict[str, str]) -> None:
    """One line whenever a run enters another state, and one moving line for the whole."""
    batch = manager.views.batch(batch_id)
    for run in batch["runs"]:
        state = f"{run['phase']} {run['stage'] or ''}".strip()
        if said.get(run["run_id"]) != state:
            said[run["run_id"]] = state
            click.echo(f"\r\033[K  {run['position']:>3}  {state:<20} {clip(printable(run['title']), 60)}", err=True)
    eta = batch["eta_s"]
    left = f", about {duration(eta['low'])} to {duration(eta['high'])} left" if eta else ""
    finished = batch["completed"] + batch["failed"] + batch["cancelled"] + batch["skipped"]
    line = f"\r\033[K{batch['progress']:.0%} of {batch['total']} done{left}"
    click.echo("\r\033[K" if finished == batch["total"] else line, err=True, nl=False)
