"""The names of exported files: `001_name.mp4` or as one wishes, safe on every system, and never two alike."""

from typing import Any

import pytest

from core.domain.errors import BadInput
from core.domain.exports import ExportOptions
from core.domain.package_names import Named, check_pattern, package_name, stems
from tests.support.names import is_safe
from tests.support.storage import NOON


def a_video(number: int = 1, title: str = "Opening", **changes: Any) -> Named:
    values: dict[str, Any] = {"id": "abc", "original": "GOPR0001", "added": NOON, "suffixes": (".mp4",)}
    return Named(number=number, title=title, **(values | changes))


def named(*videos: Named, batch: str = "Talks", **options: Any) -> list[str]:
    return stems(videos, ExportOptions(**options), batch)


def test_files_are_numbered_in_the_order_of_the_batch() -> None:
    assert named(a_video(1, "Opening"), a_video(20, "Ending")) == ["001_Opening", "020_Ending"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"pattern": "{title} [{id}]"}, "Opening [abc]"),
        ({"pattern": "{date} {batch} {number}"}, "2026-06-01 Talks 001"),
        ({"pattern": "all of them"}, "all of them"),
        ({"original_names": True}, "GOPR0001"),
        ({"prefix": True}, "Talks_001_Opening"),
        ({"prefix": True, "original_names": True}, "Talks_GOPR0001"),
    ],
)
def test_a_person_chooses_how_files_are_called(options: dict[str, Any], name: str) -> None:
    assert named(a_video(), **options) == [name]


@pytest.mark.parametrize("pattern", ["{nmber}", "{title", "title}", "{}", "{title.__class__}", "  "])
def test_a_pattern_that_says_nothing_is_refused_with_what_there_is(pattern: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_pattern(pattern)
    assert "{number}" in refused.value.hint


def test_names_that_differ_in_capitals_alone_do_not_collide_where_that_is_one_file() -> None:
    same = [a_video(1, "Talk"), a_video(2, "TALK"), a_video(3, "talk")]
    assert named(*same, pattern="{title}") == ["Talk", "TALK (2)", "talk (3)"]


def test_the_files_of_one_video_stay_together_when_its_name_is_taken() -> None:
    several = (".mp4", ".en.srt")
    first, second = a_video(1, "a", suffixes=several), a_video(2, "a", suffixes=several)
    assert named(first, second, pattern="{title}") == ["a", "a (2)"]


@pytest.mark.parametrize(
    "title",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..",
        ".hidden",
        "-rf",
        "CON",
        "a\\b",
        "x" * 500,
        "é" * 300,
        "a\x00b\nc",
        "",
        "\u202egpj.exe",
    ],
)
@pytest.mark.parametrize("pattern", ["{title}", "{number}_{title}", "{batch}/{title}"])
def test_no_title_leads_out_of_the_folder_hides_a_file_or_is_too_long(title: str, pattern: str) -> None:
    (stem,) = named(a_video(title=title), batch=title or "b", pattern=pattern)
    name = f"{stem}.en.srt"
    assert is_safe(name), name
    assert "/" not in name
    assert len(name.encode()) <= 255


def test_what_stands_after_a_long_title_is_not_cut_off() -> None:
    (stem,) = named(a_video(title="x" * 500), pattern="{title}_{number}")
    assert stem.endswith("_001")


def test_the_export_is_named_after_its_batch() -> None:
    assert package_name("Talks: day 1", ".zip") == "Talks： day 1.zip"
    assert package_name("\u200b", ".zip") == "export.zip"
