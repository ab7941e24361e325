"""Every setting has its row in the form, with words that a person understands."""

import msgspec
import pytest

from core.domain.fields import FIELDS, bounds, choices, has_effect, kind, said, sections, summed_up
from core.domain.settings import Settings, parse_settings

NAMES = Settings.__struct_fields__


def test_the_form_has_a_row_for_every_setting_and_for_nothing_else() -> None:
    assert set(NAMES) - set(FIELDS) == set(), "add a row to core/domain/fields.py"
    assert set(FIELDS) - set(NAMES) == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_be_shown_and_explained(name: str) -> None:
    field = FIELDS[name]
    assert field.label[0].isupper()
    assert field.help.endswith(".")
    assert kind(name) in ("switch", "choice", "number", "words", "text")
    default = getattr(Settings(), name)
    match kind(name):
        case "choice":
            assert default in choices(name)
            assert set(field.names) <= set(choices(name))
            assert len({said(name, value) for value in choices(name)}) == len(choices(name))
        case "number":
            low, high = bounds(name) or (default, default)
            assert low <= default <= high
            assert field.step


@pytest.mark.parametrize("name", [name for name in NAMES if kind(name) == "choice"])
def test_every_value_that_can_be_chosen_is_accepted(name: str) -> None:
    for value in choices(name):
        assert getattr(parse_settings({name: value}), name) == value


@pytest.mark.parametrize("name", NAMES)
def test_what_a_setting_depends_on_exists_and_can_be_so(name: str) -> None:
    for other, values in FIELDS[name].only_if.items():
        assert all(getattr(parse_settings({other: value}), other) == value for value in values)
        assert name != other


def test_a_setting_has_no_effect_while_what_it_depends_on_is_off() -> None:
    off = msgspec.structs.asdict(Settings())
    assert not has_effect("min_silence_s", off)
    assert has_effect("min_silence_s", {**off, "remove_silence": True})


def test_each_section_is_named_once_and_has_all_its_settings_together() -> None:
    titles = [title for title, _ in sections()]
    assert len(set(titles)) == len(titles)
    assert [name for _, names in sections() for name in names] == list(FIELDS)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "Transcribe, Quotes, Summary"),
        ({"transcribe": False}, "Download only"),
        ({"transcribe": False, "format": "audio"}, "Sound only"),
        ({"language": "de", "summary": False}, "Transcribe, German, Quotes"),
        (
            {"quotes": False, "summary": False, "remove_silence": True, "export": True},
            "Transcribe, Remove silence, MP4 1080p",
        ),
    ],
)
def test_settings_are_summed_up_in_one_line(given: dict[str, object], line: str) -> None:
    assert summed_up(parse_settings(given)) == line


def test_values_are_said_in_words() -> None:
    assert said("silence_threshold", -40.0) == "−40 dB"
    assert said("keywords", ()) == "None"
    assert said("keywords", ("cell", "gene")) == "cell, gene"
    assert said("language", "de") == "German"
    assert said("quotes", value=False) == "No"
