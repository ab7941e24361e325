"""A video's own subtitles come along when they are wanted; nothing about them makes a download fail."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.domain.run import Source, Transcript
from core.stages.download import DownloadStage
from core.stages.download.offered import choose
from core.stages.stage import Made
from core.system.ffmpeg import ffmpeg_path
from tests.support.media_files import mp4
from tests.support.media_server import MediaServer
from tests.unit.stages.download.conftest import Begin

VTT = b"WEBVTT\n\n00:00.200 --> 00:01.500\nGood evening.\n"
SRT = "1\n00:00:00,200 --> 00:00:01,500\nGuten Abend.\n"


def page(server: MediaServer, track: bytes | None = VTT, **how: Any) -> str:
    """The address of a page with a video and a track of subtitles."""
    server.add("/v.mp4", mp4(), content_type="video/mp4")
    if track is not None:
        server.add("/v.vtt", track, content_type="text/vtt", **how)
    html = '<video src="/v.mp4"><track kind="subtitles" srclang="en" src="/v.vtt"></video>'
    return server.add("/talk.html", html.encode(), content_type="text/html")


def own(made: object) -> object:
    assert isinstance(made, Made)
    return made.facts.get("subtitles")


def test_subtitles_of_a_page_are_published_beside_the_video(
    stage: DownloadStage, server: MediaServer, begin: Begin
) -> None:
    attempt = begin(page(server), use_subtitles="manual")
    made = stage.run(attempt)
    assert own(made) == {"file": "subtitles.vtt", "language": "en", "kind": "manual"}
    assert (attempt.out / "subtitles.vtt").read_bytes() == VTT
    assert isinstance(made, Made)
    assert "subtitles.vtt" in made.facts["aside"], "what is made of the picture alone is made once"


def test_a_language_that_is_none_is_not_believed(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    server.add("/v.mp4", mp4(), content_type="video/mp4")
    server.add("/v.vtt", VTT, content_type="text/vtt")
    html = '<video src="/v.mp4"><track kind="subtitles" srclang="/../../../tmp/x" src="/v.vtt"></video>'
    url = server.add("/talk.html", html.encode(), content_type="text/html")
    assert own(stage.run(begin(url, use_subtitles="manual"))) == {
        "file": "subtitles.vtt",
        "language": None,
        "kind": "manual",
    }


def test_nobody_asks_for_subtitles_that_are_not_wanted(stage: DownloadStage, server: MediaServer, begin: Begin) -> None:
    url = page(server)
    assert own(stage.run(begin(url))) is None
    given = Source(kind="url", value=url, transcript=Transcript(path="/t.srt", sha256="0"))
    assert own(stage.run(begin(source=given, use_subtitles="any"))) is None
    assert not server.of("/v.vtt")


@pytest.mark.parametrize("how", [{"status": 404}, {"status": 500}, {"endless": True}, {"declared_length": 999}])
def test_whatever_goes_wrong_with_them_the_video_is_there(
    stage: DownloadStage, server: MediaServer, begin: Begin, how: dict[str, Any]
) -> None:
    attempt = begin(page(server, **how), use_subtitles="any")
    assert own(stage.run(attempt)) is None
    assert (attempt.out / "media.mp4").read_bytes() == mp4().read_bytes()
    assert any("subtitles cannot be fetched" in line for line in attempt.lines)


def test_subtitles_on_a_private_address_are_not_fetched(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    server.add("/v.mp4", mp4(), content_type="video/mp4")
    html = f'<video src="/v.mp4"><track kind="subtitles" srclang="en" src="{canary.url("/v.vtt")}"></video>'
    attempt = begin(server.add("/talk.html", html.encode(), content_type="text/html"), use_subtitles="manual")
    assert own(stage.run(attempt)) is None
    assert (attempt.out / "media.mp4").exists()


@pytest.mark.parametrize(("suffix", "codec"), [("mkv", "srt"), ("mp4", "mov_text"), ("mkv", "ass"), ("webm", "webvtt")])
def test_a_track_of_text_in_the_file_is_taken_out(
    stage: DownloadStage, begin: Begin, tmp_path: Path, suffix: str, codec: str
) -> None:
    path = with_track(tmp_path, suffix, codec)
    attempt = begin(source=Source(kind="file", value=str(path)), use_subtitles="manual")
    assert own(stage.run(attempt)) == {"file": "subtitles.srt", "language": "de", "kind": "embedded"}
    assert "Guten Abend." in (attempt.out / "subtitles.srt").read_text()


def test_a_track_in_another_language_than_the_one_that_is_set_is_left(
    stage: DownloadStage, begin: Begin, tmp_path: Path
) -> None:
    source = Source(kind="file", value=str(with_track(tmp_path, "mkv", "srt")))
    assert own(stage.run(begin(source=source, use_subtitles="any", language="fr"))) is None
    assert own(stage.run(begin(source=source, use_subtitles="any", language="de"))) is not None


def with_track(folder: Path, suffix: str, codec: str) -> Path:
    """A video with a track of German subtitles."""
    (folder / "t.srt").write_text(SRT)
    path = folder / f"film.{suffix}"
    sound = ["-c:a", "libopus", "-c:v", "libvpx"] if suffix == "webm" else ["-c:a", "copy", "-c:v", "copy"]
    words = ["-map", "0", "-map", "1", *sound, "-c:s", codec, "-metadata:s:s:0", "language=ger", str(path)]
    command = [ffmpeg_path(), "-v", "error", "-nostdin", "-i", str(mp4()), "-i", str(folder / "t.srt"), *words]
    subprocess.run(command, check=True)
    return path


def test_what_is_looked_for_is_in_the_key_of_the_download(stage: DownloadStage, begin: Begin) -> None:
    source = Source(kind="file", value="/v.mp4")
    keys = [
        stage.params(begin(source=source, **settings).job)
        for settings in ({}, {"use_subtitles": "any"}, {"use_subtitles": "any", "language": "de"})
    ]
    assert "subtitles" not in keys[0], "results of former versions keep their keys"
    assert keys[1] != keys[2]


def offer(*tags: str, ext: str = "vtt") -> dict[str, Any]:
    return {tag: [{"ext": "ttml", "url": "https://x/t"}, {"ext": ext, "url": f"https://x/{tag}"}] for tag in tags}


@pytest.mark.parametrize(
    ("info", "wanted", "language", "chosen"),
    [
        ({"subtitles": offer("de", "en")}, "manual", "auto", ("manual", "en")),
        ({"subtitles": offer("de", "en")}, "manual", "de", ("manual", "de")),
        ({"subtitles": offer("de", "en-GB"), "language": "en-US"}, "manual", "auto", ("manual", "en-GB")),
        ({"subtitles": offer("de"), "language": "en"}, "manual", "auto", None),
        ({"subtitles": offer("de")}, "manual", "auto", ("manual", "de")),
        ({"subtitles": offer("de")}, "manual", "fr", None),
        ({"subtitles": offer("fr", "de")}, "manual", "auto", None),
        ({"automatic_captions": offer("en")}, "manual", "auto", None),
        ({"automatic_captions": offer("en")}, "any", "auto", ("auto", "en")),
        ({"automatic_captions": offer("af", "en", "de-orig", "de")}, "any", "auto", ("auto", "de-orig")),
        ({"automatic_captions": offer("af", "en", "de")}, "any", "auto", None),
        ({"subtitles": offer("en"), "automatic_captions": offer("en")}, "any", "auto", ("manual", "en")),
        ({"subtitles": offer("en", ext="ttml")}, "manual", "auto", None),
        ({"subtitles": {"en": [{"ext": "vtt", "url": "file:///etc/passwd"}]}}, "manual", "auto", None),
        (
            {"subtitles": {"en": [{"ext": "srt", "data": "1"}], "live_chat": [{"ext": "json"}]}},
            "manual",
            "auto",
            ("manual", "en"),
        ),
        ({"subtitles": None}, "any", "auto", None),
        ({"subtitles": "x", "automatic_captions": {"en": "x"}}, "any", "auto", None),
    ],
)
def test_those_in_the_language_that_is_spoken_are_chosen_and_no_translation_by_a_machine(
    info: dict[str, Any], wanted: str, language: str, chosen: tuple[str, str] | None
) -> None:
    found = choose(info, wanted, language)
    assert (found[:2] if found else None) == chosen
