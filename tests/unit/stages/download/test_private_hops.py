"""Every hop of a download that leads to a private address is refused, and the canary there stays unvisited."""

import pytest

from core.domain.errors import ErrorClass
from core.stages.download import DownloadStage
from tests.support.media_files import hls_folder, mp4
from tests.support.media_server import MediaServer
from tests.unit.stages.download.conftest import HLS_TYPE, Begin, failure


def test_a_redirect_to_a_private_address_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    error = failure(stage, begin(server.redirect("/go", canary.url("/v.mp4"))))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS
    assert "private" in error.message


def test_a_redirect_while_downloading_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    def moved(number: int) -> int:
        return 200 if number == 0 else 302

    url = server.add(
        "/v.mp4", mp4(), content_type="video/mp4", status_for=moved, headers={"Location": canary.url("/v.mp4")}
    )
    assert failure(stage, begin(url)).error_class == ErrorClass.PRIVATE_ADDRESS


@pytest.mark.parametrize(
    "line",
    [
        "{canary}/v.mp4",
        '#EXT-X-KEY:METHOD=AES-128,URI="{canary}/v.mp4"\nseg.ts',
        '#EXT-X-MAP:URI="{canary}/v.mp4"\nseg.ts',
    ],
)
def test_a_playlist_that_names_a_private_segment_key_or_header_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin, line: str
) -> None:
    server.add("/seg.ts", (hls_folder() / "index0.ts"))
    entry = line.format(canary=f"http://{canary.host}")
    first, _, rest = entry.rpartition("\n")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{first}\n#EXTINF:1,\n{rest}\n#EXT-X-ENDLIST\n"
    error = failure(stage, begin(server.add("/x.m3u8", text.encode(), content_type=HLS_TYPE)))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS


def test_a_master_playlist_that_names_a_private_list_is_refused(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=320x180\n{canary.url('/v.m3u8')}\n"
    error = failure(stage, begin(server.add("/m.m3u8", text.encode(), content_type=HLS_TYPE)))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS


@pytest.mark.parametrize("line", ["file:///etc/passwd", '#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"\nseg.ts'])
def test_a_playlist_that_names_a_local_file_gets_nothing_of_it(
    stage: DownloadStage, server: MediaServer, begin: Begin, line: str
) -> None:
    server.add("/seg.ts", (hls_folder() / "index0.ts"))
    first, _, rest = line.rpartition("\n")
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{first}\n#EXTINF:1,\n{rest}\n#EXT-X-ENDLIST\n"
    attempt = begin(server.add("/x.m3u8", text.encode(), content_type=HLS_TYPE))
    assert failure(stage, attempt).error_class == ErrorClass.UNSUPPORTED_URL
    assert not any(b"root:" in path.read_bytes() for path in attempt.work.rglob("*") if path.is_file())


def test_a_page_that_embeds_a_private_video_does_not_reach_it(
    stage: DownloadStage, server: MediaServer, canary: MediaServer, begin: Begin
) -> None:
    page = f'<html><body><video src="{canary.url("/v.mp4")}"></video></body></html>'
    error = failure(stage, begin(server.add("/page", page.encode(), content_type="text/html")))
    assert error.error_class == ErrorClass.PRIVATE_ADDRESS
