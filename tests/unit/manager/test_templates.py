"""Templates are files under a name; a person's defaults hold for that person alone."""

from pathlib import Path

import msgspec
import pytest

from core.domain.errors import BadInput, NotFound, Refused
from core.domain.settings import Settings
from core.manager.templates import Template, Templates
from tests.support.dispatching import ANA, House

BEN = "local:ben"
GERMAN = Template(
    name="Lectures", settings=Settings(language="de", keywords=("cell", "gene")), concurrency=2, priority=7
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def templates(house: House) -> Templates:
    return Templates(house.layout, house.writer)


def events(house: House) -> list[tuple[str, str]]:
    return [
        (line["type"], line["actor"])
        for line in house.store.journal.lines()
        if line["type"].partition(".")[0] in ("template", "defaults")
    ][:1]


def test_a_template_is_found_again_as_it_was_saved_by_any_capitals(templates: Templates, house: House) -> None:
    templates.save(GERMAN, by=ANA)
    assert templates.get("lectures ") == GERMAN
    assert [path.name for path in house.layout.templates.iterdir()] == ["Lectures.json"]
    assert events(house) == [("template.saved", ANA)]


def test_a_template_is_not_replaced_unasked(templates: Templates, house: House) -> None:
    templates.save(GERMAN, by=ANA)
    other = Template(name="LECTURES", settings=Settings(summary=False))
    with pytest.raises(Refused, match="There is a template “LECTURES” already"):
        templates.save(other, by=ANA)
    templates.save(other, by=ANA, replace=True)
    assert templates.all() == [other]
    assert len(list(house.layout.templates.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "a\nb", "\u202e", "a\x00b"])
def test_what_cannot_be_a_name_is_refused(templates: Templates, name: str) -> None:
    with pytest.raises(BadInput):
        templates.save(msgspec.structs.replace(GERMAN, name=name), by=ANA)
    assert templates.all() == []


@pytest.mark.parametrize("name", ["../../escape", "CON", ".hidden", "a/b", "語" * 100, "-rf", "🎬 Reels"])
def test_a_name_is_kept_as_it_is_and_its_file_stays_in_its_folder(
    templates: Templates, house: House, name: str
) -> None:
    templates.save(msgspec.structs.replace(GERMAN, name=name), by=ANA)
    assert templates.get(name).name == name
    (path,) = house.layout.templates.iterdir()
    assert path.is_file()
    assert not path.name.startswith((".", "-"))
    templates.delete(name, by=ANA)
    assert list(house.layout.templates.iterdir()) == []


def test_two_names_that_make_one_file_name_are_two_templates(templates: Templates) -> None:
    for name in ("a/b", "a⧸b"):
        templates.save(msgspec.structs.replace(GERMAN, name=name), by=ANA)
    assert {one.name for one in templates.all()} == {"a/b", "a⧸b"}


def test_a_template_gets_another_name_but_not_that_of_another(templates: Templates) -> None:
    templates.save(GERMAN, by=ANA)
    templates.save(msgspec.structs.replace(GERMAN, name="Talks"), by=ANA)
    with pytest.raises(Refused):
        templates.rename("Lectures", "talks", by=ANA)
    templates.rename("Lectures", "lectures 2026", by=ANA)
    assert [one.name for one in templates.all()] == ["lectures 2026", "Talks"]
    templates.rename("talks", "TALKS", by=ANA)
    assert [one.name for one in templates.all()] == ["lectures 2026", "TALKS"]


def test_what_is_not_there_is_named_with_what_is(templates: Templates) -> None:
    templates.save(GERMAN, by=ANA)
    with pytest.raises(NotFound) as caught:
        templates.delete("Talks", by=ANA)
    assert (caught.value.message, caught.value.hint) == ("There is no template “Talks”.", "There is Lectures.")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "no JSON object"),
        ("[]", "no JSON object"),
        ('{"settings": {"modell": "base"}}', "There is no setting “modell”"),
        ('{"settings": {"min_silence_s": 99}}', "min_silence_s"),
        ('{"settings": []}', "is no template"),
        ('{"colour": "red"}', "is no template"),
        ('{"concurrency": 99}', "concurrency is 99"),
        ('{"name": 3}', "no text"),
    ],
)
def test_a_file_that_is_no_template_is_named_with_the_reason_and_the_others_stay(
    templates: Templates, house: House, text: str, problem: str
) -> None:
    templates.save(GERMAN, by=ANA)
    (house.layout.templates / "bad.json").write_text(text, "utf-8")
    assert templates.all() == [GERMAN]
    (bad,) = templates.unusable()
    assert bad.file == "bad.json"
    assert problem in bad.problem


def test_a_file_put_there_by_hand_is_a_template_under_its_own_name(templates: Templates, house: House) -> None:
    (house.layout.templates / "Short.json").write_text('{"settings": {"summary": false}}', "utf-8")
    assert templates.get("short") == Template(name="Short", settings=Settings(summary=False))


def test_a_link_among_the_templates_is_not_followed(templates: Templates, house: House, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text("{}", "utf-8")
    (house.layout.templates / "link.json").symlink_to(elsewhere)
    assert templates.all() == []
    assert [bad.file for bad in templates.unusable()] == ["link.json"]


def test_each_person_has_defaults_of_their_own_until_they_reset_them(templates: Templates, house: House) -> None:
    templates.save_defaults(GERMAN, by=ANA)
    assert templates.defaults(ANA) == msgspec.structs.replace(GERMAN, name="")
    assert templates.defaults(BEN) == Template()
    assert templates.all() == []
    assert templates.reset_defaults(by=ANA)
    assert not templates.reset_defaults(by=ANA)
    assert templates.defaults(ANA) == Template()
    assert events(house) == [("defaults.reset", ANA)]
