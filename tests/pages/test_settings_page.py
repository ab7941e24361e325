"""The Settings page: a person's defaults, templates, and cleaning up after a question."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.api.process import current
from core.domain.access import Actor, Scope
from core.domain.settings import Settings
from core.domain.states import BatchPhase
from core.manager.templates import Template
from pages.components import session
from tests.pages.reading import html
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
MONTH_MIN = 31 * 24 * 60


@pytest.fixture(autouse=True)
def _nothing_read_before() -> None:
    import streamlit as st

    st.cache_data.clear()


def save(name: str, **settings: object) -> None:
    """A template with these settings."""
    manager = current().manager
    manager.templates.save(Template(name=name, settings=Settings(**settings)), by=manager.actor)  # type: ignore[arg-type]


def test_defaults_are_saved_hold_for_new_batches_and_are_forgotten(page: Open) -> None:
    drawn = page("settings.py")
    assert drawn.button(key="save-own").disabled
    drawn.toggle(key="summary-own").set_value(False).run()
    drawn.button(key="save-own").click().run()
    manager = current().manager
    assert manager.templates.defaults(manager.actor).settings == Settings(summary=False)
    assert page("new_batch.py").toggle(key="summary-0").value is False
    drawn.button(key="reset-own").click().run()
    assert manager.templates.defaults(manager.actor) == Template()
    assert drawn.toggle(key="summary-own").value is True


def test_a_template_is_renamed_and_deleted_after_a_question(page: Open, case: Showcase) -> None:
    page("settings.py")
    save("Lectures", language="de")
    drawn = page("settings.py")
    assert "Transcribe, German, Quotes, Summary" in html(drawn)
    drawn.text_input(key="new-name-Lectures-0").input("Talks").run()
    drawn.button(key="rename-Lectures").click().run()
    assert [one.name for one in current().manager.templates.all()] == ["Talks"]
    drawn = page("settings.py")
    drawn.button(key="delete-Talks").click().run()
    drawn.button(key="delete-Talks").click()  # the test runner draws a dialog only in one turn
    drawn.button(key="confirm-template").click().run()
    assert list(case.layout.templates.iterdir()) == []


def test_a_new_batch_begins_with_the_template_in_its_address(page: Open) -> None:
    page("settings.py")
    save("Lectures", language="de")
    drawn = page("new_batch.py", template="lectures")
    assert drawn.selectbox(key="language-0").value == "de"
    assert drawn.selectbox(key="begin-0").value == "Lectures"
    drawn = page("new_batch.py", template="gone")
    assert drawn.selectbox(key="language-0").value == "auto"


def test_a_file_that_is_no_template_is_named_there(page: Open, case: Showcase) -> None:
    (case.layout.templates / "bad.json").write_text("{", "utf-8")
    assert "bad.json cannot be used" in html(page("settings.py"))


def test_what_would_go_is_shown_and_goes_only_after_a_question(page: Open, case: Showcase) -> None:
    old = case.batch("Spring talks", BatchPhase.COMPLETED, minutes=MONTH_MIN)
    soon = case.batch("Summer talks", BatchPhase.COMPLETED, minutes=MONTH_MIN - 4 * 24 * 60)
    drawn = page("settings.py")
    said = html(drawn)
    assert "archived 30 days after the last thing happened to them" in said
    assert said.index("Spring talks") < said.index("Summer talks")
    drawn.button(key="clean-up").click().run()
    drawn.button(key="clean-up").click()
    drawn.checkbox(key="sure-clean").check().run()
    drawn.button(key="clean-up").click()
    drawn.button(key="confirm-clean").click().run()
    assert not drawn.exception
    assert case.store.batches.ids() == [soon]
    assert current().manager.cleanup.archive.get(old)["name"] == "Spring talks"


def test_a_batch_that_goes_within_a_week_says_so_on_its_page(page: Open, case: Showcase) -> None:
    ages = {"at the next clean-up": 31.0, "in 4 days": 26.5, "": 3.0}
    batches = {said: case.batch("Talks", BatchPhase.COMPLETED, minutes=days * 24 * 60) for said, days in ages.items()}
    for said, batch in batches.items():
        drawn = html(page("batches.py", batch=batch))
        assert ("This batch is archived" in drawn) == bool(said)
        assert said in drawn


def test_without_the_word_that_it_is_meant_nothing_goes(page: Open, case: Showcase) -> None:
    old = case.batch("Spring talks", BatchPhase.COMPLETED, minutes=MONTH_MIN)
    drawn = page("settings.py")
    drawn.button(key="clean-up").click().run()
    assert drawn.button(key="confirm-clean").disabled
    assert case.store.batches.ids() == [old]


def test_a_batch_shows_its_settings_and_they_are_kept_as_a_template(page: Open, case: Showcase) -> None:
    batch = case.batch("Talks", settings=Settings(language="de", export=True))
    drawn = page("batches.py", batch=batch)
    label = next(expander.label for expander in drawn.expander if "Settings" in expander.label)
    assert label == "Settings: Transcribe, German, Quotes, Summary, MP4 1080p"
    save_key = f"template-of-{batch}-0"
    drawn.session_state["batch-settings"] = True
    drawn.run()
    drawn.text_input(key=save_key).input("Like these").run()
    drawn.button(key=f"save-of-{batch}").click().run()
    assert current().manager.templates.get("Like these").settings == Settings(language="de", export=True)


def test_what_would_be_cleaned_up_is_told_to_nobody_elses_session(
    page: Open, case: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.batch("Spring talks", BatchPhase.COMPLETED, minutes=MONTH_MIN)
    assert "Spring talks" in html(page("settings.py"))
    eve = current().manager.acting_for(Actor(name="eve", scope=Scope.READ))
    monkeypatch.setattr(session, "manager", lambda: eve)
    assert "Spring talks" not in html(page("settings.py"))
