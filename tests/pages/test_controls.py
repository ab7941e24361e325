"""Every control: what is offered, what it asks first, what it writes, and how it is taken back."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, MenuButton

from core.api.process import current
from core.domain.batch import Pause
from core.domain.errors import ErrorClass
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase, Want
from tests.pages.reading import components, html, press, rows, tell, toasts, told
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]


def stored(case: Showcase, run: RunRecord) -> RunRecord:
    """The run as its file has it."""
    return case.store.runs.get(run.run_id).value


def menu(page: AppTest, id_: str, verb: str) -> MenuButton[Any]:
    """The menu of a run or batch with this command chosen in it, not sent yet."""
    return page.menu_button(key=f"more-{id_}").set_value(verb)


def confirmed(page: AppTest, opener: Button | MenuButton[Any], answer: str) -> AppTest:
    """Open a dialog and press the button with the key `answer` in it: the test runner draws a dialog only in one turn."""
    if isinstance(opener, Button):
        opener.click()
    page.button(key=answer).click()
    page.run()
    assert not page.exception, page.exception
    return page


def choose(page: AppTest, key: str, verb: str) -> AppTest:
    """Choose a command from the menu with this key."""
    page.menu_button(key=key).click(verb).run()
    return page


def verbs_of(row: dict[str, list[list[str]]]) -> tuple[list[str], list[str]]:
    """The commands of a row: those shown, and those in its menu."""
    return [verb for verb, *_ in row["actions"]], [verb for verb, *_ in row["more"]]


# --- pause -----------------------------------------------------------------------------------------------------------


def test_a_pause_can_have_a_reason_and_wait_for_the_end_of_the_stage(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.RUNNING)
    drawn = page("run.py", run=run.run_id)
    drawn.text_input(key=f"why-{run.run_id}-0").input("cookies expired").run()
    drawn.button(key=f"drain-why-{run.run_id}").click().run()
    intent = stored(case, run).intent
    assert (intent.want, intent.drain, intent.why) == (Want.PAUSE, True, "cookies expired")


def test_a_queued_run_has_no_stage_that_a_pause_could_wait_for(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk")
    drawn = page("run.py", run=run.run_id)
    assert f"drain-why-{run.run_id}" not in {button.key for button in drawn.button}


def test_a_batch_and_the_pool_are_paused_with_the_reason_that_was_typed(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Talk", Phase.RUNNING)
    for id_ in (batch, "pool"):
        drawn = page("batches.py", batch=batch)
        drawn.text_input(key=f"why-{id_}-0").input("the disk is being changed").run()
        drawn.button(key=f"pause-why-{id_}").click().run()
        assert not drawn.exception
    pause = case.store.batches.get(batch).value.pause
    assert pause is not None
    assert (pause.why, pause.drain) == ("the disk is being changed", False)
    whole = case.store.pool.get("pool").value.pause
    assert whole is not None
    assert whole.why == "the disk is being changed"
    assert "the disk is being changed" in html(page())


# --- what ends something is asked first, what loses nothing can be undone ----------------------------------------------


@pytest.mark.parametrize("verb", ["stop", "cancel"])
def test_stopping_and_cancelling_say_what_is_lost_before_they_do_it(case: Showcase, page: Open, verb: str) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.RUNNING, done=1)
    drawn = page("run.py", run=run.run_id)
    drawn.button(key=f"{verb}-{run.run_id}").click().run()
    assert stored(case, run).intent.want == Want.RUN
    assert any("the piece being worked on is lost" in said.value for said in drawn.markdown)
    assert any("What is finished stays: download." in said.value for said in drawn.caption)
    confirmed(drawn, drawn.button(key=f"{verb}-{run.run_id}"), f"confirm-{verb}-{run.run_id}")
    assert stored(case, run).intent.want == verb


def test_a_skipped_run_is_taken_in_again_by_undo(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk")
    drawn = page("run.py", run=run.run_id)
    press(drawn, "Skip")
    assert stored(case, run).intent.want == Want.SKIP
    offer = told(drawn, "notice")
    assert (offer["said"], offer["label"]) == ("Skipped: Talk", "Undo")
    tell(drawn, "notice", "undo", offer["token"])
    assert stored(case, run).intent.want == Want.RUN
    assert not components(drawn.run(), "notice")


def test_an_undo_works_once_and_one_of_another_offer_not_at_all(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk")
    drawn = page("run.py", run=run.run_id)
    press(drawn, "Skip")
    tell(drawn, "notice", "undo", "something else")
    assert stored(case, run).intent.want == Want.SKIP


def test_a_deleted_batch_is_brought_back_by_undo_and_from_the_list_of_the_deleted(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks", BatchPhase.COMPLETED, outcome="success")
    case.run(batch, "Talk", Phase.COMPLETED)
    drawn = choose(page("batches.py", batch=batch), f"more-{batch}", "delete")
    assert case.store.batches.get(batch).value.phase == BatchPhase.DELETED
    assert "everything made is still there" in html(drawn)
    tell(drawn, "notice", "undo", told(drawn, "notice")["token"])
    assert case.store.batches.get(batch).value.phase == BatchPhase.COMPLETED
    choose(page("batches.py", batch=batch), f"more-{batch}", "delete")
    listed = page("batches.py")
    assert not rows(listed, "Batches")
    listed.session_state["bin"] = True
    press(listed.run(), "Restore")
    assert case.store.batches.get(batch).value.phase == BatchPhase.COMPLETED


def test_deleting_for_good_needs_a_second_word_and_names_what_is_lost(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks", BatchPhase.COMPLETED, outcome="success")
    case.run(batch, "One", Phase.COMPLETED)
    case.run(batch, "Two", Phase.COMPLETED)
    drawn = choose(page("batches.py", batch=batch), f"more-{batch}", "erase")
    assert any(
        "2 runs of 1 min 52 s of recordings are deleted, with 2 transcripts and 2 summaries." in said.value
        for said in drawn.markdown
    )
    assert drawn.button(key=f"confirm-erase-{batch}").disabled
    drawn.session_state[f"sure-erase-{batch}"] = True
    choose(drawn, f"more-{batch}", "erase")
    confirmed(drawn, menu(drawn, batch, "erase"), f"confirm-erase-{batch}")
    assert batch not in case.store.batches.ids()
    assert not case.store.runs.ids()


def test_the_only_run_of_a_batch_cannot_be_removed_and_one_of_two_can(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    first = case.run(batch, "One")
    assert "remove" not in page("run.py", run=first.run_id).menu_button(key=f"more-{first.run_id}").options
    case.run(batch, "Two")
    current().manager.storage.index.load()
    drawn = choose(page("run.py", run=first.run_id), f"more-{first.run_id}", "remove")
    assert not stored(case, first).removed
    confirmed(drawn, menu(drawn, first.run_id, "remove"), f"confirm-remove-{first.run_id}")
    assert stored(case, first).removed


# --- once more -------------------------------------------------------------------------------------------------------


def test_a_stage_is_made_again_with_other_settings(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    drawn = press(page("run.py", run=run.run_id), "Make again…")
    drawn.selectbox(key="again-from").select("transcribe")
    drawn.selectbox(key="language-again").select("de")
    confirmed(drawn, drawn.button(key=f"again-{run.run_id}"), "apply-again")
    intent = stored(case, run).intent
    assert (intent.again, intent.from_stage, intent.changes) == (True, "transcribe", {"language": "de"})


def test_a_stalled_run_is_recovered_from_its_row_and_all_of_them_with_one_press(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    runs = [case.stalls(case.run(batch, f"Stuck {number}", Phase.RUNNING, done=1)) for number in range(3)]
    drawn = page()
    row = rows(drawn, "Needs attention")[0]
    assert verbs_of(row)[0] == ["recover", "stop"]
    tell(drawn, "rows", "act", {"id": row["id"], "verb": "recover", "version": row["version"]}, label="Needs attention")
    first = next(run for run in runs if run.run_id == row["id"])
    assert stored(case, first).intent.recover == first.attempts[-1].id
    drawn.button(key="recover-all-overview").click().run()
    assert all(stored(case, run).intent.recover == run.attempts[-1].id for run in runs)
    assert "2 runs recovering" in toasts(drawn)


def test_nothing_is_recovered_where_nothing_stalls(case: Showcase, page: Open) -> None:
    case.run(case.batch("Talks"), "Talk", Phase.RUNNING)
    assert page().button(key="recover-all-overview").disabled


# --- batches ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_renamed_described_and_given_another_pace_and_priority(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Talk")
    drawn = press(page("batches.py", batch=batch), "Edit…")
    drawn.text_input(key="edit-name").input("Lectures")
    drawn.text_area(key="edit-description").input("For the library")
    drawn.slider(key="edit-concurrency").set_value(1)
    drawn.slider(key="edit-priority").set_value(9)
    drawn.selectbox(key="model-edit").select("tiny")
    confirmed(drawn, drawn.button(key=f"edit-{batch}"), "apply-edit")
    now = case.store.batches.get(batch).value
    assert (now.name, now.description, now.concurrency, now.priority) == ("Lectures", "For the library", 1, 9)
    assert now.settings.model == "tiny"
    assert "For the library" in html(drawn)


def test_what_a_batch_cannot_be_called_is_said_and_nothing_is_changed(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Talk")
    drawn = press(page("batches.py", batch=batch), "Edit…")
    drawn.text_input(key="edit-name").input("   ")
    confirmed(drawn, drawn.button(key=f"edit-{batch}"), "apply-edit")
    assert "The name is empty" in toasts(drawn)
    assert case.store.batches.get(batch).value.name == "Talks"


def test_a_batch_that_paused_itself_names_cause_and_runs_and_resumes_with_a_retry_of_them(
    case: Showcase, page: Open
) -> None:
    batch = case.batch("Talks")
    failed = [case.fails(batch, f"Talk {number}", ErrorClass.FORBIDDEN, "Refused (403).") for number in range(5)]
    pause = Pause(
        reason="auto", by="service", why="5 runs failed, all with: Refused (403).", runs=[run.run_id for run in failed]
    )
    case.change_batch(batch, phase=BatchPhase.PAUSED, pause=pause)
    current().manager.storage.index.load()
    for name, address in (("overview.py", {}), ("batches.py", {"batch": batch}), ("queue_page.py", {})):
        drawn = page(name, **address)
        assert "Talks paused itself" in html(drawn)
        assert "all with: Refused (403)." in html(drawn)
        assert [row["title"] for row in rows(drawn, "Failed runs of Talks")] == [
            f"Talk {number}" for number in range(5)
        ]
    press(drawn, "Resume")
    assert case.store.batches.get(batch).value.phase == BatchPhase.RUNNING
    assert all(stored(case, run).intent.again for run in failed)


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "shown", "menu"),
    [
        (Phase.QUEUED, ["pause"], ["priority", "skip", "stop", "cancel", "remove"]),
        (Phase.RUNNING, ["pause"], ["drain", "stop", "cancel"]),
        (Phase.FAILED, ["retry"], ["again", "skip"]),
        (Phase.COMPLETED, [], ["again"]),
    ],
)
def test_a_row_offers_one_thing_and_the_rest_in_its_menu(
    case: Showcase, page: Open, phase: Phase, shown: list[str], menu: list[str]
) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Talk", phase)
    case.run(batch, "Other")
    assert verbs_of(rows(page("batches.py", batch=batch), "Runs")[0]) == (shown, menu)


def test_a_command_on_a_run_that_ended_meanwhile_says_so(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    run = case.run(batch, "Talk", Phase.RUNNING)
    drawn = page("batches.py", batch=batch)
    case.change(run, phase=Phase.COMPLETED, completed_at=case.clock.now())
    current().manager.storage.index.load()
    tell(drawn, "rows", "act", {"id": run.run_id, "verb": "pause", "version": "seen"}, label="Runs")
    assert f"Run {run.run_id} is completed; it cannot be paused." in toasts(drawn).replace("\\", "")
