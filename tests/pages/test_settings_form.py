"""The form of the settings: every field of the model, only what has an effect, and what should be known beforehand."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.api.process import current
from core.domain.fields import FIELDS
from core.domain.settings import Settings
from core.manager.templates import Template
from tests.pages.reading import html, press
from tests.support.media_files import media_file
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
SWITCHES = ("remove_silence", "detect_highlights", "export")


def shown(page: AppTest) -> set[str]:
    """The settings whose fields are on the page."""
    widgets = [*page.toggle, *page.selectbox, *page.slider, *page.text_input, *page.number_input]
    widgets += page.get("button_group")
    keys = {str(widget.key) for widget in widgets}
    return {name for name in FIELDS if f"{name}-0" in keys}


def test_with_everything_switched_on_the_form_shows_every_field_of_the_model(page: Open) -> None:
    drawn = page("new_batch.py")
    for name in SWITCHES:
        drawn.toggle(key=f"{name}-0").set_value(True)
    drawn.run()
    hidden = set(Settings.__struct_fields__) - shown(drawn)
    # What shows only beside another value than the usual one.
    for name in sorted(hidden):
        for other, values in FIELDS[name].only_if.items():
            drawn.session_state[f"{other}-0"] = values[0]
    drawn.run()
    assert hidden <= shown(drawn)
    assert not drawn.exception


def test_what_has_no_effect_is_not_shown_and_keeps_its_value(page: Open) -> None:
    drawn = page("new_batch.py")
    assert {"min_silence_s", "keywords", "export_format"}.isdisjoint(shown(drawn))
    drawn.toggle(key="detect_highlights-0").set_value(True).run()
    drawn.text_input(key="keywords-0").input("cell, gene").run()
    drawn.toggle(key="detect_highlights-0").set_value(False).run()
    assert "keywords" not in shown(drawn)
    drawn.toggle(key="detect_highlights-0").set_value(True).run()
    assert drawn.text_input(key="keywords-0").value == "cell, gene"


def test_the_settings_are_summed_up_and_what_should_be_known_stands_under_its_field(page: Open) -> None:
    drawn = page("new_batch.py")
    assert "Transcribe, Quotes, Summary" in html(drawn)
    drawn.selectbox(key="language-0").select("de")
    drawn.selectbox(key="model-0").select("tiny.en").run()
    assert "Transcribe, German, Quotes, Summary" in html(drawn)
    assert "tiny.en understands English only, and the language is German." in html(drawn)
    drawn.toggle(key="transcribe-0").set_value(False).run()
    assert "Download only" in html(drawn)


def test_a_batch_is_made_with_what_was_chosen(page: Open, case: Showcase) -> None:
    drawn = page("new_batch.py")
    drawn.text_area(key="sources-0").input(str(media_file("talk.mp4")))
    drawn.toggle(key="summary-0").set_value(False)
    drawn.selectbox(key="model-0").select("base")
    drawn.slider(key="max_retries-0").set_value(1)
    drawn.slider(key="concurrency-0").set_value(2)
    press(drawn, "Start")
    (batch_id,) = case.store.batches.ids()
    batch = case.store.batches.get(batch_id).value
    assert batch.settings == Settings(summary=False, model="base", max_retries=1)
    assert batch.concurrency == 2


def test_a_template_is_saved_loaded_and_what_was_changed_is_reset(page: Open, case: Showcase) -> None:
    drawn = page("new_batch.py")
    drawn.selectbox(key="language-0").select("de")
    drawn.slider(key="concurrency-0").set_value(1)
    drawn.text_input(key="template-0-0").input("Lectures").run()
    drawn.button(key="save-0").click().run()
    assert [path.name for path in case.layout.templates.iterdir()] == ["Lectures.json"]
    again = page("new_batch.py")
    assert again.selectbox(key="language-0").value == "auto"
    again.selectbox(key="begin-0").select("Lectures").run()
    assert (again.selectbox(key="language-0").value, again.slider(key="concurrency-0").value) == ("de", 1)
    again.toggle(key="quotes-0").set_value(False).run()
    again.button(key="reset-0").click().run()
    assert again.toggle(key="quotes-0").value is True
    assert again.selectbox(key="language-0").value == "de"


def test_the_form_begins_with_what_the_person_usually_wants(page: Open, case: Showcase) -> None:
    drawn = page("new_batch.py")
    manager = current().manager
    manager.templates.save_defaults(Template(settings=Settings(summary=False), concurrency=5), by=manager.actor)
    drawn = page("new_batch.py")
    assert drawn.toggle(key="summary-0").value is False
    assert drawn.slider(key="concurrency-0").value == 5
    assert "Transcribe, Quotes" in html(drawn)
    del case
