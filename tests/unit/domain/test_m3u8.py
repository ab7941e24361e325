"""A playlist says what the titles say, each in its own line, whatever they are."""

import pytest

from core.domain.m3u8 import Track, playlist


def test_a_playlist_has_titles_durations_and_places() -> None:
    tracks = [Track(title="Opening", duration_s=61.5, location="a.mp4"), Track(title="End", location="https://x.org/b")]
    assert playlist("Talks", tracks) == (
        "#EXTM3U\n#PLAYLIST:Talks\n#EXTINF:61.5,Opening\na.mp4\n#EXTINF:-1,End\nhttps://x.org/b\n"
    )


@pytest.mark.parametrize(
    "title",
    [
        "a\n#EXTINF:1,b\nfile:///etc/passwd",
        "a\r\nhttp://169.254.169.254/",
        "a\u2028b",
        "a\x85b",
        "a\x0bb",
        "#EXT-X-KEY:METHOD=NONE",
        "\u202eevil",
    ],
)
def test_no_title_becomes_a_line_or_a_command(title: str) -> None:
    lines = playlist(title, [Track(title=title, location="a.mp4", duration_s=1)]).splitlines()
    assert len(lines) == 4
    assert [line.partition(":")[0] for line in lines] == ["#EXTM3U", "#PLAYLIST", "#EXTINF", "a.mp4"]
    assert "#" not in lines[1][1:] + lines[2][1:]
    assert "\u202e" not in lines[2]


@pytest.mark.parametrize("location", ["", "#EXTM3U", "a b.mp4", "a\nb", "ä.mp4"])
def test_a_place_that_is_no_address_is_never_written(location: str) -> None:
    with pytest.raises(ValueError, match="no URI"):
        playlist("Talks", [Track(title="a", location=location)])


@pytest.mark.parametrize(("seconds", "said"), [(0.04, "0.04"), (7200.0, "7200"), (12345.678, "12345.678")])
def test_long_durations_keep_their_digits(seconds: float, said: str) -> None:
    assert f"#EXTINF:{said},a" in playlist("T", [Track(title="a", location="a", duration_s=seconds)])
