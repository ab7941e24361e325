"""`add`: what is refused at once, with which words and exit codes, and what a batch may be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.media_server import MediaServer
from tests.support.product import Product

LONG = "x" * 5000
# What somebody might give: the code it is refused with, and words of the sentence.
REFUSED: dict[str, tuple[str, str]] = {
    "not a url": ("source_missing", "There is no file “not a url”"),
    "": ("url_invalid", "The source is empty"),
    "--exec=touch reprise-touched": ("option", "is an option, not a source"),
    "-rf": ("option", "is an option"),
    "/no/such/file.mp4": ("source_missing", "There is no file"),
    "~nobody-of-this-name/talk.mp4": ("source_missing", "cannot be the name of a file"),
    LONG: ("source_missing", "cannot be the name of a file"),
    f"https://example.com/{LONG}": ("url_invalid", "longer than 4096"),
    "example.com/video.mp4": ("url_invalid", "not a web address"),
    "file:///etc/passwd": ("url_scheme", "“file:” are not fetched"),
    "/etc/passwd": ("url_scheme", "it is plain text"),
    "/dev/null": ("not_a_file", "is not a regular file"),
    "ftp://example.com/v.mp4": ("url_scheme", "“ftp:” are not fetched"),
    "data:video/mp4;base64,AAAA": ("url_scheme", "“data:” are not fetched"),
    "javascript:alert(1)": ("url_scheme", "“javascript:” are not fetched"),
    "C:\\Windows\\win.ini": ("url_scheme", "a path of Windows"),
    "https://user:secret-word@example.com/v": ("url_userinfo", "user name or password"),
    "https://example.com/a\r\nX-Injected: y": ("url_invalid", "control characters"),
    "https://example.com/%0d%0aX": ("url_invalid", "control characters"),
    "http://127.0.0.1:{port}/v.mp4": ("url_private_address", "private or local address"),
    "http://localhost:{port}/v.mp4": ("url_private_address", "private or local address"),
    "http://2130706433:{port}/": ("url_private_address", "private or local address"),
    "http://0x7f.1:{port}/": ("url_private_address", "private or local address"),
    "http://127.1:{port}/": ("url_private_address", "private or local address"),
    "http://[::ffff:127.0.0.1]:{port}/": ("url_private_address", "private or local address"),
    "http://①②⑦.0.0.1:{port}/": ("url_private_address", "private or local address"),
    "http://169.254.169.254/latest": ("url_private_address", "private or local address"),
}


class Asked:
    """One `add` of everything above and three good sources among it."""

    def __init__(self, folder: Path, server: MediaServer) -> None:
        self.product, self.server = Product(folder), server
        self.sources = [source.replace("{port}", str(server.port)) for source in REFUSED]
        (folder / "empty").mkdir()
        talks = folder / "talks"
        talks.mkdir()
        for name in ("b.mp4", "a.mp4"):
            (talks / name).write_bytes(name.encode())
        (talks / "notes.txt").write_text("not a talk")
        same = ["https://example.com/v.mp4", "https://EXAMPLE.com:443/v.mp4?utm_source=mail#t=1"]
        given = [same[0], *self.sources, str(folder / "empty"), str(talks), same[1]]
        self.answer = self.product("add", "--json", "--", *given, check=False)
        self.told = {one["source"]: one for one in self.answer.json["rejected"]}
        self.talks, self.same, self.empty, self.count = talks, same, str(folder / "empty"), len(given)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with MediaServer() as server:
        yield Asked(tmp_path_factory.mktemp("add"), server)


@pytest.fixture(scope="module")
def product(asked: Asked) -> Product:
    return asked.product


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[source[:30] for source in REFUSED])
def test_a_source_that_cannot_be_used_is_named_with_the_reason(asked: Asked, number: int) -> None:
    code, words = list(REFUSED.values())[number]
    told = asked.told[asked.sources[number]]
    assert told["code"] == code
    assert words in told["message"]
    assert told["hint"]
    assert told["message"].endswith(".")


def test_the_good_ones_among_them_are_taken_in_their_order(asked: Asked) -> None:
    assert asked.answer.code == 1
    runs = asked.answer.json["runs"]
    wanted = [asked.same[0], str(asked.talks / "a.mp4"), str(asked.talks / "b.mp4")]
    assert [(run["position"], run["source"]) for run in runs] == list(enumerate(wanted, start=1))
    assert all(run["run_id"].startswith("r_") and run["space_id"] for run in runs)
    assert asked.answer.err == ""
    assert list(asked.told) == [*asked.sources, asked.empty, asked.same[1]], "told in the order they were given"


def test_the_same_video_twice_is_refused_naming_both_places(asked: Asked) -> None:
    told = asked.told[asked.same[1]]
    assert told["code"] == "duplicate"
    assert told["message"] == f"Number {len(REFUSED) + 4} is the same video as number 1."


def test_nobody_was_asked_and_nothing_secret_was_kept(asked: Asked) -> None:
    assert asked.server.hits == []
    kept = b"".join(path.read_bytes() for path in asked.product.storage.rglob("*") if path.is_file())
    assert b"secret-word" not in kept
    assert not Path("reprise-touched").exists()


def test_nothing_usable_is_exit_5_and_says_so_on_both_streams(product: Product) -> None:
    answer = product("add", "--json", "file:///etc/passwd", check=False)
    assert answer.code == 5
    assert answer.json["batch_id"] is None
    assert answer.json["runs"] == []
    assert answer.error["code"] == "url_scheme"
    spoken = product("add", "file:///etc/passwd", check=False)
    assert (spoken.code, spoken.out) == (5, "")
    assert spoken.err.splitlines() == [
        "Error: file:///etc/passwd: Addresses that begin with “file:” are not fetched; only http and https are.",
        "Hint: A file on this machine is given by its path alone.",
    ]


WRONG: tuple[tuple[tuple[str, ...], int, str], ...] = (
    (("--exec=touch x",), 2, "No such option"),
    ((), 2, "Give at least one URL, file or folder."),
    (("--priority", "11", "{}"), 5, "priority is 11"),
    (("--priority", "5.5", "{}"), 5, "priority is 5.5; it has to be a whole number from 0 to 10"),
    (("--concurrency", "0", "{}"), 5, "concurrency is 0"),
    (("--description", "x" * 2001, "{}"), 5, "description is longer than 2000"),
    (("--limit", "5000", "{}"), 5, "limit is 5000"),
    (("--batch", "x" * 101, "{}"), 5, "longer than 100 characters"),
    (("--set", "modle=base", "{}"), 5, "no setting “modle”"),
    (("--set", "model", "{}"), 5, "not NAME=VALUE"),
    (("--set", "model=../../x", "{}"), 5, "no model “../../x”"),
    (("--set", "max_retries=-1", "{}"), 5, "max_retries is not usable"),
    (("--set", "silence_threshold=NaN", "{}"), 5, "silence_threshold is not usable"),
    (("--settings", '{"owner": "me"}', "{}"), 5, "no setting “owner”"),
    (("--settings", '{"model":', "{}"), 5, "not a JSON object"),
    (("--settings", "/no/such/file", "{}"), 5, "cannot be read"),
    (("--cookies", "/no/such/file", "{}"), 5, "no cookies file"),
    (("--proxy", "gopher://example.com", "{}"), 5, "not an http proxy"),
    (("--proxy", "http://me:secret@proxy.example.com:8080", "{}"), 5, "would be kept in files"),
)


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG, ids=[" ".join(case[0])[:30] for case in WRONG])
def test_what_is_wrong_with_a_batch_is_said_and_nothing_is_made(
    arguments: tuple[str, ...], code: int, words: str, capfd: pytest.CaptureFixture[str], here: Path
) -> None:
    """In this process, since only the words matter."""
    from core.cli.main import run_cli

    filled = [word.replace("{}", "https://example.com/v.mp4") if word == "{}" else word for word in arguments]
    assert run_cli(["add", "--json", *filled]) == code
    out, err = capfd.readouterr()
    assert out == ""
    error: dict[str, Any] = json.loads(err)["error"]
    assert words in error["message"]
    assert error["hint"]
    assert list(here.glob("state/**/[rb]_*")) == []


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path))
    return tmp_path


def test_a_draft_waits_for_its_start(product: Product) -> None:
    batch = product("add", "--json", "--draft", "--batch", "later", "https://example.com/draft.mp4").json["batch_id"]
    assert product("show", batch, "--json").json["phase"] == "draft"
    started = product("start", batch, "--json").json
    assert (started["phase"], started["changed"], started["applied"]) == ("running", True, False)
    assert "reprise serve" in started["hint"]


def test_settings_come_from_a_file_and_single_ones_win(product: Product, tmp_path: Path) -> None:
    given = tmp_path / "settings.json"
    given.write_text('{"model": "base", "language": "de", "quotes": false}')
    options = ("--settings", given, "--set", "language=fr", "--set", "summary=false", "--format", "audio")
    batch = product("add", "--json", *options, "https://example.com/set.mp4").json["batch_id"]
    settings = product("show", batch, "--json").json["settings"]
    wanted = {"model": "base", "language": "fr", "quotes": False, "summary": False, "format": "audio"}
    assert {name: settings[name] for name in wanted} == wanted
