"""What attempts tell of the world outside is kept in the breakers of the pool's record, which outlive the service."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypedDict

from msgspec.structs import replace

from core.config import Config
from core.domain.batch import PoolRecord
from core.domain.breaker import Breaker, Limits, answered, failed, fault_of
from core.domain.errors import ErrorClass, NotFound, RepriseError
from core.domain.retry import Fault
from core.domain.run import RunRecord
from core.domain.settings import Settings
from core.manager.index import Index
from core.manager.writer import Writer
from core.runner.outcome import Committed, Failed, Outcome, Playlist
from core.stages.catalog import Catalog
from core.system.clock import Clock
from core.system.logs import Log

log = Log("manager")


class _Told(TypedDict, total=False):
    began: datetime
    probe: tuple[str, ...]


def limits_in(config: Config) -> Limits:
    """When a breaker opens and for how long, as it is configured."""
    return Limits(failures=config.breaker_failures, open_s=config.breaker_open_s, give_up_s=config.rate_limit_give_up_s)


class Breakers:
    """Judges the outcomes of attempts; `jitter` gives 0 to 1."""

    def __init__(
        self,
        *,
        index: Index,
        writer: Writer,
        catalog: Catalog,
        clock: Clock,
        limits: Limits,
        jitter: Callable[[], float],
    ) -> None:
        self._index, self._writer, self._catalog, self._clock = index, writer, catalog, clock
        self._limits, self._jitter = limits, jitter

    def fault(self, run: RunRecord, outcome: Outcome) -> Fault:
        """Whose it is that the open attempt of `run` failed; its own for any other outcome."""
        if not isinstance(outcome, Failed):
            return "own"
        now, known = self._clock.now(), self._index.pool.breakers
        return fault_of(known, self._needs(run), outcome.error_class, now, self._limits.give_up_s)

    def heard(self, run: RunRecord, outcome: Outcome) -> None:
        """Note what the end of an attempt tells; `run` is the record in which it was still open.

        An attempt that found everything made already, or that was ended from outside, tells nothing.
        """
        needs = self._needs(run)
        match outcome:
            case Committed(reused=False) | Playlist():
                told = _attempt(run)
                change = partial(answered, names=needs, began=told.get("began"), probe=told.get("probe", ()))
            case Failed():
                change = partial(self._failed, run=run, needs=needs, failure=outcome, jitter=self._jitter())
            case _:
                return
        known = self._index.pool.breakers
        if not needs or change(known) == known:
            return
        try:
            self._writer.pool(lambda pool: _changed(pool, change))
        except (RepriseError, OSError) as error:  # the next attempt tells it again
            log.error("breaker_not_written", error=str(error))
            return
        self._tell(known, self._index.pool.breakers)

    def _failed(
        self,
        breakers: dict[str, Breaker],
        *,
        run: RunRecord,
        needs: tuple[str, ...],
        failure: Failed,
        jitter: float,
    ) -> dict[str, Breaker]:
        return failed(
            breakers,
            needs,
            failure.error_class,
            self._clock.now(),
            limits=self._limits,
            run_id=run.run_id,
            # Which tool is too old, or what else a person can do, is told by the remedy.
            message=f"{failure.message} {failure.hint}"
            if failure.error_class == ErrorClass.TOOLING
            else failure.message,
            **_attempt(run),
            asked_s=failure.retry_after_s,
            jitter=jitter,
        )

    def _needs(self, run: RunRecord) -> tuple[str, ...]:
        attempt = run.open_attempt
        if attempt is None:
            return ()
        return self._catalog.outside(attempt.stage, run.source, run.settings or Settings())

    def _tell(self, before: dict[str, Breaker], after: dict[str, Breaker]) -> None:
        """Journal what was opened, opened again, or closed."""
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            was, until = old.until if old is not None else None, new.until if new is not None else None
            if until is not None and until != was:
                said = {"name": name, "open_s": new.open_s if new else 0.0, "why": new.why if new else ""}
                self._writer.note("breaker.opened", data=said)
            elif until is None and was is not None:
                self._writer.note("breaker.closed", data={"name": name})


def _attempt(run: RunRecord) -> _Told:
    """When the open attempt began, and whose trial it was."""
    attempt = run.open_attempt
    if attempt is None:
        return {}
    return {"began": attempt.started_at, "probe": tuple(attempt.probe.split()) if attempt.probe else ()}


def reset_breaker(index: Index, writer: Writer, name: str, *, by: str) -> None:
    """Close the breaker `name` on somebody's word: what it held goes on at once. Raises `NotFound`; audited."""
    known = index.pool.breakers
    if name not in known:
        raise NotFound(
            f"Nothing called “{name}” is in trouble.",
            hint=f"In trouble are {', '.join(sorted(known))}." if known else "./reprise queue shows what is.",
        )
    writer.pool(lambda pool: _changed(pool, partial(answered, names=(name,))))
    writer.note("command.breaker_reset", actor=by, data={"name": name})


def _changed(pool: PoolRecord, change: Callable[[dict[str, Breaker]], dict[str, Breaker]]) -> PoolRecord:
    after = change(pool.breakers)
    return pool if after == pool.breakers else replace(pool, breakers=after)
