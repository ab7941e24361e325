"""An export goes from asked for to ready, failed or cancelled, and keeps what it needs as long as it can be fetched."""

from datetime import timedelta
from typing import Any

import pytest

from core.domain.errors import BadInput, Refused
from core.domain.exports import (
    ExportFailure,
    ExportOptions,
    ExportPhase,
    ExportRecord,
    Missing,
    Packed,
    asked_to_cancel,
    begun,
    cancelled,
    failed,
    finished,
    parse_options,
)
from tests.support.storage import NOON

LATER = NOON + timedelta(hours=24)


def a_member(number: int = 1) -> Packed:
    return Packed(name=f"{number}.mp4", kind="video", run_id=f"r_{number}", stage="download", key=f"k{number}", size=1)


def an_export(**changes: Any) -> ExportRecord:
    values: dict[str, Any] = {
        "options": ExportOptions(format="merged"),
        "members": [a_member(1), a_member(2)],
        "key": "m",
    }
    at = {"created_at": NOON, "updated_at": NOON}
    return ExportRecord(
        export_id="e_1", batch_id="b_1", owner="local:ana", name="x.mp4", same="s", **(at | values | changes)
    )


def test_what_could_not_go_in_after_all_is_named_and_not_counted() -> None:
    lost = Missing(run_id="r_2", title="Talk 2", why="it is damaged", lost=True)
    made = finished(begun(an_export(), NOON), NOON, LATER, size=9, sha256="aa", suffix=".webm", left_out=[lost])
    assert (made.phase, [member.run_id for member in made.videos], made.missing) == (ExportPhase.READY, ["r_1"], [lost])
    assert made.name == "x.webm"


def test_a_finished_or_cancelled_export_is_begun_no_more() -> None:
    over = cancelled(an_export(), NOON)
    assert begun(over, LATER) is over


def test_an_export_keeps_what_it_needs_until_its_time_is_over() -> None:
    waiting = an_export()
    ready = finished(waiting, NOON, LATER, size=9, sha256="aa", suffix=".webm", left_out=[])
    zipped = an_export(options=ExportOptions(), key="", phase=ExportPhase.READY, expires_at=LATER)
    assert waiting.places(NOON) == {("merged", "m"), ("download", "k1"), ("download", "k2")}
    assert ready.places(NOON) == {("merged", "m")}
    assert zipped.places(NOON) == {("download", "k1"), ("download", "k2")}
    assert ready.places(LATER) == zipped.places(LATER) == set()
    assert failed(waiting, NOON, ExportFailure(code="x", message="y")).places(NOON) == set()


def test_cancelling_twice_is_cancelling_once_and_what_is_over_is_refused() -> None:
    asked = asked_to_cancel(an_export(), "local:ana", NOON)
    assert asked.cancel_by == "local:ana"
    assert asked_to_cancel(asked, "local:ben", NOON) is asked
    with pytest.raises(Refused, match="is ready"):
        asked_to_cancel(an_export(phase=ExportPhase.READY), "local:ana", NOON)


@pytest.mark.parametrize(
    "given", [{"format": "rar"}, {"prefix": "yes"}, {"nonsense": True}, {"pattern": ""}, {"pattern": "x" * 201}]
)
def test_options_that_there_are_not_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        parse_options(given)
