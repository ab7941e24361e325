"""What somebody typed becomes a source, or a sentence that says why not; nothing is looked up."""

import hashlib
from pathlib import Path

import pytest

from core.domain.errors import BadInput
from core.domain.run import Source
from core.stages.download.source import canonical_url, expand_folder, is_playlist, parse_source, shown, space_id
from core.system.network import AllowedHosts
from tests.support.media_files import mp4

NOTHING = AllowedHosts()
CASES = [
    ("", "url_invalid"),
    ("   ", "url_invalid"),
    ("--exec=touch PWN", "option"),
    ("-o/tmp/x", "option"),
    ("file:///etc/passwd", "url_scheme"),
    ("/etc/passwd", "url_scheme"),
    ("C:\\Windows\\win.ini", "url_scheme"),
    ("\\\\evil\\share\\x.mp4", "url_scheme"),
    ("ftp://h/x", "url_scheme"),
    ("data:video/mp4;base64,AAAA", "url_scheme"),
    ("javascript:alert(1)", "url_scheme"),
    ("ytsearch:cats", "url_scheme"),
    ("http://127.0.0.1:1/v.mp4", "url_private_address"),
    ("https://user:pass@example.com/v.mp4", "url_userinfo"),
    ("https://example.com/a b", "url_invalid"),
    ("example.com/video", "url_invalid"),
    ("www.example.com", "url_invalid"),
    ("hello world", "source_missing"),
    ("/no/such/file.mp4", "source_missing"),
    ("a\0b", "source_missing"),
    ("x" * 10_000, "source_missing"),
    ("/dev/null", "not_a_file"),
    ("/tmp", "folder"),
]


@pytest.mark.parametrize(("text", "code"), CASES)
def test_what_cannot_be_a_source_is_refused_with_a_code_a_sentence_and_a_hint(text: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_source(text, NOTHING)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    assert "pass@" not in caught.value.message


def test_a_url_without_its_scheme_is_offered_with_it() -> None:
    with pytest.raises(BadInput) as caught:
        parse_source("example.com/video", NOTHING)
    assert "https://example.com/video" in caught.value.hint


def test_where_files_are_not_taken_a_path_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        parse_source(str(mp4()), NOTHING, files=False)
    assert caught.value.code == "url_scheme"


def test_a_file_becomes_its_absolute_path_size_and_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = mp4().read_bytes()
    monkeypatch.chdir(tmp_path)
    told: list[tuple[str, float]] = []
    for name in ("-y.mp4", "a:b.mp4", "x%03d.mp4", 'it\'s "q".mp4', ".mp4", "ü😀.mp4", "no suffix"):
        Path(name).write_bytes(content)
        source = parse_source(f"./{name}", NOTHING, on_hash=lambda path, share: told.append((path, share)))
        expected = Source(
            kind="file", value=str(tmp_path / name), sha256=hashlib.sha256(content).hexdigest(), size=len(content)
        )
        assert source == expected
    assert told[-1] == (str(tmp_path / "no suffix"), 1.0)


def test_a_file_whose_name_looks_like_a_scheme_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("talk:part1.mp4").write_bytes(mp4().read_bytes())
    assert parse_source("talk:part1.mp4", NOTHING).kind == "file"


def test_text_under_the_name_of_a_video_is_taken_and_judged_later(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    assert parse_source(str(tmp_path / "text.mp4"), NOTHING).size == 5


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://EXAMPLE.COM:443/V.mp4#t=1", "https://example.com/V.mp4"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com/v?utm_source=x&b=2&utm_medium=y&a=1", "https://example.com/v?b=2&a=1"),
        ("https://example.com/v?t=sig&si=x&list=y", "https://example.com/v?t=sig&si=x&list=y"),
        (
            "https://www.youtube.com/watch?v=abcdefghijk&list=PL1&index=2&t=9s&si=x",
            "https://www.youtube.com/watch?v=abcdefghijk",
        ),
        ("https://youtu.be/abcdefghijk?si=x&t=3", "https://youtu.be/abcdefghijk"),
        ("https://www.youtube.com/playlist?list=PL1&si=x", "https://www.youtube.com/playlist?list=PL1"),
        ("https://vimeo.com/123#t=10s", "https://vimeo.com/123"),
        ("https://spa.example.com/#!/video/7", "https://spa.example.com/#!/video/7"),
        ("https://example.com/v#__youtubedl_smuggle=%7B%7D", "https://example.com/v"),
        ("https://example.com/v?sig=a%2Fb+c==", "https://example.com/v?sig=a%2Fb+c=="),
    ],
)
def test_what_does_not_choose_the_video_is_taken_out_of_a_url_and_the_rest_kept_as_it_is(
    url: str, canonical: str
) -> None:
    assert canonical_url(url, NOTHING) == canonical
    assert canonical_url(canonical, NOTHING) == canonical


def url_space(url: str) -> str:
    return space_id(parse_source(url, NOTHING))


def test_all_addresses_of_one_video_have_one_identity() -> None:
    addresses = [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PLabc&t=3s&utm_source=mail#t=1",
        "https://youtu.be/dQw4w9WgXcQ?si=abc",
        "https://m.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://WWW.YouTube.com/shorts/dQw4w9WgXcQ",
    ]
    assert len({url_space(url) for url in addresses}) == 1


def test_the_order_of_parameters_and_the_case_of_the_host_do_not_matter() -> None:
    assert url_space("https://Example.com/v?a=1&b=2") == url_space("https://example.com/v?b=2&a=1#t=5")


def test_different_videos_have_different_identities() -> None:
    addresses = [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/playlist?list=PLdQw4w9WgXcQ",
        "https://vimeo.com/12345678",
        "https://framatube.org/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d",
        "https://peertube.tv/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d",
        "https://example.com/a/video.mp4",
        "https://example.com/b/video.mp4",
        "https://example.com/a/video.mp4?id=2",
        "http://example.com/a/video.mp4",
    ]
    assert len({url_space(url) for url in addresses}) == len(addresses)


def test_the_identity_of_a_file_is_its_content(tmp_path: Path) -> None:
    one, two, other = tmp_path / "one.mp4", tmp_path / "two.mp4", tmp_path / "other.mp4"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    other.write_bytes(b"different")
    first, second, third = (space_id(parse_source(str(path), NOTHING)) for path in (one, two, other))
    assert first == second != third


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", False),
        ("https://www.youtube.com/playlist?list=PLabc", True),
        ("https://www.youtube.com/@someone/videos", True),
        ("https://example.com/v.mp4", None),
    ],
)
def test_whether_a_url_is_a_list_is_told_as_far_as_it_shows(url: str, answer: bool | None) -> None:
    assert is_playlist(parse_source(url, NOTHING)) is answer


def test_a_folder_gives_its_media_files_by_name_and_nothing_from_below(tmp_path: Path) -> None:
    for name in ("b.mp4", "A.MKV", ".hidden.mp4", "notes.txt", "c.wav"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "d.mp4").write_bytes(b"x")
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in expand_folder(tmp_path)] == ["A.MKV", "b.mp4", "c.wav"]


def test_a_folder_without_media_says_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match=r"no video or sound file, but notes\.txt"):
        expand_folder(tmp_path)


def test_a_source_is_shown_without_its_secrets() -> None:
    assert shown(Source(kind="url", value="https://example.com/a%20talk?token=secret")) == "example.com/a talk"
    assert shown(Source(kind="url", value="https://www.youtube.com/watch?v=abc")) == "www.youtube.com/watch?v=abc"
    assert shown(Source(kind="file", value="/home/me/talk\u202e.mp4")) == "talk.mp4"
