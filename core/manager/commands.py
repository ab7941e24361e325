"""What people and programs may ask for: every command becomes durable intent, whoever gives it, service or not."""

from contextlib import suppress

import msgspec

from core.domain.access import Scope
from core.domain.batch import Pause, PoolRecord
from core.domain.batch_commands import joined
from core.domain.errors import BadInput, Refused
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, Phase, Want
from core.manager.batch_commands import BatchCommands
from core.manager.breakers import reset_breaker
from core.manager.desk import LATER, Done, said
from core.manager.run_commands import is_stalled

__all__ = ["LATER", "Commands", "Done", "is_settled"]


class Commands(BatchCommands):
    """The verbs of the outside contract, for one caller: of runs, of batches, and here of the pool and of many runs."""

    def pool(self, verb: str, *, by: str, why: str = "", drain: bool = False) -> Done:
        """`pause` or `resume` the whole pool, for all owners; needs no service, since nothing moves without one.

        Raises `NotAllowed` for who is no administrator: it holds other people's work.
        """
        self._gate.need(Scope.ADMIN, f"{verb} everything")
        if verb not in ("pause", "resume"):
            raise BadInput(f"There is no command “{verb}” for everything.", hint="There are pause and resume.")
        changed = False

        def change(pool: PoolRecord) -> PoolRecord:
            nonlocal changed
            now = self._clock.now()
            asked = Pause(by=by, why=why, at=now, drain=drain)
            pause = joined(pool.pause, asked) if verb == "pause" else None
            changed = pause is not pool.pause
            return msgspec.structs.replace(pool, pause=pause, updated_at=now) if changed else pool

        after = self._writer.pool(change, command=verb, actor=by, data=said(why=why, drain=drain))
        phase = "paused" if after.pause is not None else "running"
        return Done(id="pool", phase=phase, intent=verb, changed=changed, applied=True)

    def stop_all(self, *, by: str, why: str = "") -> list[Done]:
        """Stop every running run of this caller. Raises `NotAllowed`."""
        self._gate.need(Scope.OPERATE, "stop")
        runs, _, _ = self._index.snapshot()
        mine = [run for run in runs.values() if run.phase == Phase.RUNNING and run.owner == by]
        return self._each(mine, "stop", by, why)

    def recover_all(self, *, by: str, why: str = "") -> list[Done]:
        """Recover every run that is stalled, of those there are for this caller. Raises `NotAllowed`."""
        self._gate.need(Scope.OPERATE, "recover")
        runs, _, _ = self._index.snapshot()
        return self._each([run for run in runs.values() if is_stalled(run)], "recover", by, why)

    def breaker_reset(self, name: str, *, by: str) -> Done:
        """Close the breaker `name` on somebody's word: what it held goes on. Raises `NotFound` when nothing is in trouble.

        Raises `NotAllowed` for who is no administrator: others wait for the same.
        """
        self._gate.need(Scope.ADMIN, "breaker reset")
        reset_breaker(self._index, self._writer, name, by=by)
        return Done(id=name, phase="closed", intent="reset", changed=True, applied=True)

    def _each(self, runs: list[RunRecord], verb: str, by: str, why: str) -> list[Done]:
        done: list[Done] = []
        for run in runs:
            with suppress(Refused):  # it ended, or went on, while the others were being written
                done.append(self.run(run.run_id, verb, by=by, why=why))
        return done


def is_settled(runs: list[RunRecord]) -> bool:
    """Whether nothing of these runs will move by itself any more."""
    return all(
        (run.phase in TERMINAL and not run.intent.again)
        or (run.phase == Phase.PAUSED and run.intent.want == Want.PAUSE)
        for run in runs
    )
