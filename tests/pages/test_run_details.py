"""What the run page reads only when it is opened."""

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from core.domain.errors import ErrorClass
from core.domain.run import RunRecord
from core.domain.states import BatchPhase, Phase
from tests.pages.reading import components, html
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
OPENED = ("console", "work", "history", "state")


def opened(page: Open, run_id: str, *names: str) -> AppTest:
    """The page of a run with these expanders open."""
    drawn = page("run.py", run=run_id)
    for name in names:
        drawn.session_state[name] = True
    drawn.run()
    assert not drawn.exception, drawn.exception
    return drawn


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.RUNNING, Phase.COMPLETED, Phase.CANCELLED, Phase.SKIPPED])
def test_every_part_of_a_run_can_be_opened_at_every_phase(case: Showcase, page: Open, phase: Phase) -> None:
    run = case.run(case.batch("Talks"), "Talk", phase)
    drawn = opened(page, run.run_id, *OPENED)
    there = [box.label for box in drawn.expander]
    # What can be tried out on a video comes once there is one.
    assert there[-4:] == ["Console output", "Work", "History", "State"]
    assert ("Remove silence" in there) is (phase == Phase.COMPLETED)
    assert ("Export" in there) is (phase == Phase.COMPLETED)
    assert len(drawn.code) == 2  # what it said, and what happened
    assert len(drawn.json) == 1


def test_a_run_that_was_retried_days_later_took_only_what_was_worked_on_it(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks", BatchPhase.COMPLETED)
    run = case.run(batch, "Talk", Phase.COMPLETED, minutes=3 * 24 * 60)

    def retried(record: RunRecord) -> RunRecord:
        attempts = [replace(attempt, active_s=20.0) for attempt in record.attempts]
        return replace(record, attempts=attempts, completed_at=case.ago(0))

    case.store.runs.update(run.run_id, retried)
    shown = html(page("run.py", run=run.run_id))
    assert "took 1 min 20 s" in shown
    assert shown.count(">20 s") + shown.count("20 s ·") >= 4, "each stage of it tells its own work"


def test_a_finished_run_of_which_more_was_wanted_later_was_not_retried(case: Showcase, page: Open) -> None:
    run = case.change(case.run(case.batch("Talks"), "Speech", Phase.COMPLETED), retry_count=2)
    assert "retries" not in html(page("run.py", run=run.run_id))


def test_a_failed_run_can_be_opened(case: Showcase, page: Open) -> None:
    run = case.fails(case.batch("Talks"), "Talk", ErrorClass.NETWORK, "The connection broke.")
    drawn = opened(page, run.run_id, *OPENED)
    assert len(drawn.code) == 2
    assert len(drawn.json) == 1


def test_what_is_closed_is_not_read(case: Showcase, page: Open) -> None:
    drawn = opened(page, case.run(case.batch("Talks"), "Talk").run_id)
    assert not drawn.code
    assert not drawn.json


def test_the_history_names_what_happened_to_this_run_and_by_whom(case: Showcase, page: Open) -> None:
    batch = case.batch("Talks")
    run, other = case.run(batch, "Talk"), case.run(batch, "Other")
    drawn = page("run.py", run=run.run_id)
    next(button for button in drawn.button if button.label == "Pause").click().run()
    assert "Nothing yet." in opened(page, other.run_id, "history").code[0].value
    (line,) = opened(page, run.run_id, "history").code[0].value.splitlines()
    assert "pause" in line


def test_the_work_of_a_finished_run_and_its_files_are_shown(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    drawn = opened(page, run.run_id, "work")
    assert components(drawn, "reader")
    assert f"/api/runs/{run.run_id}/files/transcribe/transcript.srt?save" in html(drawn)
    assert "<dt>Download</dt>" in html(drawn)


def test_what_can_be_saved_is_named_by_what_it_is(case: Showcase, page: Open) -> None:
    run = case.run(case.batch("Talks"), "Talk", Phase.COMPLETED)
    case.without_silence(run)
    case.pictured(run, 1)
    drawn = html(page("run.py", run=run.run_id))
    saved = re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", drawn.partition('class="rp-files"')[2])
    assert [(what, re.findall(r">([^<>]+)<(?:/a|small)", links)) for what, links in saved] == [
        ("Recording", ["MP4"]),
        ("Transcript", ["Text", "SRT", "Word", "Markdown", "TSV", "JSON", "Whisper JSON"]),
        ("Quotes", ["SRT", "Word", "Markdown", "CSV", "JSON"]),
        ("Summary", ["PDF", "Markdown", "JSON"]),
        ("Cuts", ["JSON"]),
        ("Without silence", ["MP4"]),
        ("Transcript of the cut", ["Word", "Markdown", "TSV", "JSON", "Whisper JSON"]),
        ("Quotes of the cut", ["SRT", "JSON"]),
    ]
