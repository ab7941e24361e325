"""Exporting a batch on its page: what it would be, said before; how far it is; and the link that fetches it."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from streamlit.testing.v1 import AppTest

from core.api import process
from core.domain.exports import ExportOptions, ExportPhase, ExportRecord
from core.domain.states import BatchPhase, Phase
from tests.pages.reading import html, labels, press, toasts
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
HOSTILE = "<img src=x onerror=alert(1)> \u202eevil"


@pytest.fixture
def batch_id(case: Showcase) -> str:
    """A batch with two finished videos and one that failed."""
    batch_id = case.batch("Talks", BatchPhase.COMPLETED)
    for number in (1, 2):
        case.run(batch_id, f"Talk {number}", Phase.COMPLETED)
    case.run(batch_id, "Broken", Phase.FAILED)
    return batch_id


def asked(batch_id: str, **options: object) -> ExportRecord:
    """An export of the batch."""
    manager = process.current().manager
    manager.storage.index.load()
    return manager.exports.asking.ask(batch_id, ExportOptions(**options), by="local:anna")[0]  # type: ignore[arg-type]


def test_the_dialog_says_what_it_would_be_before_anything_is_made(page: Open, batch_id: str) -> None:
    drawn = press(page("batches.py", batch=batch_id), "Export…")
    assert "<b>Talks.zip</b>" in html(drawn)
    assert "2 videos" in html(drawn)
    assert "<li>001_Talk 1.mp4</li><li>002_Talk 2.mp4</li>" in html(drawn)
    assert "Broken: it has failed" in html(drawn)
    assert process.current().manager.exports.shelf.all() == []


def test_an_export_is_asked_for_and_its_link_is_shown(page: Open, batch_id: str) -> None:
    drawn = press(page("batches.py", batch=batch_id), "Export…")
    drawn.button(key=f"export-{batch_id}").click()  # the test runner draws a dialog only in one turn
    drawn.button(key="export-now").click().run()
    assert not drawn.exception, drawn.exception
    (record,) = process.current().manager.exports.shelf.all()
    assert f'href="/api/exports/{record.export_id}/download?until=' in html(drawn)
    assert "Download ZIP" in html(drawn)


def test_what_was_put_in_beside_the_videos_tells_one_zip_from_the_next(page: Open, batch_id: str) -> None:
    asked(batch_id)
    asked(batch_id, transcripts=True)
    asked(batch_id, transcripts=True, summaries=True, include_failed=True)
    drawn = html(page("exports.py"))
    assert ">ZIP · 2 videos" in drawn or "· ZIP · 2 videos" in drawn
    assert "ZIP with transcripts · 2 videos" in drawn
    assert "ZIP with transcripts, summaries and failed runs ·" in drawn


def test_a_pattern_that_says_nothing_is_told_while_it_is_typed(page: Open, batch_id: str) -> None:
    drawn = page("batches.py", batch=batch_id)
    drawn.session_state["export-names"] = "own"
    drawn.session_state["export-pattern"] = "{tilte}"
    drawn = press(drawn, "Export…")
    assert not drawn.exception, drawn.exception
    assert "A file name cannot contain “{tilte}”." in html(drawn)
    assert "Export" not in labels(drawn)


def test_of_a_batch_at_work_what_is_finished_is_taken_only_when_that_is_said(case: Showcase, page: Open) -> None:
    batch_id = case.batch("Talks")
    case.run(batch_id, "Talk 1", Phase.COMPLETED)
    case.run(batch_id, "Talk 2", Phase.RUNNING)
    drawn = press(page("batches.py", batch=batch_id), "Export…")
    assert drawn.button(key="export-now").disabled
    assert "Talk 2: it is not finished" in html(drawn)
    drawn = page("batches.py", batch=batch_id)
    drawn.session_state["export-partial"] = True
    assert not press(drawn, "Export…").button(key="export-now").disabled


def test_a_batch_without_a_finished_video_offers_no_export(case: Showcase, page: Open) -> None:
    batch_id = case.batch("Talks")
    case.run(batch_id, "Talk")
    assert "Export…" not in labels(page("batches.py", batch=batch_id))


def test_the_history_tells_what_can_still_be_fetched(case: Showcase, page: Open, batch_id: str) -> None:
    record = asked(batch_id)
    later = asked(batch_id, prefix=True)
    case.store.exports.update(record.export_id, lambda old: replace(old, expires_at=old.created_at))
    drawn = page("exports.py")
    assert "2 exports" in html(drawn)
    assert "Expired" in html(drawn)
    assert f"/api/exports/{later.export_id}/download" in html(drawn)
    assert f"/api/exports/{record.export_id}/download" not in html(drawn)
    assert "24 h left" in html(drawn)
    assert "Make again" in labels(drawn)


def test_a_merged_video_shows_how_far_it_is_and_can_be_cancelled(case: Showcase, page: Open, batch_id: str) -> None:
    record = asked(batch_id, format="merged")
    case.store.exports.update(record.export_id, lambda old: replace(old, phase=ExportPhase.RUNNING))
    drawn = page("batches.py", batch=batch_id)
    assert "Being made" in html(drawn)
    drawn = press(drawn, "Cancel")
    assert "The export is being cancelled" in toasts(drawn)
    assert case.store.exports.get(record.export_id).value.cancel_by


def test_a_cancelled_export_was_never_made(case: Showcase, page: Open, batch_id: str) -> None:
    record = asked(batch_id, format="merged")
    case.store.exports.update(
        record.export_id, lambda old: replace(old, phase=ExportPhase.CANCELLED, completed_at=old.created_at)
    )
    drawn = html(page("exports.py"))
    assert "2 videos · cancelled " in drawn
    assert "made " not in drawn


def test_titles_are_shown_as_they_are(case: Showcase, page: Open) -> None:
    batch_id = case.batch(HOSTILE, BatchPhase.COMPLETED)
    case.run(batch_id, HOSTILE, Phase.COMPLETED)
    asked(batch_id)
    drawn = page("exports.py")
    assert "<img" not in html(drawn)
    assert "\u202e" not in html(drawn)


def test_an_empty_history_says_how_to_begin(page: Open) -> None:
    assert "Nothing was exported yet" in html(page("exports.py"))
