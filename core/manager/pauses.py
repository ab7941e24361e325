"""How far a pause is: what still moves, and since when everything stands still."""

from collections.abc import Iterable
from typing import Any

import msgspec

from core.domain.batch import Pause, pause_over
from core.domain.display import InFlight, moves, pause_sentence, still_since
from core.domain.run import RunRecord
from core.domain.states import TERMINAL, Want
from core.manager.look import Look
from core.manager.measure import Measure
from core.system.clock import Clock, local, rfc3339


class Pauses:
    """Says what is shown of the pause of a run, a batch or the pool."""

    def __init__(self, measure: Measure, clock: Clock) -> None:
        self._measure, self._clock = measure, clock

    def of_run(self, run: RunRecord, look: Look) -> dict[str, Any] | None:
        """The pause that holds `run`: its own, else the strictest of those of the pool and its batch."""
        if run.phase in TERMINAL:
            return None
        intent = run.intent
        if intent.want == Want.PAUSE:
            return self.of(Pause(by=intent.by, why=intent.why, at=intent.at, drain=intent.drain), [run], look)
        pause = pause_over(look.situation.pool, look.situation.batches.get(run.batch_id))
        return self.of(pause, [run], look) if intent.want == Want.RUN else None

    def of(self, pause: Pause | None, runs: Iterable[RunRecord], look: Look) -> dict[str, Any] | None:
        """The pause as it is stored, and how far it is with `runs`.

        `since` is when the last of them stood still, null while one still moves; `sentence` says all of it in the time
        zone of this machine. Without a service nothing moves.
        """
        if pause is None:
            return None
        known = list(runs)
        flying = [self._flying(run) for run in known if moves(run)] if look.service_alive else []
        at = pause.at
        since = still_since(at, [run for run in known if not moves(run)]) if at is not None and not flying else None
        told: dict[str, Any] = msgspec.to_builtins(pause)
        return told | {
            "in_flight": [msgspec.to_builtins(one) for one in flying],
            "since": rfc3339(since) if since is not None else None,
            "sentence": pause_sentence(pause, flying, local(since) if since is not None else None, self._clock.now()),
        }

    def _flying(self, run: RunRecord) -> InFlight:
        stage = run.open_attempt.stage if run.open_attempt is not None else ""
        at_s, share = self._measure.place(run)
        return InFlight(run_id=run.run_id, title=run.title or run.source.value, stage=stage, at_s=at_s, share=share)
