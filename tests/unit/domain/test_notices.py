"""Which lines of the journal people are told of, and in which words."""

from datetime import timedelta
from typing import Any

import pytest

from core.domain.batch import BatchRecord
from core.domain.errors import BadInput, ErrorClass
from core.domain.letters import LISTED, letter, summed_up
from core.domain.notices import Kind, Notice, kinds_in, news_in, told
from core.domain.run import Failure, RunRecord, Source
from core.domain.states import BatchPhase, FailureKind, Phase
from core.system.clock import rfc3339
from tests.support.storage import NOON

HOME = "http://127.0.0.1:8501"


def line(type_: str, to: str | None = None, **fields: Any) -> dict[str, Any]:
    """A line of the journal as it is read."""
    data = {"transition": "b_1.4", "at": rfc3339(NOON), "why": "why"} | fields.pop("data", {})
    return {
        "seq": 1,
        "t": rfc3339(NOON),
        "type": type_,
        "to": to,
        "batch_id": "b_1",
        "data": data,
    } | fields


def run(number: int, phase: Phase, **fields: Any) -> RunRecord:
    failure = Failure(kind=FailureKind.PERMANENT, error_class=ErrorClass.REMOVED, message="It is gone.")
    values = {"title": f"Talk {number}", "failure": failure if phase == Phase.FAILED else None} | fields
    return RunRecord(
        run_id=f"r_{number}",
        batch_id="b_1",
        space_id="s",
        position=number,
        source=Source(kind="url", value="https://example.org/1"),
        owner="ana",
        created_at=NOON,
        updated_at=NOON,
        phase=phase,
        **values,
    )


def batch(**fields: Any) -> BatchRecord:
    values: dict[str, Any] = {"name": "Spring talks", "phase": BatchPhase.COMPLETED} | fields
    return BatchRecord(batch_id="b_1", owner="ana", created_at=NOON, updated_at=NOON, **values)


def notice(number: int = 1, kind: Kind = Kind.BATCH_COMPLETED, owner: str = "ana", run_id: str | None = None) -> Notice:
    """A notice as `told` makes them."""
    return Notice(
        number=number,
        event=f"b_{number}.4",
        kind=kind,
        tone="good",
        at=NOON,
        owner=owner,
        batch_id=f"b_{number}",
        run_id=run_id,
        title=f"Talks {number}",
        what="is completed",
        text="2 runs: 2 completed.",
    )


@pytest.mark.parametrize(
    ("type_", "to", "kind"),
    [
        ("batch.settle", "completed", Kind.BATCH_COMPLETED),
        ("batch.settle", "failed", Kind.BATCH_FAILED),
        ("batch.auto_pause", "paused", Kind.BATCH_PAUSED),
        ("run.poison", "failed", Kind.RUN_POISONED),
        ("run.stall", "failed", Kind.RUN_STALLED),
    ],
)
def test_what_ends_badly_or_well_is_news(type_: str, to: str, kind: Kind) -> None:
    news = news_in(line(type_, to, run_id="r_1"), NOON)
    assert news is not None
    assert (news.kind, news.event, news.at, news.why) == (kind, "b_1.4", NOON, "why")


@pytest.mark.parametrize(
    ("type_", "to"),
    [
        ("batch.pause", "paused"), ("batch.cancel", "cancelled"), ("run.complete", "completed"), ("run.fail", "failed"),
        ("run.crash", "queued"), ("run.shutdown", "queued"), ("run.slow", None), ("command.pause", None),
        ("journal.reconciled", None), ("batch.reopen", "running"), ("nonsense", "completed"),
    ],
)  # fmt: skip
def test_what_a_person_did_and_every_step_is_none(type_: str, to: str | None) -> None:
    assert news_in(line(type_, to), NOON) is None


def test_an_attempt_stalls_once_however_often_it_is_said() -> None:
    said = {"attempt": "a_7", "run_id": "r_1", "data": {"message": "Nothing new for 6 min."}}
    found = news_in({**line("run.stalled"), **said}, NOON)
    assert found is not None
    assert (found.event, found.kind, found.why) == ("a_7.stalled", Kind.RUN_STALLED, "Nothing new for 6 min.")


def test_what_is_a_day_old_is_history() -> None:
    assert news_in(line("batch.settle", "completed"), NOON + timedelta(hours=23)) is not None
    assert news_in(line("batch.settle", "completed"), NOON + timedelta(hours=25)) is None


@pytest.mark.parametrize("bad", [{"batch_id": None}, {"batch_id": 7}, {"data": {"at": "soon"}}])
def test_a_line_that_says_too_little_is_no_news(bad: dict[str, Any]) -> None:
    assert news_in({**line("batch.settle", "completed"), **bad}, NOON) is None


def said(kind: str, to: str, batch_: BatchRecord, *runs: RunRecord, **fields: Any) -> Notice:
    news = news_in(line(kind, to, **fields), NOON)
    assert news is not None
    return told(news, batch_, runs, 9)


def test_a_batch_is_told_with_how_its_runs_ended() -> None:
    whole = said("batch.settle", "completed", batch(), run(1, Phase.COMPLETED), run(2, Phase.SKIPPED))
    assert (whole.number, whole.owner, whole.tone) == (9, "ana", "good")
    assert (whole.headline, whole.text) == ("Spring talks is completed", "2 runs: 1 completed, 1 skipped.")
    part = said("batch.settle", "completed", batch(), run(1, Phase.COMPLETED), run(2, Phase.FAILED))
    assert (part.headline, part.tone) == ("Spring talks is partly completed", "warn")
    assert part.text == "2 runs: 1 completed, 1 failed. It is gone."
    none = said("batch.settle", "failed", batch(phase=BatchPhase.FAILED), run(1, Phase.FAILED))
    assert (none.headline, none.text, none.tone) == ("Spring talks failed", "1 run: 1 failed. It is gone.", "bad")


def test_a_pause_says_why_and_whether_it_is_over_by_now() -> None:
    here = said("batch.auto_pause", "paused", batch(phase=BatchPhase.PAUSED))
    assert (here.headline, here.text) == ("Spring talks paused itself", "why")
    assert said("batch.auto_pause", "paused", batch(phase=BatchPhase.RUNNING)).text == "why It goes on since."


def test_a_run_is_told_by_its_title() -> None:
    one = said("run.poison", "failed", batch(), run(1, Phase.FAILED), run_id="r_1")
    assert (one.headline, one.run_id) == ("Talk 1 ended its worker too often", "r_1")
    untitled = said("run.poison", "failed", batch(), run(1, Phase.FAILED, title=""), run_id="r_1")
    assert untitled.title == "https://example.org/1"


def test_titles_are_one_short_line() -> None:
    one = said("batch.settle", "completed", batch(name="a\r\nBcc: b\x00" + "x" * 300), run(1, Phase.COMPLETED))
    assert "\n" not in one.title
    assert len(one.title) == 120


def test_one_letter_says_what_happened_and_where_to_look() -> None:
    written = letter([notice()], HOME)
    assert (written.type, written.subject) == ("batch.completed", "Talks 1 is completed")
    assert f"{HOME}/batches?batch=b_1" in written.text
    assert written.data["headline"] == "Talks 1 is completed"
    assert written.data["at"] == NOON.isoformat().replace("+00:00", "Z")
    assert "event" not in written.data
    assert letter([notice(run_id="r_9")], HOME).data["url"] == f"{HOME}/run?run=r_9"


def test_many_are_one_digest_that_stays_small() -> None:
    many = [notice(number) for number in range(1, 41)] + [notice(41, Kind.RUN_STALLED)]
    written = letter(many, HOME)
    assert (written.type, written.subject) == ("digest", "40 batches completed, 1 run stalled")
    assert written.text.count("is completed\n") == LISTED
    assert "… and 11 more" in written.text
    assert (written.data["count"], len(written.data["notices"]), written.data["more"]) == (41, 10, 31)


def test_counts_are_in_words() -> None:
    assert summed_up([notice(1, Kind.BATCH_FAILED), notice(2), notice(3)]) == "2 batches completed, 1 batch failed"


def test_kinds_are_named_in_a_list_and_a_wrong_one_is_refused() -> None:
    assert kinds_in(" batch_failed , run_stalled,") == {Kind.BATCH_FAILED, Kind.RUN_STALLED}
    assert kinds_in("") == frozenset()
    with pytest.raises(BadInput, match="no event “all”"):
        kinds_in("all")
