"""Cleaning up, templates and defaults as a person types them."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.media_files import mp4
from tests.support.product import Product, command


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    made = Product(tmp_path, archive_after_s=0.001)
    yield made
    made.close()


def test_a_finished_batch_is_shown_asked_about_archived_and_gone(product: Product) -> None:
    added = product("add", "--json", "--wait", "--set", "transcribe=false", "--batch", "old talks", mp4()).json
    batch_id = added["batch_id"]
    plan = product("cleanup", "--dry-run", "--json").json
    assert ([one["name"] for one in plan["batches"]], plan["done"]) == (["old talks"], False)
    assert plan["bytes"] > 1000
    assert "archived and removed: " + batch_id in product("cleanup", "--dry-run").out
    refused = product("cleanup", "--json", check=False)
    assert (refused.code, refused.error["code"]) == (5, "bad_input")
    typed = subprocess.run(
        [*command(), "cleanup"], env=product.environment, input="n\n", capture_output=True, text=True, check=False
    )
    assert typed.returncode == 5, "nobody is there to answer"
    assert product("show", batch_id, "--json").json["phase"] == "completed"
    done = product("cleanup", "--yes", "--json").json
    assert done["done"]
    assert product("show", batch_id, "--json", check=False).code == 3
    assert [one["name"] for one in product("archive", "--json").json["archived"]] == ["old talks"]
    assert json.loads(product("archive", batch_id).out)["runs"][0]["phase"] == "completed"
    assert not list(product.layout.artifacts.glob("*/*"))
    events = [line["type"] for line in product("audit", "--json").json["events"]]
    assert "command.archive" in events
    assert "batch.purged" in events


def test_a_batch_is_made_with_a_template_over_the_defaults_of_the_person(product: Product) -> None:
    product("defaults", "--set", "transcribe=false", "--concurrency", "1")
    plain = product("add", "--json", "--draft", mp4()).json["batch_id"]
    product("template", "save", "Lectures", "--set", "language=de", "--priority", "9")
    product("template", "save", "From it", "--from", plain, "--set", "transcribe=true")
    named = product("add", "--json", "--draft", "--template", "lectures", "--set", "summary=false", mp4()).json[
        "batch_id"
    ]
    one, other = (product("show", batch_id, "--json").json for batch_id in (plain, named))
    assert (one["settings"]["transcribe"], one["concurrency"], one["priority"]) == (False, 1, 5)
    assert (other["settings"]["language"], other["settings"]["summary"], other["priority"]) == ("de", False, 9)
    assert (other["settings"]["transcribe"], other["concurrency"]) == (False, 1), (
        "a template begins with one's defaults"
    )
    templates = product("template", "list", "--json").json["templates"]
    assert [template["name"] for template in templates] == ["From it", "Lectures"]
    product("template", "rename", "lectures", "Talks")
    assert product("template", "show", "Talks", "--json").json["priority"] == 9
    assert product("template", "delete", "Lectures", check=False).code == 3
    product("template", "delete", "Talks")
    product("defaults", "--reset")
    assert product("defaults", "--json").json["settings"]["transcribe"] is True
    assert product("add", "--json", "--template", "Talks", mp4(), check=False).error["code"] == "not_found"
