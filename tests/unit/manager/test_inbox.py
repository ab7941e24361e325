"""A recording in the inbox becomes a run once, when it has stopped growing, whatever crashes in between."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from core.config import Config
from core.domain.batch import MAX_RUNS
from core.domain.errors import StorageError
from core.domain.settings import Settings
from core.manager import inbox as module
from core.manager.inbox import Inbox, look_into
from core.manager.intake import Intake
from core.manager.templates import Template
from core.system.network import AllowedHosts
from tests.support.dispatching import ANA, House

MP4 = b"\0\0\0\x20ftypisom"
SRT = "1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n"
USUAL = Template(settings=Settings(language="de"), priority=7, concurrency=2)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def inbox(house: House, folder: str = "", spawn: Callable[..., None] = lambda step: step()) -> Inbox:
    """An inbox whose thread is this one."""
    return Inbox(
        Intake(house.given, house.catalog, house.stamps, AllowedHosts.parse(""), index=house.index),
        lambda: USUAL,
        index=house.index,
        layout=house.layout,
        config=Config(inbox=folder),
        clock=house.clock,
        actor=ANA,
        spawn=spawn,
    )


def put(house: House, name: str = "talk.mp4", content: bytes = MP4) -> Path:
    path = house.layout.inbox / name
    path.write_bytes(content + name.encode())
    return path


def look(watching: Inbox, house: House, times: int = 8, every_s: float = 1.0) -> None:
    """So many seconds pass."""
    for _ in range(times):
        watching.turn()
        house.clock.advance(every_s)


def sources(house: House) -> list[str]:
    return sorted(Path(run.source.value).name for run in house.index.everything()[0].values())


def test_what_has_stopped_growing_becomes_a_run_with_the_usual_settings(house: House) -> None:
    put(house)
    watching = inbox(house)
    look(watching, house, 5)
    assert sources(house) == []
    look(watching, house, 3)
    assert sources(house) == ["talk.mp4"]
    (batch,) = house.index.batches.values()
    assert (batch.settings.language, batch.priority, batch.concurrency, batch.owner) == ("de", 7, 2, ANA)
    look(watching, house, 20)
    assert sources(house) == ["talk.mp4"], "once"


def test_what_still_grows_is_waited_for(house: House) -> None:
    path = put(house)
    watching = inbox(house)
    for _ in range(30):
        with path.open("ab") as file:
            file.write(b"more")
        look(watching, house, 1)
    assert sources(house) == []
    look(watching, house, 8)
    (run,) = house.index.everything()[0].values()
    assert run.source.size == path.stat().st_size


def test_what_a_program_has_open_for_writing_is_waited_for_though_it_stands_still(house: House) -> None:
    path = put(house)
    watching = inbox(house)
    with path.open("ab"):
        look(watching, house, 30)
        assert sources(house) == []
    look(watching, house, 3)
    assert sources(house) == ["talk.mp4"]


def test_what_is_renamed_into_place_counts_under_its_name(house: House) -> None:
    path = put(house, "talk.mp4.part")
    watching = inbox(house)
    look(watching, house, 20)
    assert sources(house) == []
    path.rename(house.layout.inbox / "talk.mp4")
    look(watching, house, 8)
    assert sources(house) == ["talk.mp4"]


@pytest.mark.parametrize("name", [".talk.mp4", "talk.mp4.crdownload", "talk.mp4~", "talk.tmp", "talk.srt"])
def test_what_is_hidden_unfinished_or_only_a_transcript_is_no_recording(house: House, name: str) -> None:
    put(house, name)
    look(inbox(house), house, 20)
    assert sources(house) == []
    assert look_into(house.layout, "").refused == {}


def test_folders_links_pipes_and_empty_files_are_left_alone(house: House, tmp_path: Path) -> None:
    (house.layout.inbox / "folder.mp4").mkdir()
    (tmp_path / "secret.mp4").write_bytes(MP4)
    (house.layout.inbox / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    os.mkfifo(house.layout.inbox / "pipe.mp4")
    (house.layout.inbox / "empty.mp4").touch()
    look(inbox(house), house, 20)
    assert sources(house) == []


def test_what_is_no_recording_is_refused_once_and_shown_with_the_reason(house: House) -> None:
    put(house, "notes.doc", b"just words")
    put(house)
    watching = inbox(house)
    look(watching, house, 20)
    shown = look_into(house.layout, "")
    assert sources(house) == ["talk.mp4"]
    assert (shown.taken, shown.growing) == (1, ())
    assert "plain text" in shown.refused["notes.doc"]
    put(house, "growing.mp4")
    assert look_into(house.layout, "").growing == ("growing.mp4",)


def test_a_transcript_beside_it_is_waited_for_and_comes_along(house: House) -> None:
    put(house)
    words = put(house, "talk.srt", SRT.encode())
    watching = inbox(house)
    for _ in range(12):
        os.utime(words, ns=(0, words.stat().st_mtime_ns + 1))
        look(watching, house, 1)
    assert sources(house) == []
    look(watching, house, 8)
    (run,) = house.index.everything()[0].values()
    assert run.source.transcript is not None


def test_several_that_come_together_are_one_batch(house: House) -> None:
    for number in range(60):
        put(house, f"{number}.mp4")
    watching = inbox(house)
    look(watching, house, 20)
    assert len(sources(house)) == 60
    assert sorted(len(batch.members) for batch in house.index.batches.values()) == [10, 50]


def test_a_service_that_starts_anew_takes_nothing_twice(house: House) -> None:
    put(house)
    look(inbox(house), house, 8)
    house.restart()
    look(inbox(house), house, 20)
    assert sources(house) == ["talk.mp4"]


def test_a_crash_between_the_batch_and_the_note_makes_no_second_run(house: House) -> None:
    path = put(house)
    look(inbox(house), house, 8)
    (house.layout.state / "inbox.json").unlink()
    look(inbox(house), house, 20)
    assert sources(house) == ["talk.mp4"]
    path.write_bytes(MP4 + b"another talk of the same name")
    look(inbox(house), house, 20)
    assert sources(house) == ["talk.mp4", "talk.mp4"], "that is another one"


def test_a_file_that_was_taken_away_and_comes_again_is_new(house: House) -> None:
    path, other = put(house), put(house, "other.mp4")
    watching = inbox(house)
    look(watching, house, 8)
    content, times = path.read_bytes(), path.stat()
    path.unlink()
    look(watching, house, 8)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert other.exists()
    look(watching, house, 12)
    assert sorted(len(batch.members) for batch in house.index.batches.values()) == [1, 2]


def test_the_only_one_that_was_taken_away_and_comes_again_is_new_too(house: House, tmp_path: Path) -> None:
    path = put(house)
    watching = inbox(house)
    look(watching, house)
    path.rename(tmp_path / path.name)
    look(watching, house)
    (tmp_path / path.name).rename(path)
    look(watching, house, 20)
    assert sources(house) == ["talk.mp4"] * 2


def test_of_thousands_of_files_each_is_looked_at_once_a_turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(60):
        put(house, f"{number}.mp4")
    compared: list[str] = []
    monkeypatch.setattr(module, "belongs", lambda text, medium: compared.append(text) or False)
    opened: list[Path] = []
    monkeypatch.setattr(module, "_is_being_written", lambda path: opened.append(path) or False)
    watching = inbox(house, spawn=lambda step: None)
    look(watching, house)
    assert (len(opened), compared) == (MAX_RUNS, []), "no more than go into a batch, and media with captions alone"


def test_a_folder_of_ones_own_is_watched_too_also_when_it_appears_later(house: House, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    watching = inbox(house, str(mine))
    look(watching, house, 8)
    mine.mkdir()
    (mine / "a.mp4").write_bytes(MP4)
    look(watching, house, 12)
    assert sources(house) == ["a.mp4"]
    assert str(mine) in look_into(house.layout, str(mine)).folders


def test_a_turn_never_waits_for_the_reading_of_a_file(house: House) -> None:
    put(house)
    steps: list[Callable[[], None]] = []
    watching = inbox(house, spawn=steps.append)
    look(watching, house, 20)
    assert len(steps) == 1, "and hands it over once"
    assert sources(house) == []
    steps[0]()
    assert sources(house) == ["talk.mp4"]


def test_what_goes_wrong_is_tried_again_later(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(house)
    watching = inbox(house)
    add = Intake.add
    failing = iter([StorageError("The disk is full.")])

    def once(self: Intake, *given: object) -> object:
        for error in failing:
            raise error
        return add(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Intake, "add", once)
    look(watching, house, 12)
    assert sources(house) == []
    look(watching, house, 40)
    assert sources(house) == ["talk.mp4"]


def test_a_damaged_ledger_is_begun_anew(house: House) -> None:
    put(house)
    look(inbox(house), house, 8)
    (house.layout.state / "inbox.json").write_bytes(b"{")
    look(inbox(house), house, 20)
    assert sources(house) == ["talk.mp4"]


def test_a_folder_that_cannot_be_read_is_said_and_the_service_goes_on(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(house)
    mine = tmp_path / "mine"
    mine.mkdir()
    watching = inbox(house, str(mine))
    real = Path.iterdir

    def refused(self: Path) -> object:
        if self == mine:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(StorageError, match="Permission denied"):
        look_into(house.layout, str(mine))
    assert watching.turn() > 1.0
    monkeypatch.undo()
    look(watching, house, 50)
    assert sources(house) == ["talk.mp4"]
