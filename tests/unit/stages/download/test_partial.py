"""What is remembered about partial files, and what of it is believed."""

from pathlib import Path

import msgspec
import pytest

from core.stages.download.partial import Partials, Remote

NAME = "source.0"
MINE = Remote(address="https://h.com/v.mp4", format_id="22", size=1000, etag='"a"')


def with_file(folder: Path, name: str = NAME, size: int = 1000) -> Partials:
    (folder / name).write_bytes(b"x" * size)
    partials = Partials(folder)
    partials.note(NAME, MINE)
    return partials


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ({}, True),
        ({"address": "https://other-mirror.com/v.mp4"}, True),
        ({"etag": '"b"'}, False),
        ({"size": 1001}, False),
        ({"format_id": "18"}, False),
        ({"etag": None}, True),
        ({"etag": None, "size": None}, True),
        ({"etag": None, "size": None, "address": "https://other.com/"}, False),
    ],
)
def test_a_file_is_continued_only_from_what_it_was_begun_from(found: dict[str, object], same: bool) -> None:
    assert MINE.continues(msgspec.structs.replace(MINE, **found)) is same


def test_a_weak_entity_tag_is_no_validator_for_ranges() -> None:
    weak = Remote(address="", format_id="", etag='W/"a"', last_modified="Mon, 01 Jan 2024 00:00:00 GMT")
    assert weak.validator() == weak.last_modified
    assert MINE.validator() == '"a"'


def test_what_is_finished_is_known_to_the_next_attempt(tmp_path: Path) -> None:
    with_file(tmp_path).mark_whole(NAME)
    later = Partials(tmp_path)
    assert later.is_whole(NAME, "22")
    assert not later.is_whole(NAME, "18")
    (tmp_path / NAME).write_bytes(b"x" * 999)
    assert not later.is_whole(NAME, "22")


def test_what_was_not_yet_durable_is_believed_after_a_kill_but_not_after_a_power_cut(tmp_path: Path) -> None:
    partials = with_file(tmp_path)

    class KilledError(Exception):
        pass

    def killed_after_first(name: str, remote: Remote, note: object = partials.note) -> None:
        note(name, remote)  # type: ignore[operator]
        raise KilledError

    partials.note = killed_after_first  # type: ignore[method-assign]
    with pytest.raises(KilledError):
        partials.mark_whole(NAME)
    after_kill = Partials(tmp_path)
    assert after_kill.is_whole(NAME, "22")
    other_boot = msgspec.structs.replace(after_kill.get(NAME) or MINE, boot="before the power cut")
    after_kill.note(NAME, other_boot)
    assert not Partials(tmp_path).is_whole(NAME, "22")


@pytest.mark.parametrize("damage", [b"", b"{", b"\0" * 100, b"[]", b'{"source.0": {"address": 1}}'])
def test_after_a_damaged_record_nothing_is_continued(tmp_path: Path, damage: bytes) -> None:
    with_file(tmp_path, f"{NAME}.part")
    (tmp_path / "partial.json").write_bytes(damage)
    later = Partials(tmp_path)
    assert later.clean(NAME, "22") == 1000
    assert later.size(NAME) == 0


def test_a_finished_file_nobody_vouches_for_becomes_a_partial_one_again(tmp_path: Path) -> None:
    partials = with_file(tmp_path)
    assert partials.clean(NAME, "22") == 0
    assert [path.name for path in tmp_path.glob("source.*")] == [f"{NAME}.part"]


def test_a_finished_stream_of_segments_nobody_vouches_for_is_dropped(tmp_path: Path) -> None:
    partials = with_file(tmp_path)
    partials.note(NAME, msgspec.structs.replace(MINE, manifest="digest"))
    assert partials.clean(NAME, "22") == 1000


def test_half_fragments_are_swept_and_the_rest_stays(tmp_path: Path) -> None:
    partials = with_file(tmp_path, f"{NAME}.part")
    (tmp_path / f"{NAME}.part-Frag3.part").write_bytes(b"half")
    assert partials.drop_fragments(NAME) == 4
    assert partials.clean(NAME, "22") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["partial.json", f"{NAME}.part"]
