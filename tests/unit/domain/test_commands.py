from typing import Any

import pytest
from msgspec.structs import replace

from core.domain.commands import REMEMBERED_COMMANDS, VERBS, prioritise, request
from core.domain.errors import BadInput, Refused
from core.domain.run import Intent, RunRecord, Verdict
from core.domain.states import TERMINAL, WAITING, Phase, Want
from tests.support.records import NOW, a_run

# For each verb the phases, with the intent a run usually has there, in which it is accepted; else it is refused.
POSSIBLE = {
    "pause": "queued running retry_wait paused",
    "resume": "receiving queued running retry_wait paused",
    "stop": "queued running retry_wait paused",
    "cancel": "receiving queued running retry_wait paused cancelled",
    "skip": "queued retry_wait paused failed skipped",
    "unskip": "receiving queued running retry_wait skipped",
    "retry": "failed cancelled",
    "remove": "receiving queued",
}
USUAL = {Phase.PAUSED: Want.PAUSE, Phase.CANCELLED: Want.CANCEL, Phase.SKIPPED: Want.SKIP}


def ask(run: RunRecord, verb: str, **fields: Any) -> RunRecord:
    return request(run, verb, NOW, by="bob", **fields)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("verb", POSSIBLE)
def test_a_command_is_accepted_exactly_where_it_makes_sense(verb: str, phase: Phase) -> None:
    run = a_run(phase, USUAL.get(phase, Want.RUN))
    if phase in POSSIBLE[verb].split():
        assert ask(run, verb).phase == phase, "a command moves no phase"
    else:
        with pytest.raises(Refused, match=f"is {phase}"):
            ask(run, verb)


@pytest.mark.parametrize("phase", sorted(TERMINAL))
def test_every_ended_run_can_be_made_again_from_a_stage(phase: Phase) -> None:
    run = ask(a_run(phase), "retry", from_stage="quotes")
    assert (run.intent.again, run.intent.from_stage, run.phase) == (True, "quotes", phase)


def test_a_completed_run_is_not_simply_retried_and_the_hint_says_how() -> None:
    with pytest.raises(Refused) as caught:
        ask(a_run(Phase.COMPLETED), "retry")
    assert "--from" in caught.value.hint


def test_a_command_says_who_wanted_what_when_and_why() -> None:
    run = request(a_run(), "pause", NOW, by="bob", why="backup")
    assert run.intent == Intent(want=Want.PAUSE, by="bob", why="backup", at=NOW)


@pytest.mark.parametrize("verb", ["pause", "stop", "cancel", "skip"])
def test_a_command_given_twice_changes_nothing_the_second_time(verb: str) -> None:
    once = ask(a_run(), verb)
    assert ask(once, verb) is once


def test_a_command_with_the_same_key_acts_once_however_late_it_is_repeated() -> None:
    paused = ask(a_run(), "pause", key="k1")
    resumed = ask(paused, "resume", key="k2")
    assert ask(resumed, "pause", key="k1") is resumed


def test_a_key_is_remembered_even_if_there_was_nothing_to_do() -> None:
    already = ask(ask(a_run(), "pause"), "pause", key="k1")
    assert ask(ask(already, "resume"), "pause", key="k1").intent.want == Want.RUN


def test_the_latest_keys_are_remembered() -> None:
    run = a_run()
    for number in range(REMEMBERED_COMMANDS + 5):
        run = ask(run, "pause" if number % 2 else "resume", key=f"k{number}")
    assert len(run.commands) == REMEMBERED_COMMANDS
    assert run.commands[-1] == f"k{REMEMBERED_COMMANDS + 4}"


STRONGER = [
    ("cancel", "skip"),
    ("cancel", "pause"),
    ("stop", "pause"),
    ("stop", "skip"),
    ("skip", "pause"),
]


@pytest.mark.parametrize(("first", "second"), STRONGER)
def test_a_weaker_command_does_not_undo_a_stronger_one_that_is_not_carried_out_yet(first: str, second: str) -> None:
    run = ask(a_run(), first)
    with pytest.raises(Refused, match="any more"):
        ask(run, second)
    with pytest.raises(Refused, match="any more"):
        ask(run, "resume")
    assert ask(ask(a_run(), second), first).intent.want == ask(a_run(), first).intent.want


def test_a_stop_of_a_run_that_is_being_cancelled_has_nothing_to_do() -> None:
    run = ask(a_run(), "cancel")
    assert ask(run, "stop") is run


def test_a_skip_not_carried_out_yet_can_be_withdrawn() -> None:
    assert ask(ask(a_run(), "skip"), "unskip").intent.want == Want.RUN


def test_a_retry_that_has_not_begun_can_be_cancelled() -> None:
    run = ask(ask(a_run(Phase.CANCELLED, Want.CANCEL), "retry"), "cancel")
    assert (run.intent.want, run.intent.again) == (Want.CANCEL, False)


def test_a_second_retry_with_other_wishes_replaces_the_first() -> None:
    run = ask(a_run(Phase.FAILED), "retry")
    assert ask(run, "retry") is run
    assert ask(run, "retry", changes={"model": "tiny"}).intent.changes == {"model": "tiny"}


def test_a_retry_from_a_stage_that_there_is_not_is_bad_input() -> None:
    with pytest.raises(BadInput, match="translate"):
        ask(a_run(Phase.FAILED), "retry", from_stage="translate")


def test_a_retry_with_a_setting_that_there_is_not_is_bad_input_at_once() -> None:
    with pytest.raises(BadInput, match="modle"):
        ask(a_run(Phase.FAILED), "retry", changes={"modle": "tiny"})


def test_a_verb_that_there_is_not_is_bad_input() -> None:
    with pytest.raises(BadInput, match="dance"):
        ask(a_run(), "dance")


def test_a_run_that_is_to_be_retried_is_not_yet_resumed() -> None:
    run = replace(a_run(Phase.FAILED), intent=Intent(again=True))
    with pytest.raises(Refused, match="failed"):
        ask(run, "resume")


# --- a pause that drains ----------------------------------------------------------------------------------------


def test_a_pause_for_now_replaces_one_that_drains_and_not_the_other_way_round() -> None:
    running = a_run(Phase.RUNNING, working="transcribe")
    draining = ask(running, "pause", drain=True, why="lunch")
    assert (draining.intent.want, draining.intent.drain) == (Want.PAUSE, True)
    assert ask(draining, "pause", drain=True) is draining
    now = ask(draining, "pause")
    assert (now.intent.want, now.intent.drain, now.intent.why) == (Want.PAUSE, False, "lunch")
    assert ask(now, "pause", drain=True) is now


def test_a_run_that_is_paused_is_so_however_it_came_there() -> None:
    paused = replace(ask(a_run(), "pause", drain=True), phase=Phase.PAUSED)
    assert ask(paused, "pause") is paused


def test_nothing_but_a_pause_drains() -> None:
    assert not ask(a_run(), "stop", drain=True).intent.drain


# --- recover ----------------------------------------------------------------------------------------------------


def stalled(**fields: Any) -> RunRecord:
    verdict = Verdict(kind="stalled", attempt="a_1", at=NOW, message="No new unit for 5 min.")
    return a_run(Phase.RUNNING, working="transcribe", verdict=verdict, **fields)


def test_a_stalled_run_is_recovered_by_naming_the_attempt_that_is_to_end() -> None:
    after = ask(stalled(), "recover", why="it hangs")
    assert after.intent == replace(stalled().intent, recover="a_1")
    assert ask(after, "recover") is after


@pytest.mark.parametrize("drain", [True, False])
def test_a_recovery_takes_back_no_pause_and_not_its_reason(drain: bool) -> None:
    pause = Intent(want=Want.PAUSE, by="ana", why="meeting", at=NOW, drain=drain)
    assert ask(stalled(intent=pause), "recover", why="it hangs").intent == replace(pause, recover="a_1")


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (a_run(), "is queued; it cannot be recovered"),
        (a_run(Phase.PAUSED, Want.PAUSE), "is paused; it cannot be recovered"),
        (a_run(Phase.COMPLETED), "is completed; it cannot be recovered"),
        (a_run(Phase.RUNNING, working="transcribe"), "is running transcribe and makes progress; it is not stalled"),
        (a_run(Phase.RUNNING), "is between two stages; it is not stalled"),
        (stalled(intent=Intent(want=Want.STOP)), "is being stopped; it cannot be recovered any more"),
        (
            replace(stalled(), verdict=Verdict(kind="stalled", attempt="a_0", at=NOW, message="")),
            "makes progress; it is not stalled",
        ),
        (
            replace(stalled(), verdict=Verdict(kind="slow", attempt="a_1", at=NOW, message="")),
            "is running transcribe, slowly, and makes progress",
        ),
    ],
)
def test_a_run_that_is_not_stalled_is_not_recovered_and_the_refusal_says_what_it_does(
    run: RunRecord, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        ask(run, "recover")


def test_the_next_attempt_that_stalls_is_recovered_again() -> None:
    before = ask(stalled(), "recover")
    attempt = replace(before.attempts[0], id="a_2")
    verdict = Verdict(kind="stalled", attempt="a_2", at=NOW, message="")
    assert ask(replace(before, attempts=[attempt], verdict=verdict), "recover").intent.recover == "a_2"


# --- remove -----------------------------------------------------------------------------------------------------


def test_a_removed_run_is_to_be_cancelled_and_takes_no_other_command() -> None:
    removed = ask(a_run(), "remove", why="twice")
    assert (removed.removed, removed.intent.want, removed.phase) == (True, Want.CANCEL, Phase.QUEUED)
    assert ask(removed, "remove") is removed
    for run in (removed, replace(removed, phase=Phase.CANCELLED)):
        for verb in (verb for verb in VERBS if verb != "remove"):
            with pytest.raises(Refused, match="was removed from its batch by bob"):
                ask(run, verb, from_stage="quotes" if verb == "retry" else None)
        with pytest.raises(Refused, match="was removed"):
            prioritise(run, 3, NOW)


def test_a_run_that_has_begun_is_not_removed() -> None:
    begun = a_run(working="download")
    with pytest.raises(Refused, match="has begun"):
        ask(replace(begun, phase=Phase.QUEUED), "remove")


# --- priority ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", Phase)
def test_a_run_has_a_priority_of_its_own_while_it_waits(phase: Phase) -> None:
    run = a_run(phase)
    if phase in WAITING:
        after = prioritise(run, "9", NOW)
        assert (after.priority, after.phase) == (9, phase)
        assert prioritise(after, 9, NOW) is after
    else:
        with pytest.raises(Refused, match=f"is {phase}; its priority cannot be changed"):
            prioritise(run, 9, NOW)
