"""The Queue page: the order and the reasons, moving a run, priorities, breakers, and what has changed meanwhile."""

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from core.api.process import current
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from tests.pages.reading import components, html, press, tell, toasts, told
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]


def waiting(page: AppTest) -> list[dict[str, Any]]:
    """The rows of the queue."""
    found: list[dict[str, Any]] = told(page, "queue")["rows"]
    return found


def titles(page: AppTest) -> list[str]:
    """What waits, in the order in which it starts."""
    return [row["title"] for row in waiting(page)]


def three(case: Showcase, **fields: Any) -> tuple[str, list[RunRecord]]:
    """A batch of three runs that wait."""
    batch = case.batch("Talks", **fields)
    return batch, [case.run(batch, name) for name in ("One", "Two", "Three")]


def move(page: AppTest, batch: str, seen: list[RunRecord], wanted: list[RunRecord]) -> AppTest:
    """What the browser says when somebody who saw this order dropped a run so that it becomes the other."""
    given = {"batch": batch, "seen": [run.run_id for run in seen], "ids": [run.run_id for run in wanted], "token": "t"}
    return tell(page, "queue", "order", given)


def test_an_empty_queue_teaches_in_which_order_it_goes(page: Open) -> None:
    drawn = page("queue_page.py")
    assert "Nothing waits" in html(drawn)
    assert "Priority first" in html(drawn)
    assert told(drawn, "queue")["none"]


def test_every_run_that_waits_has_a_place_and_one_reason(case: Showcase, page: Open) -> None:
    three(case)
    rows = waiting(page("queue_page.py"))
    assert [row["place"] for row in rows] == [1, 2, 3]
    assert all(row["why"] for row in rows)
    assert all(row["sub"].startswith("Talks") for row in rows)


def test_lanes_say_who_works_and_people_appear_as_soon_as_there_are_two(case: Showcase, page: Open) -> None:
    three(case)
    assert "rp-people" not in html(page("queue_page.py"))
    case.run(case.batch("Hikes", owner="local:ben"), "Ridge", owner="local:ben")
    current().manager.storage.index.load()
    current().hub.changed("pool", "pool")
    said = html(page("queue_page.py"))
    assert "0 of 2 workers busy · 4 waiting" in said
    assert '<th scope="row">ben</th>' in said


def test_a_run_is_moved_and_moved_back_by_undo(case: Showcase, page: Open) -> None:
    batch, (one, two, three_) = three(case)
    drawn = page("queue_page.py")
    move(drawn, batch, [one, two, three_], [three_, one, two])
    assert titles(drawn.run()) == ["Three", "One", "Two"]
    assert told(drawn, "notice")["said"] == "New order: Talks"
    tell(drawn, "notice", "undo", told(drawn, "notice")["token"])
    assert titles(drawn.run()) == ["One", "Two", "Three"]


def test_a_move_in_a_queue_that_has_changed_is_refused_in_a_sentence(case: Showcase, page: Open) -> None:
    batch, (one, two, three_) = three(case)
    drawn = page("queue_page.py")
    move(page("queue_page.py"), batch, [one, two, three_], [two, one, three_])
    move(drawn, batch, [one, two, three_], [three_, one, two])
    assert "The queue has changed meanwhile" in toasts(drawn)
    assert titles(drawn.run()) == ["Two", "One", "Three"]


def test_a_run_that_has_begun_meanwhile_is_not_moved(case: Showcase, page: Open) -> None:
    batch, (one, two, three_) = three(case)
    drawn = page("queue_page.py")
    case.change(one, phase=Phase.RUNNING)
    current().manager.storage.index.load()
    move(drawn, batch, [one, two, three_], [two, one, three_])
    assert "The queue has changed meanwhile" in toasts(drawn)
    assert case.store.batches.get(batch).value.order == []


def test_only_runs_of_one_batch_and_priority_change_places(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    for title, priority in (("One", None), ("Two", None), ("First", 9), ("Also five", 5)):
        case.run(batch, title, priority=priority)
    case.run(case.batch("Alone"), "Single")
    groups = {row["title"]: row["group"] for row in waiting(page("queue_page.py"))}
    assert groups["One"] == groups["Two"] == groups["Also five"] != ""
    assert groups["First"] == groups["Single"] == ""


def test_a_run_gets_a_priority_of_its_own_and_loses_it_by_undo(case: Showcase, page: Open) -> None:
    _, (*_, last) = three(case)
    drawn = page("queue_page.py")
    tell(drawn, "queue", "priority", {"id": last.run_id, "n": 9, "version": "seen"})
    assert case.store.runs.get(last.run_id).value.priority == 9
    assert titles(drawn.run())[0] == "Three"
    tell(drawn, "notice", "undo", told(drawn, "notice")["token"])
    assert titles(drawn.run()) == ["One", "Two", "Three"]


def test_a_priority_that_there_is_not_is_refused_in_a_sentence(case: Showcase, page: Open) -> None:
    _, (one, *_) = three(case)
    drawn = page("queue_page.py")
    tell(drawn, "queue", "priority", {"id": one.run_id, "n": 11, "version": "seen"})
    assert "from 0 to 10" in toasts(drawn)
    assert case.store.runs.get(one.run_id).value.priority is None


def test_what_is_in_trouble_outside_is_told_everywhere_and_tried_at_once_when_asked(case: Showcase, page: Open) -> None:
    three(case)
    case.breaks("media.example.org", 9, "It asks to slow down (429).")
    for name in ("overview.py", "queue_page.py", "health.py"):
        assert "media.example.org is left alone until" in html(page(name))
    press(page("queue_page.py"), "Try it now")
    assert not case.store.pool.get("pool").value.breakers


def test_a_long_queue_is_shown_fifty_at_a_time(case: Showcase, page: Open) -> None:
    batch = case.batch("Many")
    for number in range(53):
        case.run(batch, f"Talk {number}")
    drawn = page("queue_page.py")
    assert len(waiting(drawn)) == 50
    drawn.session_state["queue-page"] = 2
    assert [row["place"] for row in waiting(drawn.run())] == [51, 52, 53]
    assert components(drawn, "queue")


def test_a_draft_is_put_into_order_on_its_page_and_starts_in_it(case: Showcase, page: Open) -> None:
    batch, (one, two, three_) = three(case, phase=BatchPhase.DRAFT)
    drawn = page("batches.py", batch=batch)
    assert [(row["title"], row["why"]) for row in waiting(drawn)] == [("One", ""), ("Two", ""), ("Three", "")]
    move(drawn, batch, [one, two, three_], [three_, one, two])
    assert titles(drawn.run()) == ["Three", "One", "Two"]
    press(drawn, "Start")
    assert titles(page("queue_page.py")) == ["Three", "One", "Two"]


def test_drafts_and_paused_batches_stand_aside_in_the_queue_and_are_put_into_order_there(
    case: Showcase, page: Open
) -> None:
    three(case, phase=BatchPhase.PAUSED)
    batch, (one, two, three_) = three(case, phase=BatchPhase.DRAFT)
    drawn = page("queue_page.py")
    assert [one.label for one in drawn.expander] == ["Talks · draft · 3 runs", "Talks · paused · 3 runs"]
    assert waiting(drawn) == []
    drawn.session_state[f"aside-{batch}"] = True
    assert "2 batches stand still" in html(drawn.run())
    shown = [row["title"] for row in components(drawn, "queue")[1]["rows"]]
    assert shown == ["One", "Two", "Three"]
    given = {"batch": batch, "seen": [one.run_id, two.run_id, three_.run_id]}
    given |= {"ids": [two.run_id, one.run_id, three_.run_id], "token": "t"}
    tell(drawn, "queue", "order", given, label="Waiting runs of Talks")
    assert case.store.batches.get(batch).value.order == [two.run_id, one.run_id]
