"""What was uploaded is removed once it is published or nobody asked for it for a day, and never while a run may read it."""

import os
from pathlib import Path

import msgspec
import pytest

from core.domain.run import RunRecord, Source, Transcript
from core.domain.states import BatchPhase
from core.manager.uploads import Uploads
from core.store.uploads import NOTE, REMOVED
from tests.support.dispatching import ANA, House

HOUR = 3600.0


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def uploaded(house: House, name: str = "talk.mp4", folder: str = "0123456789abcdef") -> Path:
    """A file as the dashboard stores it, written now by the clock of the test."""
    path = house.layout.uploads / folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("moving pictures")
    now = house.clock.now().timestamp()
    os.utime(path, (now, now))
    return path


def of(house: House, path: Path | str) -> str:
    """A run with this file as its source."""
    (run,) = house.add()
    source = Source(kind="file", value=str(path))

    def named(run: RunRecord) -> RunRecord:
        return msgspec.structs.replace(run, source=source)

    house.given.run(run, named)
    batch_id = house.run(run).batch_id
    member = msgspec.structs.replace(house.batch(run).members[0], source=source)
    house.given.batch(batch_id, lambda batch: msgspec.structs.replace(batch, members=[member]))
    return run


def downloaded(house: House, run: str, key: str = "d1") -> None:
    house.turn()
    house.end(run, house.publish("download", key, media_mp4="moving pictures"))


def clean(house: House) -> list[dict[str, object]]:
    """One look through the uploads; what it told the journal."""
    parts = {"index": house.index, "writer": house.writer, "artifacts": house.artifacts, "clock": house.clock}
    Uploads(layout=house.layout, **parts).clean()  # type: ignore[arg-type]
    return [line["data"] for line in house.store.journal.lines() if line["type"] == "upload.removed"]


def test_what_its_run_has_published_is_removed_and_that_is_told(house: House) -> None:
    path = uploaded(house)
    run = of(house, path)
    assert clean(house) == []
    downloaded(house, run)
    assert house.phases(run) == ["running"], "the run itself goes on"
    assert clean(house) == [{"file": "talk.mp4", "bytes": 15, "why": "its runs have taken it in"}]
    assert list(house.layout.uploads.iterdir()) == []
    assert len(clean(house)) == 1, "and that once"


@pytest.mark.parametrize("phase", ["queued", "paused", "failed", "cancelled"])
def test_what_a_run_may_still_read_is_kept_whatever_its_age(house: House, phase: str) -> None:
    path = uploaded(house)
    run = of(house, path)
    if phase != "queued":
        verb = {"paused": "pause", "failed": "stop", "cancelled": "cancel"}[phase]
        house.ask(run, verb)
    assert house.phases(run) == [phase]
    house.clock.advance(1000 * HOUR)
    assert clean(house) == []
    assert path.exists()


def test_it_is_kept_until_every_run_that_names_it_has_it(house: House) -> None:
    path = uploaded(house)
    first, second = of(house, path), of(house, path)
    house.ask(second, "pause")
    downloaded(house, first)
    assert clean(house) == []
    house.ask(second, "resume")
    downloaded(house, second, "d2")
    assert len(clean(house)) == 1


def test_it_is_kept_while_its_run_is_asked_to_take_it_in_again(house: House) -> None:
    path = uploaded(house)
    run = of(house, path)
    downloaded(house, run)
    house.finish(run)
    house.commands.run(run, "retry", by=ANA, from_stage="download")
    assert clean(house) == []
    house.turn()
    assert clean(house) == []


def test_it_is_kept_when_what_was_published_is_gone(house: House) -> None:
    run = of(house, uploaded(house))
    downloaded(house, run)
    (house.layout.artifact("download", "d1") / "media.mp4").unlink()
    assert clean(house) == []


@pytest.mark.parametrize(
    ("name", "why"), [("talk.mp4", "no run has it as its source"), ("talk.mp4.part", "it was broken off")]
)
def test_what_no_run_asks_for_is_removed_after_a_day(house: House, name: str, why: str) -> None:
    path = uploaded(house, name)
    house.clock.advance(24 * HOUR)
    assert clean(house) == []
    house.clock.advance(1.0)
    assert [line["why"] for line in clean(house)] == [why]
    assert not path.parent.exists()


def test_an_upload_that_is_still_coming_in_is_not_broken_off(house: House) -> None:
    path = uploaded(house, "talk.mp4.part")
    house.clock.advance(30 * HOUR)
    uploaded(house, "talk.mp4.part")
    assert clean(house) == []
    assert path.exists()


def test_a_run_in_a_storage_that_was_moved_still_names_its_upload(house: House) -> None:
    path = uploaded(house)
    of(house, f"/before/uploads/{path.parent.name}/{path.name}")
    house.clock.advance(30 * HOUR)
    assert clean(house) == []


def test_what_a_run_that_cannot_be_read_may_need_is_kept(house: House) -> None:
    path, other = uploaded(house), uploaded(house, folder="f" * 16)
    run = of(house, path)
    unknown = of(house, other)
    for lost in (run, unknown):
        house.layout.run_state(lost).write_bytes(b"?")
        Path(f"{house.layout.run_state(lost)}.prev").write_bytes(b"?")
    house.restart()
    house.clock.advance(30 * HOUR)
    assert clean(house) == [], "their batches name both"
    house.given.batch(next(iter(house.index.batches)), lambda batch: msgspec.structs.replace(batch, members=[]))
    assert clean(house) == [], "nobody knows which file the first one has"


def test_what_did_not_come_through_the_dashboard_is_nobodys_business(house: House) -> None:
    mine = house.layout.uploads / "mine" / "talk.mp4"
    mine.parent.mkdir()
    mine.write_text("kept")
    link = house.layout.uploads / ("a" * 16)
    link.symlink_to(mine.parent)
    house.clock.advance(10_000 * HOUR)
    assert clean(house) == []
    assert mine.read_text() == "kept"


def test_what_was_announced_and_never_came_is_removed_after_a_day(house: House) -> None:
    note = uploaded(house, NOTE)
    house.clock.advance(24 * HOUR + 1)
    assert [line["why"] for line in clean(house)] == ["it was broken off"]
    assert not note.parent.exists()


def test_what_a_cut_left_of_a_removal_is_removed_after_a_day(house: House) -> None:
    left = uploaded(house, "talk.mp4.part", folder=f"0123456789abcdef{REMOVED}")
    assert not clean(house)
    house.clock.advance(25 * HOUR)
    assert clean(house)[0]["why"] == "it was broken off"
    assert not left.parent.exists()


def test_the_note_of_an_upload_goes_with_it(house: House) -> None:
    path = uploaded(house)
    uploaded(house, NOTE)
    downloaded(house, of(house, path))
    assert len(clean(house)) == 1
    assert not path.parent.exists()


def test_a_transcript_is_kept_as_long_as_its_run_which_may_be_transcribed_again(house: House) -> None:
    path, words = uploaded(house), uploaded(house, "talk.srt", "f" * 16)
    run = of(house, path)
    transcript = Transcript(path=str(words), sha256="0")
    source = Source(kind="file", value=str(path), transcript=transcript)
    house.given.run(run, lambda run: msgspec.structs.replace(run, source=source))
    downloaded(house, run)
    assert [line["file"] for line in clean(house)] == ["talk.mp4"]
    house.turn()
    house.end(run, house.publish("transcribe", "t1", transcript_txt="words"))
    house.clock.advance(1000 * HOUR)
    assert [line["file"] for line in clean(house)] == ["talk.mp4"]
    assert words.exists()


def test_an_archive_is_kept_for_a_list_that_is_looked_at_later(house: House) -> None:
    archive = uploaded(house, "archive.txt")
    (run,) = house.add()
    source = Source(kind="url", value="https://example.com/list", archive=str(archive))
    house.given.run(run, lambda run: msgspec.structs.replace(run, source=source))
    house.clock.advance(1000 * HOUR)
    assert clean(house) == []


def test_what_was_uploaded_for_a_batch_that_is_cancelled_before_it_began_goes_at_once(house: House) -> None:
    path = uploaded(house)
    run = of(house, path)
    batch_id = house.run(run).batch_id
    draft = {"phase": BatchPhase.DRAFT, "started_at": None}
    house.given.batch(batch_id, lambda batch: msgspec.structs.replace(batch, **draft))
    house.commands.batch(batch_id, "cancel", by=ANA)
    assert not path.exists()
    told = [line["data"] for line in house.store.journal.lines() if line["type"] == "upload.removed"]
    assert [line["why"] for line in told] == ["its batch was cancelled before it began"]


def test_what_was_uploaded_for_a_batch_that_had_begun_stays_for_a_retry(house: House) -> None:
    path = uploaded(house)
    run = of(house, path)
    now = house.clock.now()
    batch_id = house.run(run).batch_id
    house.given.batch(batch_id, lambda batch: msgspec.structs.replace(batch, started_at=now))
    house.commands.batch(batch_id, "cancel", by=ANA)
    clean(house)
    assert path.exists()
