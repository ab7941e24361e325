"""The bell and its page: what is unread, reading it, toasts for what has just ended, and how sending goes."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.api import process
from core.api.process import current
from core.domain.outbox import Channel
from core.domain.states import BatchPhase, Phase
from tests.pages.reading import components, html, tell, toasts
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]


def shown(drawn: AppTest, *, few: bool = False) -> list[dict[str, Any]]:
    """The notices in the page's list, or in the `few` of the bell's."""
    found: list[dict[str, Any]] = next(one["notices"] for one in components(drawn, "notices") if one["few"] == few)
    return found


def listed(drawn: AppTest, *, few: bool = False) -> list[tuple[str, bool]]:
    """The title of each, and whether it is read."""
    return [(one["title"], one["read"]) for one in shown(drawn, few=few)]


def test_nothing_has_happened_yet(page: Open) -> None:
    drawn = page("notifications.py")
    assert listed(drawn) == []
    assert drawn.button(key="read-all").disabled
    assert drawn.toggle(key="only-unread").disabled
    assert "Nobody gets e-mail" in html(drawn)


def test_the_newest_come_first_and_reading_all_empties_the_bell(page: Open, case: Showcase) -> None:
    case.tells("One", "Two")
    drawn = page("notifications.py")
    assert listed(drawn) == [("Two", False), ("One", False)]
    assert current().manager.notices.unread() == 2
    drawn.button(key="read-all").click().run()
    assert listed(drawn) == [("Two", True), ("One", True)]
    assert current().manager.notices.unread() == 0
    assert drawn.button(key="read-all").disabled


def test_a_notice_that_is_opened_is_read_and_leads_to_its_batch(page: Open, case: Showcase) -> None:
    batch = case.batch("Talks")
    case.tells("One", "Two", batch=batch)
    drawn = page("notifications.py")
    tell(drawn, "notices", "open", 1, label="Notifications")
    assert [one.read for one in current().manager.notices.all()] == [False, True]
    assert drawn.query_params["batch"] == batch


def test_only_what_is_unread_can_be_shown(page: Open, case: Showcase) -> None:
    case.tells("One", "Two")
    page("notifications.py")
    current().manager.notices.mark_read([2])
    current().changed("notices", "board")
    drawn = page("notifications.py")
    drawn.toggle(key="only-unread").set_value(True).run()
    assert listed(drawn) == [("One", False)]


def test_the_bell_has_the_latest_on_every_page(page: Open, case: Showcase) -> None:
    case.tells(*(f"Talks {number}" for number in range(1, 8)))
    drawn = page()
    assert listed(drawn, few=True) == [(f"Talks {number}", False) for number in (7, 6, 5, 4, 3)]
    drawn.button(key="bell-read").click().run()
    assert current().manager.notices.unread() == 0


def test_a_title_is_shown_as_it_is_and_leaves_room_for_what_happened(page: Open, case: Showcase) -> None:
    case.tells("<img src=x> **b** \u202e" + "x" * 90)
    drawn = page("notifications.py")
    (there,), (brief,) = shown(drawn), shown(drawn, few=True)
    assert there["title"].startswith("<img src=x> **b** �x")
    assert len(brief["title"]) == 42


def ends(case: Showcase, run: Any, phase: Phase = Phase.COMPLETED) -> None:
    """The run ends, and this process hears of it."""
    case.change(run, phase=phase)
    current().manager.storage.index.refresh("run", run.run_id)
    current().changed("run", run.run_id)


def test_what_ends_while_a_page_is_open_is_said_once(page: Open, case: Showcase) -> None:
    batch = case.batch("Talks")
    runs = [case.run(batch, title, Phase.RUNNING) for title in ("A *star*", "Two")]
    drawn = page()
    assert toasts(drawn) == ""
    ends(case, runs[0])
    drawn.run()
    assert toasts(drawn) == r"A \*star\* is completed"
    drawn.run()
    assert toasts(drawn) == ""


def test_much_at_once_is_one_word(page: Open, case: Showcase) -> None:
    batch = case.batch("Talks")
    runs = [case.run(batch, f"Talk {number}", Phase.RUNNING) for number in range(5)]
    drawn = page()
    for run in runs:
        ends(case, run)
    case.change_batch(batch, phase=BatchPhase.COMPLETED)
    current().manager.storage.index.refresh("batch", batch)
    current().changed("batch", batch)
    drawn.run()
    assert toasts(drawn) == "1 batch completed, 5 runs completed"


def test_a_page_that_is_opened_later_is_told_nothing_of_before(page: Open, case: Showcase) -> None:
    run = case.run(case.batch("Talks"), "One", Phase.RUNNING)
    page()
    ends(case, run)
    assert toasts(page()) == ""


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """E-mail that cannot work, and a webhook without a secret."""
    monkeypatch.setenv("REPRISE_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("REPRISE_SMTP_PORT", "1")
    monkeypatch.setenv("REPRISE_NOTIFY_EMAIL", "ana@example.org")
    monkeypatch.setenv("REPRISE_NOTIFY_WEBHOOK", "https://hooks.example.org/a?key=s3cret")
    process.close()


@pytest.mark.usefixtures("configured")
def test_how_sending_goes_is_said_without_secrets(page: Open, case: Showcase) -> None:
    case.tells(
        "One", channels={"mail": Channel(waiting=[1], error="127.0.0.1 cannot be reached.", error_at=case.ago(1))}
    )
    for name in ("notifications.py", "settings.py", "health.py"):
        said = html(page(name))
        assert "ana@example.org by 127.0.0.1" in said
        assert "127.0.0.1 cannot be reached." in said
        assert "1 waiting" in said
        assert "The webhook has no secret" in said
        assert "s3cret" not in said


@pytest.mark.usefixtures("configured")
def test_a_test_says_what_came_of_it(page: Open) -> None:
    drawn = page("settings.py")
    drawn.button(key="test-notify").click().run()
    said = html(drawn)
    assert "E-mail: not sent" in said
    assert "Connection refused" in said
    assert "Webhook: not sent" in said
