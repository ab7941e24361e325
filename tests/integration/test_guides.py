"""The guides are followed: each of their shell blocks is run, in order, on real processes and a storage of its own."""

import itertools
import json
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from core.cli.main import verbs
from core.domain.errors import ErrorClass
from core.domain.states import FailureKind
from tests.integration.test_serve_api import free_port
from tests.support.guides import Block, Sandbox, blocks, differences, script
from tests.support.product import ROOT

DOCS = ROOT / "docs"
# How many blocks of each need a server of one's own (`sh elsewhere`), and so only have their syntax checked.
GUIDES = {"api": 0, "deployment": 2, "monitoring": 0, "recovery": 0, "security": 1, "troubleshooting": 0}
MANY = 20
ALL = sorted(path for path in DOCS.rglob("*.md") if any(block.language == "sh" for block in blocks(path.read_text())))


def read(path: Path) -> list[Block]:
    return blocks(path.read_text("utf-8"))


@pytest.mark.curl
@pytest.mark.parametrize("name", GUIDES)
def test_a_guide_can_be_followed_from_its_beginning_to_its_end(name: str, tmp_path: Path) -> None:
    found = read(DOCS / f"{name}.md")
    sandbox = Sandbox(tmp_path, free_port(), REPRISE_PORT=str(free_port()))
    printed = sandbox.run(script(f"docs/{name}.md", found))
    wrong = [
        f"docs/{name}.md:{example.line} {line}"
        for ran, example in itertools.pairwise(found)
        if ran.runs and example.language == "json"
        for line in differences(json.loads(example.text), json.loads(printed[ran.line].splitlines()[-1]))
    ]
    assert not wrong, wrong


@pytest.mark.parametrize("name", GUIDES)
def test_only_what_needs_a_server_of_ones_own_is_not_run(name: str) -> None:
    found = [block for block in read(DOCS / f"{name}.md") if block.language in ("sh", "python", "")]
    assert all(block.language and block.place in ("", "elsewhere") for block in found)
    assert sum(block.place == "elsewhere" for block in found) == GUIDES[name]


def inline(name: str) -> list[list[str]]:
    """The commands that stand within the sentences and tables of a guide, as words behind `./reprise`."""
    text = re.sub(r"^```.*?^```$", "", (DOCS / f"{name}.md").read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [shlex.split(command) for command in re.findall(r"`\./reprise ([^`]+)`", text)]


@pytest.mark.parametrize(
    "words", [pytest.param(words, id=f"{name} {' '.join(words)}") for name in GUIDES for words in inline(name)]
)
def test_a_command_within_a_sentence_is_one_that_the_command_line_understands(words: list[str]) -> None:
    command: click.Command = verbs
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
    _, left, _ = command.make_parser(click.Context(command)).parse_args(list(words))
    assert not left


def test_every_message_that_is_explained_is_one_that_is_given() -> None:
    source = "\n".join(path.read_text("utf-8") for path in [ROOT / "reprise", *(ROOT / "core").rglob("*.py")])
    first = [line.split("|")[1] for line in (DOCS / "troubleshooting.md").read_text().splitlines() if line[:2] == "| "]
    said = [part.strip() for cell in first for quoted in re.findall("“(.+?)”", cell) for part in quoted.split("…")]
    assert len(said) > MANY
    assert [part for part in said if part not in source] == []


def test_every_kind_of_failure_that_is_explained_exists() -> None:
    text = (DOCS / "troubleshooting.md").read_text("utf-8").partition("## It failed")[2].partition("## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    named = {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}
    assert named <= {*ErrorClass, *FailureKind}
    assert len(named) > MANY // 2


@pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(DOCS)))
def test_bash_understands_every_block_and_none_outside_the_guides_looks_as_if_it_were_run(path: Path) -> None:
    for block in read(path):
        if block.language == "sh":
            assert not block.runs or path.stem in GUIDES, f"{path.name}:{block.line}"
            checked = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
            assert checked.returncode == 0, f"{path.name}:{block.line} {checked.stderr}"


@pytest.mark.parametrize(
    ("example", "answer", "wrong"),
    [
        ({"id": "b_…", "n": 1}, {"id": "b_7", "n": 2, "more": None}, []),
        ({"status": "ready"}, {"status": "failed"}, ['.status is "failed" and not "ready"']),
        ({"gone": 1}, {}, [".gone is not there"]),
        ({"a": [{"b": True}]}, {"a": [{"b": 1}]}, [".a[0].b is 1 and not true"]),
        ([1, 1], [1], [" has only 1"]),
    ],
)
def test_an_example_that_is_otherwise_than_the_answer_is_found(
    example: object, answer: object, wrong: list[str]
) -> None:
    assert differences(example, answer) == wrong


@pytest.mark.curl
def test_a_command_that_fails_is_named_with_its_place(tmp_path: Path) -> None:
    found = blocks(
        "Text.\n```sh\ntrue\n```\n```sh elsewhere\nfalse\n```\n```sh\necho here; test 1 = 2; echo not here\n```\n"
    )
    with pytest.raises(AssertionError, match=r"x.md, in the block at line 8: exit 1 of: test 1 = 2") as failed:
        Sandbox(tmp_path, free_port()).run(script("x.md", found))
    assert "not here" not in str(failed.value).partition("---")[2]
