"""What a person reads on a terminal: what was asked for, what holds work up, and what to type next."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.cli.main import run_cli
from core.cli.show import show_left
from core.domain.batch import Pause
from core.domain.errors import ErrorClass
from core.domain.states import BatchPhase, Phase
from core.domain.words import gigabytes
from tests.support.showcase import Showcase

Say = Callable[..., str]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Showcase]:
    monkeypatch.setenv("REPRISE_STORAGE", str(tmp_path / "storage"))
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", "0")
    case = Showcase(tmp_path / "storage")
    case.hold()
    yield case
    case.close()


@pytest.fixture
def say(case: Showcase, capfd: pytest.CaptureFixture[str]) -> Say:
    """A command line in this process; gives all that it said."""
    del case

    def speak(*words: str, code: int = 0) -> str:
        got = run_cli(list(words))
        out, err = capfd.readouterr()
        assert got == code, out + err
        return out + err

    return speak


def test_an_answer_names_the_command_that_was_given(case: Showcase, say: Say) -> None:
    batch = case.batch("Talks")
    run = case.run(batch, "Talk 1")
    assert f"{run.run_id}: pause, asked for" in say("pause", run.run_id)
    assert f"{run.run_id}: resume, asked for" in say("resume", run.run_id)
    assert "resume, nothing to change" in say("resume", run.run_id)


def test_a_refusal_names_the_run_to_look_at(case: Showcase, say: Say) -> None:
    run = case.run(case.batch("Talks"), "Talk 1", Phase.COMPLETED)
    assert f"./reprise show {run.run_id} tells more." in say("stop", run.run_id, code=4)
    going = case.run(case.batch("More"), "Talk 2", Phase.RUNNING)
    assert f"./reprise stop {going.run_id} ends it; then it can be skipped." in say("skip", going.run_id, code=4)


def test_a_batch_is_shown_with_what_it_was_given(case: Showcase, say: Say) -> None:
    batch = case.batch("Talks", BatchPhase.DRAFT, description="of the spring", priority=7, concurrency=2)
    case.run(batch, "Talk 1")
    shown = say("show", batch)
    assert "of the spring" in shown
    assert "priority 7, 2 at a time" in shown
    assert f"./reprise start {batch} starts it." in shown


def test_a_batch_that_paused_itself_names_its_failures_and_how_it_goes_on(case: Showcase, say: Say) -> None:
    batch = case.batch("Links")
    runs = [case.fails(batch, f"Gone {n}", ErrorClass.REMOVED, "It is gone.") for n in range(5)]
    case.run(batch, "Still there")
    pause = Pause(reason="auto", by="service", why="5 runs failed", at=case.ago(2), runs=[run.run_id for run in runs])
    case.change_batch(batch, phase=BatchPhase.PAUSED, pause=pause)
    shown = say("show", batch)
    assert "They are Gone 0, Gone 1, Gone 2, Gone 3, Gone 4;" in shown
    assert f"./reprise resume {batch} tries them again, one at first." in shown
    assert f"{runs[0].run_id}: It is gone. " in shown


def test_a_pause_of_everything_is_told_of_a_batch_too(case: Showcase, say: Say) -> None:
    batch = case.batch("Talks")
    case.run(batch, "Talk 1")
    say("pause", "--reason", "lunch")
    shown = say("show", batch)
    assert "Everything: paused" in shown
    assert '"lunch"' in shown


def test_a_stalled_run_is_told_from_the_others_and_says_what_helps(case: Showcase, say: Say) -> None:
    batch = case.batch("Talks")
    run = case.stalls(case.run(batch, "Talk 1", Phase.RUNNING, done=1))
    case.run(batch, "Talk 2", Phase.RUNNING, done=1)
    assert [line.split()[1] for line in say("list").splitlines()[1:]] == ["stalled", "running"]
    shown = say("show", run.run_id)
    assert "Transcribe has made nothing new for 12 min." in shown
    assert f"./reprise recover {run.run_id} begins it anew" in shown
    assert "./reprise recover begins them anew" in say("status")


def test_a_queue_in_which_nothing_waits_says_so(case: Showcase, say: Say) -> None:
    case.run(case.batch("Talks", BatchPhase.DRAFT), "Talk 1")
    assert say("queue").endswith("Nothing waits.\n")


def test_a_full_disk_is_told_by_status(case: Showcase, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    case.close()  # without a service, which would tell itself
    monkeypatch.setenv("REPRISE_FREE_SPACE_BYTES", str(10**18))
    assert "1100000000.0 GB are needed; work goes on by itself" in say("status")


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.2, 290.0, "Up to 4 min 50 s left\n"),
        (9.6, 10.4, "About 10 s left\n"),
        (60.0, 120.0, "About 1 min 0 s to 2 min 0 s left\n"),
    ],
)
def test_what_is_left_is_told_as_a_range(low: float, high: float, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    show_left({"low": low, "high": high}, paused=False)
    assert capfd.readouterr().out == said


def test_little_space_is_told_in_megabytes() -> None:
    assert (gigabytes(12_340_000_000), gigabytes(20_000_000)) == ("12.3 GB", "20 MB")


def test_what_is_paused_says_how_it_goes_on(case: Showcase, say: Say) -> None:
    batch = case.batch("Talks")
    first, second = case.run(batch, "Talk 1"), case.run(batch, "Talk 2")
    say("pause", first.run_id)
    say("pause", first.batch_id, "--reason", "cookies expired")
    assert f"./reprise resume {first.run_id} lets it go on." in say("show", first.run_id)
    assert f"./reprise resume {first.batch_id} lets it go on." in say("show", first.batch_id)
    assert f"Batch {first.batch_id} is paused; ./reprise show {first.batch_id} says why" in say("status")
    assert "lets it go on" not in say("show", second.run_id), "its batch is paused, not itself"


def test_a_cancelled_run_says_by_whom_and_how_to_take_it_up_again(case: Showcase, say: Say) -> None:
    run = case.run(case.batch("Talks"), "Talk 1", Phase.CANCELLED)
    assert f"./reprise retry {run.run_id} takes it up again." in say("show", run.run_id)


def test_a_search_names_recording_and_moment(case: Showcase, say: Say) -> None:
    run = case.run(case.batch("Talks"), "River talk", Phase.COMPLETED)
    said = say("search", "salmon", "upper river")
    assert f"{run.run_id}  River talk" in said
    assert "  00:00:10  quote       The most important result is that salmon have returned to the upper river" in said
    assert said.count(run.run_id) == 1
    assert "Nothing was found" in say("search", "whale")
    assert "Nothing was found" in say("search", '"river upper"')
    assert "There is no word" in say("search", "?!", code=5)


def test_a_search_as_json_has_what_the_contract_names(case: Showcase, say: Say) -> None:
    run = case.run(case.batch("Talks"), "River talk", Phase.COMPLETED)
    found = json.loads(say("search", "farmers", "--json"))
    assert {"run_id", "kind", "start", "text"} <= set(found["hits"][0])
    assert {hit["run_id"] for hit in found["hits"]} == {run.run_id}
    assert (found["more"], found["unreadable"]) == (False, [])


def test_results_are_saved_under_the_name_of_the_video(case: Showcase, say: Say, tmp_path: Path) -> None:
    run = case.run(case.batch("Talks"), "River: a talk", Phase.COMPLETED)
    out = tmp_path / "out"
    say("get", run.run_id, "transcript.srt", "summary.pdf", "quotes.csv", "-o", str(out), "--titled")
    assert sorted(path.name for path in out.iterdir()) == [
        "River： a talk.quotes.csv",
        "River： a talk.srt",
        "River： a talk.summary.pdf",
    ]
    say("get", run.run_id, "transcribe/transcript.json", "transcript.docx", "-o", str(out))
    assert (out / "transcript.json").is_file()
    made = json.loads(say("get", run.run_id, "transcript.docx", "-o", str(out), "--json"))["files"][0]
    content = (out / "transcript.docx").read_bytes()
    assert (made["size"], made["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
