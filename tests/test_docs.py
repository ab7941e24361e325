"""Documents that cannot drift: whatever has a name for the user stands in the document that explains it, as it is now."""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.config import Config
from core.domain import states
from core.domain.errors import ErrorClass
from core.domain.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def text(name: str) -> str:
    """A document of the repository."""
    return (ROOT / name).read_text("utf-8")


def rows(name: str) -> dict[str, list[str]]:
    """The rows of every table in a document whose first cell is `code`, by that; later cells as they are."""
    found = {}
    for line in text(name).splitlines():
        first, *others = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and first.strip("`"):
            found[first.strip("`")] = others
    return found


def anchors(markdown: str) -> set[str]:
    """The names under which the headings of a document can be linked to."""
    headings = re.findall(r"^#+ (.+)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def written(default: Any) -> str:
    """How a default value stands in a table."""
    return "*(empty)*" if default in ("", ()) else f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, field.name) for kind in (Config, Settings) for field in msgspec.structs.fields(kind)],
)
def test_every_setting_is_explained_with_its_default(kind: type[msgspec.Struct], name: str) -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    cells = rows("docs/configuration.md").get(name)
    assert cells, f"docs/configuration.md has no row for `{name}`"
    assert cells[0] == written(defaults[name])
    assert len(cells[1]) > 10


def test_no_setting_is_explained_that_does_not_exist() -> None:
    known = {*Config.__struct_fields__, *Settings.__struct_fields__}
    assert rows("docs/configuration.md").keys() - known - {"reprise.toml"} == set()


@pytest.mark.parametrize(
    "kind",
    [
        states.Phase,
        states.Want,
        states.StageStatus,
        states.AttemptOutcome,
        states.FailureKind,
        states.BatchPhase,
        ErrorClass,
    ],
)
def test_every_state_and_class_of_error_is_documented(kind: type[StrEnum]) -> None:
    document = text("docs/states.md")  # generated; tests/unit/domain/test_document.py keeps it current
    assert [word for word in kind if not re.search(rf"\b{word}\b", document)] == []


def test_every_verb_of_the_command_line_is_in_the_readme() -> None:
    from core.cli.main import verbs

    readme = text("README.md")
    assert [verb for verb in verbs.commands if not re.search(rf"`[^`]*\b{verb}\b[^`]*`", readme)] == []


def test_every_stage_is_in_the_glossary() -> None:
    from core.stages.registry import build_stages

    glossary = text("docs/glossary.md")
    assert [name for name in build_stages(Config()).stages if f"`{name}`" not in glossary] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?://|mailto:)([^)#\s]*)#?([^)\s]*)\)", path.read_text("utf-8"))
    assert [link for link, _ in links if not (path.parent / link).exists()] == []
    for link, anchor in links:
        target = path.parent / link if link else path
        assert not anchor or anchor in anchors(target.read_text("utf-8")), f"{link}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(path: Path) -> None:
    named = re.findall(r"`((?:core|pages|tests|docs|bench)/[\w./-]+\.(?:py|md))`", path.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_licence_is_the_one_the_project_names() -> None:
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert project["license"] == "Apache-2.0"
    assert text("LICENSE").lstrip().startswith("Apache License")
