"""File names as people expect them, and safe wherever they land."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.names import MAX_BYTES, SUFFIX_BYTES, distinct, file_name, safe, stem, suffix_of
from tests.support.names import is_safe

LONG = "Жизнь реки " * 40


def test_a_video_is_called_by_its_title_and_id() -> None:
    assert stem("Salmon are back", "dQw4w9WgXcQ") == "Salmon are back [dQw4w9WgXcQ]"
    assert file_name(stem("Salmon are back", "dQw4w9WgXcQ"), ".en.srt") == "Salmon are back [dQw4w9WgXcQ].en.srt"


def test_an_id_that_says_nothing_new_is_left_out() -> None:
    assert stem("sample", "sample") == "sample"
    assert stem("My talk") == "My talk"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("AC/DC: live?", "AC⧸DC： live？"),
        ("../../../../tmp/PWN", "_..⧸..⧸..⧸..⧸tmp⧸PWN"),
        ("..／..\\x", "_..⧸..⧹x"),
        ("/abs/PWN", "⧸abs⧸PWN"),
        (".mp4", "_.mp4"),
        ("-y.mp4", "_-y.mp4"),
        ("~root", "_~root"),
        ("CON", "_CON"),
        ("con.tar.gz", "_con.tar.gz"),
        ("Aux ", "_Aux"),
        ("LPT¹", "_LPT¹"),
        ("COM1 .txt", "_COM1 .txt"),
        ("Console", "Console"),
        ("And so on...", "And so on"),
        ("a. . .", "a"),
        ("one\ntwo\tthree\x00four", "one two three four"),
        ("\x1b[31mred\u202egnp.exe", "[31mredgnp.exe"),
        ("lone \ud800 half", "lone ？ half"),
        ("e\u0301te\u0301", "été"),
        ("👨\u200d👩\u200d👧 family", "👨\u200d👩\u200d👧 family"),
        ("$(touch PWN) `x` %(id)s %03d; it's", "$(touch PWN) `x` %(id)s %03d; it's"),
        ("..", ""),
        (" ", ""),
        ("\u200d", ""),
        ("", ""),
    ],
)
def test_a_title_becomes_a_name_that_every_system_takes(title: str, name: str) -> None:
    assert safe(title) == name


def test_a_title_of_which_nothing_can_be_shown_has_a_name_all_the_same() -> None:
    assert stem("..", "abc") == "untitled [abc]"
    assert stem("", "", "river.mp4") == "river.mp4"
    assert file_name("...", ".mp4") == "untitled.mp4"


def test_a_long_title_is_cut_between_characters_and_leaves_room_for_a_suffix() -> None:
    name = stem(LONG, "dQw4w9WgXcQ")
    assert len(name.encode()) <= MAX_BYTES - SUFFIX_BYTES
    assert name.endswith(" [dQw4w9WgXcQ]")
    assert LONG.startswith(name.removesuffix(" [dQw4w9WgXcQ]"))
    assert len(name.encode()) > MAX_BYTES - SUFFIX_BYTES - 4


def test_a_cut_makes_no_device_of_a_word() -> None:
    assert safe("console", 3) == "_co"


def test_a_cut_leaves_no_letter_without_its_accents() -> None:
    marked = "q\u0307\u0323" * 100  # has no composed form
    cut = safe(marked, 101)
    assert len(cut.encode()) <= 101
    assert unicodedata.normalize("NFC", marked).startswith(cut)
    assert len(cut) % 3 == 0


def test_a_suffix_is_kept_whole_and_is_nothing_else() -> None:
    name = file_name("x" * 400, ".en.srt")
    assert name.endswith("x.en.srt")
    assert len(name.encode()) == MAX_BYTES
    for wrong in ("", "srt", "../x", ".a/b", "." + "s" * 200):
        with pytest.raises(ValueError, match="suffix"):
            file_name("a", wrong)


@pytest.mark.parametrize(
    ("stage", "name", "suffix"),
    [
        ("download", "media.mp4", ".mp4"),
        ("download", "poster.jpg", ".poster.jpg"),
        ("transcribe", "transcript.srt", ".en.srt"),
        ("transcribe", "transcript.txt", ".txt"),
        ("transcribe", "transcript.json", ".transcript.json"),
        ("transcribe", "transcript.whisper.json", ".transcript.whisper.json"),
        ("summary", "summary.pdf", ".summary.pdf"),
        ("remove_silence", "silence_removed.mp4", ".cut.mp4"),
        ("remove_silence", "transcript.srt", ".cut.en.srt"),
        ("export", "export.webm", ".webm"),
    ],
)
def test_players_and_people_find_the_files_of_a_video_by_their_endings(stage: str, name: str, suffix: str) -> None:
    assert suffix_of(stage, name, "en") == suffix


@given(st.text(), st.text())
def test_whatever_a_published_file_is_called_its_suffix_is_one(name: str, language: str) -> None:
    made = file_name("Talk", suffix_of("export", name, language))
    assert is_safe(made)
    assert made.startswith("Talk.")


def test_a_language_that_is_not_known_or_not_one_leaves_no_trace() -> None:
    assert suffix_of("transcribe", "transcript.vtt") == ".vtt"
    assert suffix_of("transcribe", "transcript.vtt", "../x") == ".x.vtt"


def test_files_that_would_be_one_on_some_system_get_numbers() -> None:
    names = distinct([("Talk", [".mp4"]), ("talk", [".mp4"]), ("TALK", [".mp4"]), ("talk", [".mov"])])
    assert names == ["Talk", "talk (2)", "TALK (3)", "talk"]
    assert distinct([("été", [".mp4"]), ("e\u0301te\u0301", [".mp4"])]) == ["été", "été (2)"]


def test_the_files_of_one_video_keep_one_stem() -> None:
    names = distinct([("a.en", [".mp4", ".srt"]), ("a", [".mp4", ".en.srt"])])
    assert names == ["a.en", "a (2)"]
    assert distinct([("a", [".mp4"])], taken=["A.MP4"]) == ["a (2)"]


def test_a_number_never_makes_a_name_too_long() -> None:
    long = stem("x" * 400, "id")
    names = distinct([(long, [".mp4"])] * 12)
    assert len(set(names)) == 12
    assert all(len(name.encode()) <= MAX_BYTES - SUFFIX_BYTES for name in names)


@given(st.text(), st.text(max_size=40), st.sampled_from([".mp4", ".en.srt", ".summary.pdf"]))
def test_whatever_the_title_the_name_is_one_name_in_one_folder(title: str, video_id: str, suffix: str) -> None:
    name = file_name(stem(title, video_id), suffix)
    assert is_safe(name)
    assert len(name.encode()) <= MAX_BYTES
    assert not set(name) & set('/\\:*?"<>|\0\n\r\t')
    assert not name.startswith((".", "-", " ", "~"))
    assert not name.endswith((".", " "))
    assert name not in (".", "..")
    assert name.endswith(suffix)


@given(st.text(), st.integers(min_value=0, max_value=80))
def test_making_a_safe_name_safe_again_changes_nothing(title: str, limit: int) -> None:
    once = safe(title, limit)
    assert len(once.encode()) <= limit
    assert safe(once, limit) == once
