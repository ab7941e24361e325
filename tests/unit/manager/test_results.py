"""Published files by the names people ask for: nothing else can be reached, and nothing damaged is handed out."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from core.domain.errors import Damaged, NotFound, Refused
from core.domain.settings import Settings
from core.manager.results import Results
from core.store.artifacts import Receipt
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def results(house: House) -> Results:
    return Results(house.index, house.layout, house.artifacts)


@pytest.fixture
def run(house: House) -> str:
    """A run whose download is published, and whose transcription is under way."""
    (run_id,) = house.add()
    house.turn()
    house.end(run_id, house.publish("download", "d1", media_mp4="moving pictures"))
    return run_id


def test_the_media_goes_by_two_names(house: House, run: str) -> None:
    for name in ("media", "media.mp4"):
        found = results(house).find(run, name)
        assert (found.name, found.size) == ("media.mp4", 15)
        assert results(house).check(found, run).read_text() == "moving pictures"


@pytest.mark.parametrize("name", ["transcript.json", "transcript.vtt"])
def test_what_is_not_made_yet_is_refused_with_the_phase(house: House, run: str, name: str) -> None:
    with pytest.raises(Refused, match=f"{name} of run {run} is not made yet; the run is running") as refused:
        results(house).find(run, name)
    assert refused.value.code == "not_made_yet"


def test_media_that_is_not_fetched_yet_is_refused_by_both_names(house: House) -> None:
    (waiting,) = house.add()
    for name in ("media", "media.mp4"):
        with pytest.raises(Refused):
            results(house).find(waiting, name)


@pytest.mark.parametrize("name", ["receipt.json", "../d1/media.mp4", "plan.json", "summary.pdf", ""])
def test_only_what_a_receipt_lists_can_be_reached(house: House, run: str, name: str) -> None:
    with pytest.raises(NotFound, match="has no file"):
        results(house).find(run, name)


def test_a_file_that_the_settings_leave_out_never_comes(house: House) -> None:
    (run_id,) = house.add(settings=Settings(transcribe=False))
    with pytest.raises(NotFound, match="its settings leave transcribe out"):
        results(house).find(run_id, "transcript.txt")


def test_a_refusal_names_each_file_that_there_may_be_once(house: House, run: str) -> None:
    with pytest.raises(NotFound) as refused:
        results(house).find(run, "nothing.x")
    named = refused.value.hint.removeprefix("There may be: ").rstrip(".").split(", ")
    assert len(set(named)) == len(named)
    assert {"media", "transcript.srt", "transcript.docx"} <= set(named)
    assert "summary.pdf" not in named


def test_a_file_is_named_after_its_video_with_the_id_that_its_site_gives_it(house: House, run: str) -> None:
    out = house.layout.work("download", "d2") / "tmp.a_2"
    out.mkdir(parents=True)
    (out / "media.webm").write_text("moving pictures")
    receipt = Receipt(stage="download", key="d2", version=1, params={}, facts={"id": "dQw4w9WgXcQ"})
    house.artifacts.publish("download", "d2", out, receipt)
    record = house.index.run(run)
    state = replace(record.stages["download"], key="d2")
    named = replace(record, title="Salmon: back?", stages=record.stages | {"download": state})
    assert results(house).stem(named) == "Salmon： back？ [dQw4w9WgXcQ]"


def test_a_file_whose_video_has_no_title_is_named_after_its_source(house: House, run: str) -> None:
    found = results(house).find(run, "media")
    assert results(house).saved_name(run, found) == "1.mp4"


def test_all_are_listed_in_the_order_of_the_pipeline(house: House, run: str) -> None:
    house.end(run, house.publish("transcribe", "t1", transcript_txt="words", transcript_json="{}"))
    found = results(house).all(run)
    assert [(one.stage, one.name) for one in found] == [
        ("download", "media.mp4"),
        ("transcribe", "transcript.json"),
        ("transcribe", "transcript.txt"),
    ]


def test_a_changed_file_is_not_handed_out(house: House, run: str) -> None:
    found = results(house).find(run, "media")
    found.path.chmod(0o600)
    found.path.write_text("moving pictureS")
    with pytest.raises(Damaged, match="is not what was published"):
        results(house).check(found, run)


def test_an_unknown_run_has_no_results(house: House) -> None:
    with pytest.raises(NotFound):
        results(house).all("r_none")


def test_what_was_made_and_is_gone_is_damage_and_not_something_to_wait_for(house: House, run: str) -> None:
    (house.layout.artifact("download", "d1") / "receipt.json").unlink()
    with pytest.raises(Damaged, match="was made, but is gone"):
        results(house).find(run, "media")


def test_the_picture_of_a_video_is_found_and_one_that_could_not_be_made_is_not_damage(house: House, run: str) -> None:
    assert results(house).poster(house.run(run)) is None
    with pytest.raises(NotFound, match="none could be made"):
        results(house).find(run, "poster.jpg")
    (other,) = house.add()
    assert results(house).poster(house.run(other)) is None
    house.turn()
    house.end(other, house.publish("download", "d2", media_mp4="other", poster_jpg="a picture"))
    assert results(house).poster(house.run(other)) == results(house).find(other, "poster.jpg").sha256
