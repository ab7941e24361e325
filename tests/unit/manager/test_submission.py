"""What is handed in is matched source by source: transcripts to media, archives to addresses, reasons to the rest."""

from pathlib import Path

import pytest

from core.domain.batch import MAX_RUNS
from core.domain.errors import BadInput
from core.domain.run import Source
from core.domain.settings import Settings
from core.manager.submission import Rejected, Submission, take
from core.system.network import AllowedHosts

SRT = "1\n00:00:01,000 --> 00:00:02,000\nGood evening.\n"
MP4 = b"\0\0\0\x20ftypisom"


def medium(folder: Path, name: str = "talk.mp4") -> str:
    path = folder / name
    path.write_bytes(MP4 + name.encode())
    return str(path)


def words(folder: Path, name: str, text: str = SRT) -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def taken(*sources: str, **how: object) -> tuple[list[Source], list[Rejected]]:
    found, rejected = take(Submission(sources=sources, **how), AllowedHosts.parse(""))  # type: ignore[arg-type]
    return [source for source, _ in found], rejected


def transcript(source: Source) -> str | None:
    return Path(source.transcript.path).name if source.transcript is not None else None


@pytest.mark.parametrize("name", ["talk.srt", "talk.vtt", "talk.en.srt", "talk.mp4.srt", "talk.EN-us.SRT"])
def test_a_transcript_beside_a_medium_under_its_name_is_taken(tmp_path: Path, name: str) -> None:
    text = SRT if not name.endswith("vtt") else "WEBVTT\n\n" + SRT.replace(",", ".")
    words(tmp_path, name, text)
    ((source,), rejected) = taken(medium(tmp_path))
    assert (transcript(source), rejected) == (name, [])


@pytest.mark.parametrize("name", ["talks.srt", "other.srt", "talk.txt", "talk.info.json", "talk.srt.bak"])
def test_what_is_named_otherwise_is_left(tmp_path: Path, name: str) -> None:
    words(tmp_path, name)
    ((source,), rejected) = taken(medium(tmp_path))
    assert (transcript(source), rejected) == (None, [])


def test_what_only_lies_beside_it_and_is_of_no_use_is_left_alone(tmp_path: Path) -> None:
    words(tmp_path, "talk.srt", "no captions")
    words(tmp_path, "talk.json", '{"id": 7}')
    ((source,), rejected) = taken(medium(tmp_path))
    assert (transcript(source), rejected) == (None, [])
    words(tmp_path, "talk.en.srt")
    assert transcript(taken(medium(tmp_path))[0][0]) == "talk.en.srt"
    assert transcript(taken(medium(tmp_path), sidecars=False)[0][0]) is None


def test_the_language_that_is_set_chooses_among_several(tmp_path: Path) -> None:
    for name in ("talk.de.srt", "talk.en.srt"):
        words(tmp_path, name)
    path = medium(tmp_path)
    assert transcript(taken(path, settings=Settings(language="en"))[0][0]) == "talk.en.srt"
    words(tmp_path, "talk.srt")
    assert transcript(taken(path)[0][0]) == "talk.srt"


def test_those_that_are_given_go_to_the_media_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    given = tuple(words(tmp_path / "texts", name) for name in ("b.srt", "a.en.srt", "c.srt"))
    sources, rejected = taken(medium(tmp_path, "a.mp4"), medium(tmp_path, "b.mp4"), transcripts=given)
    assert [transcript(source) for source in sources] == ["a.en.srt", "b.srt"]
    assert [(Path(one.source).name, one.code) for one in rejected] == [("c.srt", "transcript")]


def test_the_only_one_goes_to_the_only_source_whatever_it_is_called(tmp_path: Path) -> None:
    given = words(tmp_path, "whatever.srt")
    (source,), rejected = taken("https://example.com/v.mp4", transcripts=(given,))
    assert (transcript(source), rejected) == ("whatever.srt", [])


def test_one_that_was_given_and_cannot_be_used_is_said(tmp_path: Path) -> None:
    path = medium(tmp_path)
    for given, said in (
        (words(tmp_path, "bad.srt", "nothing"), "no caption"),
        (str(tmp_path / "no.srt"), "no transcript"),
    ):
        sources, (rejected,) = taken(path, transcripts=(given,))
        assert not sources
        assert said in rejected.message


def test_transcripts_of_many_films_come_with_their_folder(tmp_path: Path) -> None:
    for name in ("a", "b"):
        medium(tmp_path, f"{name}.mp4")
    words(tmp_path, "b.srt")
    assert [transcript(source) for source in taken(str(tmp_path))[0]] == [None, "b.srt"]


def archive(folder: Path, *lines: str) -> str:
    return words(folder, "archive.txt", "\n".join(lines))


YOUTUBE = "https://www.youtube.com/watch?v={}"


def test_what_is_in_the_archive_is_left_out(tmp_path: Path) -> None:
    listed = archive(tmp_path, "youtube dQw4w9WgXcQ", "generic talk", "vimeo 12345")
    sources, rejected = taken(
        YOUTUBE.format("dQw4w9WgXcQ"),
        "https://youtu.be/aaaaaaaaaaa",
        "https://example.com/talk.mp4",
        "https://vimeo.com/12345",
        medium(tmp_path),
        archive=listed,
    )
    assert [Path(source.value).name for source in sources] == ["watch?v=aaaaaaaaaaa", "talk.mp4"] or len(sources) == 2
    assert [one.code for one in rejected] == ["archived"] * 3
    assert {source.archive for source in sources} == {listed, None}, "a list at an address reads it later"


def test_what_is_in_the_archive_can_be_added(tmp_path: Path) -> None:
    listed = archive(tmp_path, "youtube dQw4w9WgXcQ", "generic talk", "# a note", "vimeo 12345", "vimeo 12345")
    sources, rejected = taken(archive=listed, archived="add")
    assert [source.value for source in sources] == [YOUTUBE.format("dQw4w9WgXcQ"), "https://vimeo.com/12345"]
    assert [(one.source, one.code) for one in rejected] == [("generic talk", "archive")]
    assert [source.archive for source in sources] == [None, None]


def test_of_a_long_archive_as_many_as_a_batch_holds_are_added(tmp_path: Path) -> None:
    listed = archive(tmp_path, *(f"vimeo {number}" for number in range(1000, 1200)))
    sources, (rejected,) = taken("https://example.com/v.mp4", archive=listed, archived="add")
    assert len(sources) == MAX_RUNS
    assert rejected.code == "batch_full"
    assert "151 of this archive" in rejected.message


@pytest.mark.parametrize("text", ["", "just words in a file", "one", "a b\0c", "youtube id\n<html> x y"])
def test_what_is_no_archive_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="no archive"):
        taken("https://example.com/v.mp4", archive=archive(tmp_path, text))


def test_an_id_that_would_lead_elsewhere_makes_no_address(tmp_path: Path) -> None:
    sources, rejected = taken(archive=archive(tmp_path, "youtube ../../x", "vimeo 1@evil.example"), archived="add")
    assert not sources
    assert len(rejected) == 2
