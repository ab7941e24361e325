"""What goes into an export and what does not, said before and after; the same asked for twice is one export."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from core.domain.batch import Member
from core.domain.errors import NotFound, Refused
from core.domain.exports import ExportOptions, ExportPhase
from core.domain.packing import CONTENTS
from core.domain.run import Source
from core.domain.states import BatchPhase, Phase
from tests.support.exporting import ANA, DAY_S, Shop
from tests.support.names import is_safe
from tests.support.storage import BATCH


def why(shop: Shop, **options: bool) -> dict[str, str]:
    """What is missing from an export of the batch, and why."""
    plan = shop.exports.asking.plan(BATCH, ExportOptions(**options))
    return {missing.title: missing.why for missing in plan.missing}


def test_finished_videos_are_numbered_by_their_place_in_the_batch(shop: Shop) -> None:
    shop.video("Opening")
    shop.video("Broken", phase=Phase.FAILED)
    shop.video("Ending")
    assert shop.names() == ["001_Opening.mp4", "003_Ending.mp4", CONTENTS]
    assert why(shop) == {"Broken": "it has failed"}


def test_failed_ones_go_in_when_they_are_asked_for_and_there_is_a_video(shop: Shop) -> None:
    shop.video("Opening")
    shop.video("Broken", phase=Phase.FAILED)
    nothing = shop.video("Nothing", phase=Phase.FAILED)
    shop.change_run(nothing, stages={})
    assert shop.names(include_failed=True)[:2] == ["001_Opening.mp4", "002_Broken.mp4"]
    assert why(shop, include_failed=True) == {"Nothing": "it ended before there was a video of it"}


def test_the_video_that_most_was_done_to_is_the_one_that_is_exported(shop: Shop) -> None:
    shop.video("Original")
    cut = shop.video("Cut", stage="remove_silence", name="silence_removed.mp4")
    shop.video("Exported", stage="export", name="exported.webm")
    members = shop.ask().members
    assert [member.name for member in members] == ["001_Original.mp4", "002_Cut.mp4", "003_Exported.webm"]
    assert [member.stage for member in members] == ["download", "remove_silence", "export"]
    assert members[1].key == cut.stages["remove_silence"].key


def test_where_there_was_no_pause_to_cut_the_video_itself_is_exported(shop: Shop) -> None:
    run = shop.video("Talk", texts=("transcribe",))
    uncut = shop.publish("remove_silence", {"cuts.json": b"{}"})
    shop.change_run(run, stages={**run.stages, "remove_silence": uncut})
    film, text = shop.ask(transcripts=True).members[:2]
    assert (film.name, film.stage) == ("001_Talk.mp4", "download")
    assert text.stage == "transcribe"
    assert why(shop) == {}


def test_what_a_page_calls_a_language_leads_out_of_no_folder(shop: Shop) -> None:
    run = shop.video("Talk", texts=("transcribe",))
    evil = shop.publish("transcribe", {"transcript.srt": b"said"}, language="/../../../home/ana/.profile")
    shop.change_run(run, stages={**run.stages, "transcribe": evil})
    names = shop.names(transcripts=True)
    assert names[0] == "001_Talk.mp4"
    assert all(is_safe(name) for name in names), names


def test_texts_lie_beside_their_video_when_they_are_asked_for(shop: Shop) -> None:
    shop.video("Talk", texts=("transcribe", "summary", "quotes"))
    assert shop.names() == ["001_Talk.mp4"]
    assert shop.names(transcripts=True, summaries=True, quotes=True) == [
        "001_Talk.mp4",
        "001_Talk.en.srt",
        "001_Talk.txt",
        "001_Talk.summary.md",
        "001_Talk.quotes.md",
    ]


def test_a_skipped_run_is_not_missed(shop: Shop) -> None:
    shop.video("Opening")
    shop.video("Left out", phase=Phase.SKIPPED)
    assert shop.names() == ["001_Opening.mp4"]


def test_a_file_that_is_gone_is_named_and_never_silently_left_out(shop: Shop) -> None:
    shop.video("Opening")
    lost = shop.video("Lost")
    shop.file(lost).unlink()
    record = shop.ask()
    assert [(missing.title, missing.lost) for missing in record.missing] == [("Lost", True)]
    assert "its video is gone or damaged" in record.missing[0].why
    assert "Lost: its video is gone or damaged" in record.members[-1].text
    assert shop.exports.views.of(record)["complete"] is False


def test_a_run_whose_record_is_damaged_is_missing_and_named(shop: Shop) -> None:
    shop.video("Opening")
    lost = shop.video("Lost")
    member = Member(run_id=lost.run_id, space_id="", position=2, source=lost.source, title="Lost")
    shop.change_batch(members=[member])
    shop.layout.run_state(lost.run_id).write_bytes(b"{}")
    shop.index.load()
    record = shop.ask()
    assert [(one.title, one.why, one.lost) for one in record.missing] == [("Lost", "its record is damaged", True)]
    assert shop.exports.views.of(record)["complete"] is False


def test_a_failed_one_that_is_asked_for_and_whose_video_is_gone_is_named_as_lost(shop: Shop) -> None:
    shop.video("Opening")
    broken = shop.video("Broken", phase=Phase.FAILED)
    shop.file(broken).unlink()
    record = shop.ask(include_failed=True)
    assert [(missing.title, missing.why, missing.lost) for missing in record.missing] == [
        ("Broken", "its video is gone or damaged", True)
    ]
    assert shop.exports.views.of(record)["complete"] is False
    assert shop.exports.views.of(shop.ask())["complete"] is True, "it was not asked for"


def test_the_original_does_not_stand_in_for_a_cut_video_that_is_gone(shop: Shop) -> None:
    shop.video("Opening")
    cut = shop.video("Cut", stage="remove_silence", name="silence_removed.mp4")
    shop.file(cut, "remove_silence", "silence_removed.mp4").unlink()
    assert [member.title for member in shop.ask().videos] == ["Opening"]


@pytest.mark.parametrize("phase", [BatchPhase.PAUSED, BatchPhase.CANCELLED])
def test_what_is_finished_of_a_paused_or_stopped_batch_can_be_had(shop: Shop, phase: BatchPhase) -> None:
    shop.change_batch(phase=phase)
    shop.video("Opening")
    shop.video("Later", phase=Phase.QUEUED)
    record = shop.ask()
    assert ([video.title for video in record.videos], record.missing[0].why) == (["Opening"], "it is not finished")


def test_a_batch_at_work_is_exported_only_when_a_part_of_it_is_wanted(shop: Shop) -> None:
    shop.change_batch(phase=BatchPhase.RUNNING)
    shop.video("Opening")
    shop.video("Later", phase=Phase.RUNNING)
    with pytest.raises(Refused, match="1 of its videos are not finished") as refused:
        shop.ask()
    assert refused.value.code == "not_finished"
    assert len(shop.ask(partial=True).videos) == 1


def test_nothing_finished_is_a_clear_refusal_and_no_export(shop: Shop) -> None:
    shop.video("Broken", phase=Phase.FAILED)
    with pytest.raises(Refused, match="Nothing of batch") as refused:
        shop.ask()
    assert refused.value.code == "nothing_to_export"
    assert shop.exports.shelf.all() == []


def test_a_deleted_batch_is_not_exported(shop: Shop) -> None:
    shop.video()
    shop.change_batch(phase=BatchPhase.DELETED)
    with pytest.raises(NotFound, match="was deleted"):
        shop.ask()


def test_asking_twice_gives_one_export(shop: Shop) -> None:
    shop.video()
    first, again = shop.ask(), shop.ask()
    assert first == again
    assert shop.ask(prefix=True).export_id != first.export_id
    assert len(shop.exports.shelf.all()) == 2


def test_who_asks_again_near_the_end_has_half_of_the_time_at_least(shop: Shop) -> None:
    shop.video()
    first = shop.ask()
    shop.clock.advance(DAY_S / 2)
    assert shop.ask() == first, "there is time enough"
    shop.clock.advance(DAY_S / 2 - 60)
    again = shop.ask()
    assert (again.export_id, again.expires_at) == (first.export_id, shop.clock.now() + timedelta(seconds=DAY_S))
    assert shop.exports.shelf.get(first.export_id) == again
    shop.clock.advance(DAY_S - 60)
    assert shop.exports.views.of(again)["status"] == "ready"


def test_lengths_are_told_to_the_millisecond(shop: Shop) -> None:
    for seconds in (53.3, 0.061, 0.0001):
        shop.video(duration=seconds)
    assert shop.ask().duration_s == 53.361
    assert shop.exports.asking.plan(BATCH, ExportOptions()).duration_s == 53.361


def test_many_who_ask_at_once_get_one_export(shop: Shop) -> None:
    shop.video()
    with ThreadPoolExecutor(8) as people:
        found = {record.export_id for record in people.map(lambda _: shop.ask(), range(16))}
    assert len(found) == len(shop.exports.shelf.all()) == 1


def test_a_film_is_called_as_it_was_or_as_downloaders_call_it(shop: Shop) -> None:
    shop.video("Seen there", id="dQw4w9WgXcQ")
    file = Source(kind="file", value="/films/GOPR0001.MP4")
    shop.change_run(shop.video("Holiday"), source=file)
    assert shop.names(original_names=True) == ["Seen there [dQw4w9WgXcQ].mp4", "GOPR0001.mp4"]


def test_after_a_day_or_when_something_changed_it_is_made_anew(shop: Shop) -> None:
    run = shop.video()
    first = shop.ask()
    shop.change_run(run, title="Another title")
    second = shop.ask()
    shop.clock.advance(timedelta(hours=25).total_seconds())
    third = shop.ask()
    assert len({first.export_id, second.export_id, third.export_id}) == 3
    assert [view["status"] for view in shop.exports.views.all()["exports"]] == ["ready", "expired", "expired"]


def test_an_export_whose_file_is_gone_is_not_given_again(shop: Shop) -> None:
    shop.video("Opening")
    lost = shop.video("Lost")
    first = shop.ask()
    shop.file(lost).unlink()
    assert shop.exports.views.of(first)["failure"]["message"] == "002_Lost.mp4 is gone."
    assert shop.ask().export_id != first.export_id


def test_a_merged_video_waits_for_a_service_and_can_be_cancelled(shop: Shop) -> None:
    shop.video()
    record = shop.ask(format="merged")
    told = shop.exports.views.of(record)
    assert (record.phase, told["note"], record.name) == (ExportPhase.QUEUED, "waits for a service", "talks.mp4")
    assert shop.ask(format="merged") == record
    ended = shop.exports.asking.cancel(record.export_id, by=ANA)
    assert ended.phase == ExportPhase.CANCELLED
    assert shop.ask(format="merged").export_id != record.export_id


def test_the_estimate_of_a_zip_is_its_size(shop: Shop) -> None:
    shop.video()
    plan, record = shop.exports.asking.plan(BATCH, ExportOptions()), shop.ask()
    size = sum(map(len, shop.exports.fetching.whole(record, lambda *_: "").stream(0)))
    assert plan.exact
    assert (plan.size, record.size) == (size, size)


def test_what_was_asked_for_is_in_the_audit(shop: Shop) -> None:
    shop.video()
    record = shop.ask()
    events = [event for event in shop.store.journal.lines() if event["type"] == "command.export"]
    assert [(event["actor"], event["data"]["export"]) for event in events] == [(ANA, record.export_id)]
