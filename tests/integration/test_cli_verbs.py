"""The verbs: what each teaches, how each refuses, and the exit codes other programs rely on."""

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from core.cli.main import run_cli, verbs
from core.cli.output import EXIT_CODES, INTERNAL, INTERRUPTED, USAGE
from tests.support.media_files import mp4
from tests.support.product import ROOT, Product, command
from tests.support.speech import talk
from tests.support.waiting import until

CONTRACT = (
    "add show list status log why history audit get serve start pause resume stop cancel retry skip unskip recover "
    "report queue priority reorder edit remove delete restore doctor check search export exports silence clip template "
    "defaults cleanup archive token person notices notify"
)
Spoken = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A finished run and a draft; no service."""
    product = Product(tmp_path_factory.mktemp("verbs"))
    try:
        product("add", "--json", "--wait", "--set", "transcribe=false", mp4())
        product("add", "--json", "--draft", mp4(seconds=3.0))
        yield product
    finally:
        product.close()


@pytest.fixture
def say(product: Product, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Spoken:
    """A command line in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("REPRISE_STORAGE", str(product.storage))
    monkeypatch.setenv("REPRISE_HUB", "false")

    def speak(*words: str) -> tuple[int, str, str]:
        code = run_cli(words)
        out, err = capfd.readouterr()
        return code, out, err

    return speak


@pytest.fixture(scope="module")
def ids(product: Product) -> dict[str, str]:
    listed = product("list", "--json").json["runs"]
    found = {run["phase"]: run["run_id"] for run in listed} | {
        f"batch of {run['phase']}": run["batch_id"] for run in listed
    }
    return (
        found
        | {"{done}": found["completed"], "{draft}": found["queued"]}
        | {
            "{batch}": found["batch of completed"],
            "{draft batch}": found["batch of queued"],
        }
    )


def test_there_are_the_verbs_of_the_contract_and_none_half_done() -> None:
    assert set(verbs.commands) == {*CONTRACT.split(), "help"}


def test_the_document_of_the_command_line_has_every_verb_and_every_exit_code() -> None:
    document = (ROOT / "docs" / "cli.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE)
    codes = {str(code) for _, code in EXIT_CODES} | {"0", "1", str(USAGE), str(INTERNAL), str(INTERRUPTED)}
    assert set(rows) == {*CONTRACT.split(), *codes}


def whole(name: str) -> list[str]:
    """The verb as it is typed; one that groups others as each of these."""
    verb = verbs.commands[name]
    return [f"{name} {word}" for word in verb.commands] if isinstance(verb, click.Group) else [name]


@pytest.mark.parametrize("name", [words for name in CONTRACT.split() for words in whole(name)])
def test_every_verb_teaches_itself_and_takes_json(name: str, say: Spoken) -> None:
    code, out, err = say(*name.split(), "--help")
    assert (code, err) == (0, "")
    assert f"reprise {name}" in out
    assert "--json" in out
    verb: click.Command = verbs
    for word in name.split():
        assert isinstance(verb, click.Group)
        verb = verb.commands[word]
    assert verb.help
    assert verb.help.strip().splitlines()[0].endswith(".")
    unexplained = [param.name for param in verb.params if isinstance(param, click.Option) and not param.help]
    assert not unexplained


# The words, the exit code, the code of the error and words of its sentence; {…} stand for ids.
REFUSED: tuple[tuple[str, int, str, str], ...] = (
    ("stats", 2, "usage", "no verb “stats”. Did you mean “status”?"),
    ("token create", 2, "usage", "Missing argument"),
    ("token create ci --scope all", 2, "usage", "all"),
    ("token create ci --owner a/b", 5, "bad_input", "“a/b” is no name of an owner"),
    ("token create ci --expires soon", 5, "bad_input", "“soon” is no time"),
    ("token create ci --expires 2020-01-01", 5, "bad_input", "is over already"),
    ("token revoke never", 3, "not_found", "no token “never”"),
    ("status --bad", 2, "usage", "--bad"),
    ("show", 2, "usage", "Missing argument"),
    ("cancel", 2, "usage", "Missing argument"),
    ("retry", 2, "usage", "either a run, or --failed BATCH"),
    ("retry {done} --failed {batch}", 2, "usage", "either a run, or --failed BATCH"),
    ("list --phase sleeping", 2, "usage", "sleeping"),
    ("history --limit 0", 2, "usage", "0 is not in the range"),
    ("get {done}", 2, "usage", "-o FOLDER"),
    ("get {done} media", 2, "usage", "-o FOLDER"),
    ("show nonsense", 3, "not_found", "is no id: runs begin with r_, batches with b_"),
    ("show r_nothing", 3, "not_found", "no run r_nothing"),
    ("show r_../../etc/passwd", 3, "not_found", "no run r_../../etc/passwd"),
    ("show b_nothing", 3, "not_found", "no batch b_nothing"),
    ("list --batch b_nothing", 3, "not_found", "no batch b_nothing"),
    ("why r_nothing", 3, "not_found", "no run"),
    ("log r_nothing", 3, "not_found", "no run"),
    ("get r_nothing -o out", 3, "not_found", "no run"),
    ("get {done} ../../state/pool.json -o out", 3, "not_found", "has no file ../../state/pool.json"),
    ("get {done} summary.pdf -o out", 3, "not_found", "has no file summary.pdf"),
    ("get {done} quotes.json -o out", 3, "not_found", "its settings leave quotes out"),
    ("start {done}", 3, "not_found", "is a run; “start” is for batches"),
    ("skip {batch}", 3, "not_found", "is a batch; “skip” is for runs"),
    ("retry {batch}", 3, "not_found", "is a batch; “retry” is for runs"),
    ("retry --failed b_nothing", 3, "not_found", "no batch"),
    ("get {draft} media -o out", 4, "not_made_yet", "is not made yet; the run is queued"),
    ("retry {done}", 4, "refused", "is completed; it cannot be retried"),
    ("retry --failed {batch}", 4, "refused", "No run of batch"),
    ("pause {done}", 4, "refused", "is completed; it cannot be paused"),
    ("resume {done}", 4, "refused", "is completed; it cannot be resumed"),
    ("stop {done}", 4, "refused", "is completed; it cannot be stopped"),
    ("cancel {done}", 4, "refused", "is completed; it cannot be cancelled"),
    ("unskip {done}", 4, "refused", "is completed; it cannot be unskipped"),
    ("pause {batch}", 4, "refused", "is completed; it cannot be paused"),
    ("start {batch}", 4, "refused", "is completed; it cannot be started"),
    ("cancel {batch}", 4, "refused", "is completed; it cannot be cancelled"),
    ("resume {draft batch}", 4, "refused", "is a draft; there is nothing to resume"),
    ("pause {draft batch}", 4, "refused", "is a draft; it cannot be paused"),
    ("recover {done}", 4, "refused", "is completed; it cannot be recovered"),
    ("recover {draft}", 4, "refused", "is queued; it cannot be recovered"),
    ("remove {done}", 4, "refused", "is completed; it cannot be removed"),
    ("remove {draft}", 4, "refused", "is the only one of batch"),
    ("priority {done} 3", 4, "refused", "is completed; its priority cannot be changed"),
    ("priority {batch} 3", 4, "refused", "is completed; its priority cannot be changed"),
    ("edit {batch} --name x", 4, "refused", "is completed; it cannot be edited"),
    ("reorder {batch} {done}", 4, "refused", "is completed; its order cannot be changed"),
    ("recover r_nothing", 3, "not_found", "no run r_nothing"),
    ("remove {batch}", 3, "not_found", "is a batch; “remove” is for runs"),
    ("priority r_nothing 3", 3, "not_found", "no run r_nothing"),
    ("priority b_nothing 3", 3, "not_found", "no batch b_nothing"),
    ("reorder b_nothing {draft}", 3, "not_found", "no batch b_nothing"),
    ("edit b_nothing --name x", 3, "not_found", "no batch b_nothing"),
    ("edit {draft} --name x", 3, "not_found", "is a run; “edit” is for batches"),
    ("delete b_nothing", 3, "not_found", "no batch b_nothing"),
    ("delete b_nothing --hard", 3, "not_found", "no batch b_nothing"),
    ("delete {batch} --hard", 2, "usage", "say --yes"),
    ("restore b_nothing", 3, "not_found", "no batch b_nothing"),
    ("edit {draft batch}", 2, "usage", "Say what to change"),
    ("reorder {draft batch}", 2, "usage", "Missing argument"),
    ("priority {draft}", 2, "usage", "Missing argument"),
    ("priority {draft} 11", 5, "out_of_range", "priority is 11; it has to be a whole number from 0 to 10"),
    ("priority {draft} 5.5", 5, "out_of_range", "priority is 5.5; it has to be a whole number from 0 to 10"),
    ("priority {draft} true", 5, "out_of_range", "priority is true; it has to be a whole number from 0 to 10"),
    ("priority {draft batch} -1", 5, "out_of_range", "priority is -1; it has to be a whole number from 0 to 10"),
    (
        "edit {draft batch} --concurrency 0",
        5,
        "out_of_range",
        "concurrency is 0; it has to be a whole number from 1 to 5",
    ),
    ("edit {draft batch} --set modle=base", 5, "bad_input", "no setting “modle”"),
    ("edit {draft batch} --set export_quality=8K", 5, "bad_input", "export_quality is not usable"),
    ("reorder {draft batch} {draft} {draft}", 5, "not_usable", "Named twice: r_"),
    ("reorder {draft batch} {done}", 5, "not_usable", "Not in batch b_"),
    ("reorder {draft batch} r_nothing", 5, "not_usable", "Not in batch b_"),
    ("log {done} --stage baking", 5, "bad_input", "no stage “baking”"),
    ("retry {done} --from baking", 5, "bad_input", "no stage “baking”"),
    ("retry {done} --set modle=base", 5, "bad_input", "no setting “modle”"),
)


@pytest.mark.parametrize(("words", "code", "kind", "sentence"), REFUSED, ids=[case[0] for case in REFUSED])
def test_a_refusal_has_its_exit_code_a_sentence_and_a_hint(
    words: str, code: int, kind: str, sentence: str, say: Spoken, ids: dict[str, str]
) -> None:
    for placeholder, id_ in ids.items():
        words = words.replace(placeholder, id_)
    got, out, err = say(*words.split(), "--json")
    error = json.loads(err)["error"]
    assert (got, out, error["code"]) == (code, "", kind)
    assert sentence in error["message"]
    assert error["hint"]


def test_without_json_the_same_is_said_in_two_lines(say: Spoken) -> None:
    code, out, err = say("why", "r_nothing")
    assert (code, out) == (3, "")
    assert err.splitlines() == ["Error: There is no run r_nothing.", "Hint: ./reprise list shows what there is."]


def test_json_may_stand_before_the_verb(say: Spoken) -> None:
    code, out, _ = say("--json", "status")
    assert code == 0
    assert json.loads(out)["status"]


def test_no_verb_at_all_shows_what_there_is(say: Spoken) -> None:
    code, out, err = say()
    assert (code, out) == (2, "")
    assert all(name in err for name in CONTRACT.split())


def test_an_unexpected_error_names_its_log_and_shows_no_trace(
    say: Spoken, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.manager.views.Views.status", lambda self: {}["nothing"])
    code, out, err = say("status", "--json")
    assert (code, out) == (70, "")
    error = json.loads(err)["error"]
    assert error["code"] == "internal"
    (log,) = product.layout.logs.glob("cli-error-*.log")
    assert str(log) in error["hint"]
    assert "KeyError" in log.read_text()
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_is_no_error(product: Product) -> None:
    first = subprocess.Popen(
        [*command(), "list"], env=product.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert first.stdout is not None
    first.stdout.close()
    assert first.wait(timeout=60) == 0
    assert first.stderr is not None
    assert first.stderr.read() == b""
    first.stderr.close()


def test_a_title_cannot_steer_the_terminal(product: Product, tmp_path: Path) -> None:
    evil = tmp_path / "\x1b[31mred\x07\u202e.mp4"
    evil.write_bytes(mp4(seconds=1.3).read_bytes())
    run = product.run_of(product("add", "--json", "--draft", evil))
    for words in (("list",), ("show", run), ("why", run), ("audit",)):
        said = product(*words)
        assert not [c for c in said.out + said.err if c != "\n" and not c.isprintable()]


@pytest.mark.speech
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_wait_says_so_and_stops_the_service_it_started(tmp_path: Path, number: int) -> None:
    product = Product(tmp_path)
    waiting = subprocess.Popen(  # tests that run in the background of a shell ignore an interrupt, and so would it
        ["env", "--default-signal=INT", *command(), "add", "--wait", "--json", str(talk(16))],
        env=product.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until(lambda: product.has_service() and bool(list(product.layout.progress.glob("r_*.json"))))
        waiting.send_signal(number)
        out, err = waiting.communicate(timeout=60)
    finally:
        waiting.kill()
        product.close()
    assert (waiting.returncode, out) == (130, "")
    assert json.loads(err)["error"]["code"] == "interrupted"
    assert not product.has_service()
    (run,) = product.layout.state.glob("r_*.json")
    assert product.phase(run.stem) == "queued", "it goes on when a service is there again"
