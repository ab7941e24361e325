import pytest
from msgspec.structs import replace

from core.domain.flags import flags
from core.domain.run import Intent, RunRecord, Verdict
from core.domain.states import Phase, Want
from tests.support.records import NOW, a_run

WORKING = a_run(Phase.RUNNING, working="transcribe")


def found(kind: str, run: RunRecord) -> RunRecord:
    return replace(run, verdict=Verdict(kind=kind, attempt="a_1", at=NOW, message="So."))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["stalled", "slow"])
def test_what_the_service_found_about_an_attempt_is_a_flag_while_that_is_worked_on(kind: str) -> None:
    assert flags(found(kind, WORKING)) == (kind,)
    assert flags(found(kind, replace(WORKING, intent=Intent(want=Want.PAUSE, drain=True)))) == (kind,)


@pytest.mark.parametrize(
    "run",
    [
        a_run(),
        a_run(Phase.PAUSED, Want.PAUSE, working="transcribe"),
        a_run(Phase.RUNNING, Want.PAUSE, working="transcribe"),
        a_run(Phase.RUNNING),
        a_run(Phase.RETRY_WAIT),
        replace(WORKING, attempts=[replace(WORKING.attempts[0], id="a_2")]),
    ],
)
def test_who_waits_or_is_paused_is_never_stalled_or_slow(run: RunRecord) -> None:
    assert flags(found("stalled", run)) == flags(found("slow", run)) == ()


def test_resumed_and_adopted_are_told_whatever_the_phase() -> None:
    assert flags(a_run(resumed=True, adopted=True)) == ("resumed", "adopted")
