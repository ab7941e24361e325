"""Whose an artifact or a piece of work is: what may go away with some runs, because no other run needs it."""

from collections.abc import Collection, Iterator, Mapping

from core.domain.run import RunRecord
from core.domain.states import Phase
from core.manager.index import Index
from core.store.artifacts import Artifacts
from core.store.layout import Layout, keyed
from core.store.progress import read_progress
from core.system import files

Place = tuple[str, str]  # stage and key
# What a result is made of: the space of a run, and the content of each result that was read.
Origins = set[str]


class Needs:
    """What all runs but some need, as it is known now, and what is `held` besides, by exports."""

    def __init__(
        self,
        index: Index,
        layout: Layout,
        artifacts: Artifacts,
        without: Collection[str],
        held: Collection[Place] = (),
    ) -> None:
        runs, batches, _ = index.everything()
        others = [run for run_id, run in runs.items() if run_id not in without]
        self._layout = layout
        self._named: set[Place] = {place for run in others for place in named_by(run)} | set(held)
        self._attempts = {attempt.id for run in others for attempt in run.attempts}
        # A run that is being worked on may be finding a result under its key just now, and has not noted it yet.
        at_work = [run for run in others if run.open_attempt is not None or run.phase == Phase.RUNNING]
        self._origins: Origins = {run.space_id for run in at_work}
        for run in at_work:
            receipts = (artifacts.receipt(name, stage.key) for name, stage in run.stages.items() if stage.key)
            self._origins |= {receipt.content for receipt in receipts if receipt is not None}
        members = {member.run_id: member.space_id for batch in batches.values() for member in batch.members}
        damaged = [record_id for record_id in index.damaged if record_id.startswith("r_") and record_id not in without]
        self._origins |= {members[run_id] for run_id in damaged if run_id in members}
        self._blind = any(run_id not in members for run_id in damaged) or any(
            record_id.startswith("b_") for record_id in index.damaged
        )

    def needed(self, place: Place, origins: Origins) -> bool:
        """Whether some other run needs, or may need, what is made of these under this key."""
        if self._blind or place in self._named or not self._origins.isdisjoint(origins):
            return True
        return not self._attempts.isdisjoint(attempts_on(self._layout, place))


def named_by(run: RunRecord) -> set[Place]:
    """The results that the record of a run names."""
    places = {(name, stage.key) for name, stage in run.stages.items() if stage.key is not None}
    stage, _, key = (run.waits_for or "").partition("/")
    return places | ({(stage, key)} if key else set())


def made_by(runs: Mapping[str, RunRecord], layout: Layout, artifacts: Artifacts) -> dict[Place, Origins]:
    """Every result and piece of work of these runs, also of former rounds, each with what it was made of.

    What a record does not name any more is told by the receipts and units: they carry the attempt that made them.
    """
    places: dict[Place, Origins] = {}
    by_attempt = {attempt.id: run for run in runs.values() for attempt in run.attempts}
    for run in runs.values():
        told = read_progress(layout, run.run_id) or {}
        told_of = {(str(told["stage"]), str(told["key"]))} if told.get("attempt") in by_attempt else set()
        for place in named_by(run) | told_of:
            places.setdefault(place, set()).add(run.space_id)
    for place in artifacts.published():
        receipt = artifacts.receipt(*place)
        if receipt is not None and receipt.attempt in by_attempt:
            places.setdefault(place, set()).add(by_attempt[receipt.attempt].space_id)
        if receipt is not None and place in places:
            places[place].update(receipt.inputs.values())
    for folder in keyed(layout.work_root, "*/*"):
        place = (folder.parent.name, folder.name)
        for attempt_id in attempts_on(layout, place):
            if attempt_id in by_attempt:
                places.setdefault(place, set()).add(by_attempt[attempt_id].space_id)
    return places


def attempts_on(layout: Layout, place: Place) -> Iterator[str]:
    """The attempts that worked on a key, as its units tell."""
    units = layout.work(*place) / "units.jsonl"
    with files.explained(f"reading {units}"):
        for line in files.read_crc_lines(units):
            yield str(line.get("takeover") or line.get("attempt") or "")
