"""Looks at everything in the storage, says in one sentence each what is not as it should be, and repairs what can be."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from core.domain.run import RunRecord
from core.domain.states import StageStatus
from core.store.artifacts import Artifacts
from core.store.journal import Journal
from core.store.layout import Layout, is_id, keyed
from core.store.locks import Lock
from core.store.quarantine import Finding, keep_in_quarantine, move_to_quarantine
from core.store.record_files import SUFFIX
from core.store.records import Records, Stored
from core.store.state import StateStore
from core.system import files
from core.system.clock import Clock

T = TypeVar("T", bound=msgspec.Struct)

# Run files are written before their batch; younger ones may belong to a submission that is under way.
_SUBMISSION = timedelta(seconds=60)
_LOCK_S = 5.0


def check(layout: Layout, clock: Clock, repair: bool) -> list[Finding]:
    """Everything found wrong, in the order state, submissions, artifacts, units, journal, left-overs.

    Changes nothing unless `repair`; then what is damaged goes to quarantine, never away. Artifacts are read bit by
    bit, so it takes as long as reading all of them. Raises `StorageError` when a folder cannot be read at all.
    """
    store = StateStore(layout, clock)
    runs, findings = _state(store.runs, repair)
    batches, more = _state(store.batches, repair)
    findings += more + _exports(store, repair) + _state(store.pool, repair)[1]
    findings += _went_back(store.journal, runs)
    damaged_batches = {Path(finding.path).name.split(".")[0] for finding in findings if not finding.repaired}
    findings += _orphans(layout, clock, runs, set(batches) | damaged_batches, repair)
    artifacts = Artifacts(layout, clock)
    for stage, key in artifacts.published():
        finding = artifacts.inspect(stage, key, deep=True, repair=repair)[1]
        findings += [finding] if finding else []
    findings += _missing_results(artifacts, runs)
    for path in keyed(layout.work_root, "*/*/units.jsonl"):
        findings += _lines(layout, clock, path, layout.key_lock(path.parent.parent.name, path.parent.name), repair)
    for path in Journal(layout, clock).days():
        findings += _lines(layout, clock, path, layout.journal_lock(), repair)
    findings += _left_overs(layout, repair)
    return findings


def _state(records: Records[T], repair: bool) -> tuple[dict[str, Stored[T]], list[Finding]]:
    return records.load_all(repair=repair)


def _exports(store: StateStore, repair: bool) -> list[Finding]:
    """What is wrong with exports; a lost one holds back the sweep of merged videos, and nothing can be made of it again."""
    findings = _state(store.exports, repair)[1]
    if not repair:
        return findings
    mended = []
    for finding in findings:
        export_id = Path(finding.path).name.removesuffix(SUFFIX)
        lost = not finding.repaired and store.exports.lost_because(export_id) is not None
        mended.append(store.exports.set_lost_aside(export_id) if lost else finding)
    return mended


def _went_back(journal: Journal, runs: dict[str, Stored[RunRecord]]) -> list[Finding]:
    """Runs whose state is older than what the journal saw, as after putting an old backup in place."""
    seen: dict[str, int] = {}
    for record in journal.lines():
        if record.get("run_id") and record.get("gen"):
            seen[record["run_id"]] = max(seen.get(record["run_id"], 0), record["gen"])
    return [
        Finding(
            path=run_id,
            problem=f"The state is of generation {runs[run_id].gen}, but the journal has seen {gen}: it went back.",
            action="believed as it is; what happened after it may be done again",
            repaired=False,
        )
        for run_id, gen in seen.items()
        if run_id in runs and runs[run_id].gen < gen
    ]


def _orphans(
    layout: Layout, clock: Clock, runs: dict[str, Stored[RunRecord]], batches: set[str], repair: bool
) -> Iterator[Finding]:
    """Runs whose batch was never written: their submission was not acknowledged to anybody."""
    for run_id, stored in runs.items():
        run = stored.value
        if run.batch_id in batches or abs(clock.now() - run.created_at) < _SUBMISSION:
            continue
        path = layout.run_state(run_id)
        problem = f"Its batch {run.batch_id} was never written: the submission was cut off and not acknowledged."
        action = "left; it is never run"
        if repair:
            with Lock(layout.state_lock(run_id), named=False).holding(_LOCK_S), files.explained(f"checking {path}"):
                for file in (Path(f"{path}.prev"), path):  # in this order a crash between leaves an orphan again
                    if file.exists():
                        action = f"moved to {move_to_quarantine(layout, clock, file, problem).name}"
        yield Finding(path=str(path), problem=problem, action=action, repaired=repair)


def _missing_results(artifacts: Artifacts, runs: dict[str, Stored[RunRecord]]) -> Iterator[Finding]:
    """Committed stages whose published result is not there; the service makes it again, this only tells."""
    known: dict[tuple[str, str], bool] = {}
    for run_id, stored in runs.items():
        for stage, state in stored.value.stages.items():
            if state.status != StageStatus.COMMITTED or state.key is None:
                continue
            place = (stage, state.key)
            if place not in known:
                known[place] = artifacts.receipt(*place) is not None
            if not known[place]:
                yield Finding(
                    path=run_id,
                    problem=f"The result of its stage {stage} is not there any more.",
                    action=f"`retry {run_id} --from {stage}` makes it again",
                    repaired=False,
                )


def _lines(layout: Layout, clock: Clock, path: Path, lock_path: Path, repair: bool) -> Iterator[Finding]:
    """Damaged lines of a file of checksummed lines; repaired by a copy of the good ones, the damaged file is kept."""
    with files.explained(f"checking {path}"):
        damaged = files.scan_crc_lines(path.read_bytes()).damaged
    if not damaged:
        return
    lock = Lock(lock_path, named=False)
    if not repair or not lock.acquire(_LOCK_S):
        yield _damaged_lines(path, damaged, "ignored by every reader", repaired=False)
        return
    try:
        with files.explained(f"checking {path}"):
            lines = files.scan_crc_lines(path.read_bytes())
            copy = path.with_name(f"{path.name}.whole")
            files.write_temporary(copy, b"".join(files.crc_line(record) for record in lines.records))
            kept = keep_in_quarantine(layout, clock, path, f"damaged lines {lines.damaged}")
            copy.replace(path)
            files.fsync_folder(path.parent)
    finally:
        lock.release()
    yield _damaged_lines(path, lines.damaged, f"kept as {kept.name}; its good lines are in place", repaired=True)


def _damaged_lines(path: Path, numbers: list[int], action: str, *, repaired: bool) -> Finding:
    which = ", ".join(map(str, numbers[:5])) + ("…" if len(numbers) > 5 else "")
    kind = "units, which are made again" if path.name == "units.jsonl" else "events of the history"
    problem = f"{len(numbers)} of its lines ({which}) are not what was written: {kind}."
    return Finding(path=str(path), problem=problem, action=action, repaired=repaired)


def _left_overs(layout: Layout, repair: bool) -> Iterator[Finding]:
    """What writes that were cut off left behind, where nobody holds the lock under which they are made."""
    for folder in (layout.state, layout.batches, layout.exports):
        with files.explained(f"listing {folder}"):
            paths = sorted(folder.glob("*.tmp"))
        for path in paths:
            record_id = path.name.split(".")[0]
            if record_id == "pool" or is_id(record_id):
                yield from _left_over(path, layout.state_lock(record_id), repair)
    plain = {layout.templates: layout.templates_lock(), layout.people: layout.templates_lock()}
    for folder, lock in {**plain, layout.archive: layout.cleanup_lock()}.items():
        with files.explained(f"listing {folder}"):
            paths = sorted(folder.glob("*.json.tmp"))
        for path in paths:
            yield from _left_over(path, lock, repair)
    for path in keyed(layout.work_root, "*/*/tmp.*"):
        yield from _left_over(path, layout.key_lock(path.parent.parent.name, path.parent.name), repair)


def _left_over(path: Path, lock_path: Path, repair: bool) -> Iterator[Finding]:
    lock = Lock(lock_path, named=False)
    if not lock.acquire():
        return  # somebody is just making it
    try:
        if path.exists() and repair:
            with files.explained(f"removing {path}"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        lock.release()
    problem = "A write was cut off here; what it wanted to replace is whole."
    yield Finding(path=str(path), problem=problem, action="removed" if repair else "ignored", repaired=repair)
