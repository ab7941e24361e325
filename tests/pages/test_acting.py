"""What a press of a button writes: intent, once, and nothing before it is confirmed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.api.process import current
from core.domain.errors import ErrorClass
from core.domain.run import Intent, Source, Transcript
from core.domain.states import BatchPhase, Phase, Want
from tests.pages.reading import html, labels, press
from tests.support.media_files import media_file
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
UPLOAD, LINK = "/srv/storage/uploads/0123456789abcdef/{}", "https://media.example.org/uploads/0123456789abcdef/talk.mp4"
ALL = {"Retry", "Resume", "Take in again", "Pause", "Stop", "Skip", "Cancel"}


@pytest.mark.parametrize(
    ("phase", "offered"),
    [
        (Phase.QUEUED, {"Pause", "Stop", "Skip", "Cancel"}),
        (Phase.RUNNING, {"Pause", "Stop", "Cancel"}),
        (Phase.COMPLETED, set()),
        (Phase.FAILED, {"Retry", "Skip"}),
        (Phase.CANCELLED, {"Retry"}),
        (Phase.SKIPPED, {"Take in again"}),
    ],
)
def test_only_what_is_possible_is_offered(case: Showcase, page: Open, phase: Phase, offered: set[str]) -> None:
    want = {Phase.SKIPPED: Want.SKIP, Phase.CANCELLED: Want.CANCEL}.get(phase, Want.RUN)
    run = case.run(case.batch("Talks"), "Talk", phase, intent=Intent(want=want))
    assert labels(page("run.py", run=run.run_id)) & ALL == offered


def test_pausing_writes_intent_and_resuming_takes_it_back(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk")
    drawn = press(page("run.py", run=run.run_id), "Pause")
    assert case.store.runs.get(run.run_id).value.intent.want == Want.PAUSE
    press(drawn, "Resume")
    assert case.store.runs.get(run.run_id).value.intent.want == Want.RUN


def test_a_retry_pressed_twice_on_the_same_sight_is_one_retry(case: Showcase, page: Open) -> None:
    run = case.fails(case.batch("Talks"), "Talk", ErrorClass.NETWORK, "The connection broke.")
    first, second = page("run.py", run=run.run_id), page("run.py", run=run.run_id)
    press(first, "Retry")
    gen = case.store.runs.get(run.run_id).gen
    press(second, "Retry")
    assert case.store.runs.get(run.run_id).gen == gen
    assert case.store.runs.get(run.run_id).value.intent.again


def test_cancelling_a_batch_asks_first_and_says_how_much_is_lost(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    case.run(batch, "One", Phase.COMPLETED)
    case.run(batch, "Two")
    case.run(batch, "Three", Phase.RUNNING)
    drawn = press(page("batches.py", batch=batch), "Cancel")
    assert case.store.batches.get(batch).value.phase == BatchPhase.RUNNING
    assert any("2 unfinished runs will be cancelled" in said.value for said in drawn.markdown)
    assert f"confirm-cancel-{batch}" in {button.key for button in drawn.button}


@pytest.mark.parametrize(
    ("source", "deleted"),
    [
        (Source(kind="file", value=UPLOAD.format("talk.mp4")), True),
        (Source(kind="url", value=LINK, transcript=Transcript(path=UPLOAD.format("talk.srt"), sha256="0" * 64)), True),
        (Source(kind="url", value=LINK), False),
    ],
)
def test_cancelling_what_never_began_says_that_its_uploads_go(
    case: Showcase, page: Open, source: Source, deleted: bool
) -> None:
    batch = case.batch("Talks", BatchPhase.DRAFT)
    case.run(batch, "One", source=source)
    drawn = press(page("batches.py", batch=batch), "Cancel")
    assert any("uploaded for this batch alone is deleted" in said.value for said in drawn.markdown) is deleted
    assert any("can be retried" in said.value for said in drawn.caption) is not deleted


def test_every_failed_run_of_a_batch_is_retried_at_once(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    runs = [case.fails(batch, f"Talk {number}", ErrorClass.NETWORK, "It broke.") for number in range(3)]
    press(page("batches.py", batch=batch), "Retry failed")
    assert all(case.store.runs.get(run.run_id).value.intent.again for run in runs)


def test_a_button_whose_time_is_over_does_nothing(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk")
    drawn = page("run.py", run=run.run_id)
    case.change(run, phase=Phase.COMPLETED)
    current().manager.storage.index.load()
    press(drawn, "Pause")
    assert "Pause" not in labels(drawn)
    assert case.store.runs.get(run.run_id).value.intent.want == Want.RUN


def new(page: Open, *sources: object) -> AppTest:
    """The form of a new batch with these sources in it."""
    drawn = page("new_batch.py")
    drawn.text_area[0].input("\n".join(str(source) for source in sources))
    return drawn


def test_sources_become_a_draft_with_the_settings_of_the_form(case: Showcase, page: Open) -> None:
    drawn = new(page, media_file("talk.mp4"), media_file("tone.wav", video=False))
    drawn.text_input[0].input("My talks")
    next(box for box in drawn.selectbox if box.label == "Speech model").select("base")
    press(drawn, "Keep as draft")
    (stored,) = [case.store.batches.get(batch_id).value for batch_id in case.store.batches.ids()]
    assert (stored.name, stored.phase, stored.settings.model) == ("My talks", BatchPhase.DRAFT, "base")
    assert len(case.store.runs.ids()) == 2


def test_what_cannot_be_taken_is_told_source_by_source_and_the_rest_is_started(case: Showcase, page: Open) -> None:
    drawn = press(new(page, media_file("talk.mp4"), "file:///etc/passwd", "http://10.0.0.1/x.mp4"), "Start")
    said = html(drawn)
    assert "1 source added" in said
    assert "2 sources not taken" in said
    assert "file:///etc/passwd" in said
    assert len(case.store.runs.ids()) == 1


def test_nothing_is_made_of_nothing(case: Showcase, page: Open) -> None:
    assert "There is nothing to add." in html(press(new(page), "Start"))
    said = html(press(new(page, "nonsense", "--exec=ls"), "Start"))
    assert "2 sources not taken" in said
    assert not case.store.batches.ids()


def test_a_folder_becomes_one_run_for_each_recording(case: Showcase, page: Open, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.mp4").write_bytes(media_file(f"{number}.mp4", seconds=float(number)).read_bytes())
    (folder / "notes.txt").write_text("not media")
    press(new(page, folder), "Start")
    assert len(case.store.runs.ids()) == 2
