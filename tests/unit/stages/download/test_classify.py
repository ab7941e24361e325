"""Each rule of the table with a real example, and what happens to what no rule knows."""

import errno
from typing import Any

import pytest

from core.domain.errors import CLASSES, ErrorClass
from core.stages.download.child import describe
from core.stages.download.classify import RULES, classify
from core.stages.download.texts import begins_in
from core.system.clock import SystemClock

E = ErrorClass


def link(text: str = "", *types: str, **facts: Any) -> dict[str, Any]:
    """One error of a chain as the download process describes it."""
    plain = {"status": None, "errno": None, "retry_after": None, "refused": None, "failed": None, "countries": []}
    return {"type": [*types, "Exception"], "text": text, **plain, **facts}


EXAMPLES: list[tuple[dict[str, Any], ErrorClass]] = [
    (link("HTTP Error 403: Reprise private_address", status=403, refused="private_address"), E.PRIVATE_ADDRESS),
    (link("Tunnel connection failed: 403 Reprise private_address", "ProxyError"), E.PRIVATE_ADDRESS),
    (link("it has 5000000000 bytes", "LimitError"), E.LIMIT_EXCEEDED),
    (link("", "MemoryError"), E.LIMIT_EXCEEDED),
    (link("ERROR: unable to write data: [Errno 27] File too large", errno=errno.EFBIG), E.LIMIT_EXCEEDED),
    (link("is_live", "NotYetError"), E.NOT_YET),
    (link("The channel is not currently live", "UserNotLive"), E.NOT_YET),
    (link("ERROR: [youtube] abc: Premieres in 5 hours"), E.NOT_YET),
    (link("ERROR: unable to write data: [Errno 28] No space left on device"), E.DISK_FULL),
    (link("", "OSError", errno=errno.EDQUOT), E.DISK_FULL),
    (link("", "OSError", errno=errno.EROFS), E.LOCAL_IO),
    (link("ERROR: [x] 1: This video is DRM protected"), E.DRM),
    (link("", "GeoRestrictedError", countries=["DE"]), E.GEO_BLOCKED),
    (link("HTTP Error 451: Unavailable For Legal Reasons", status=451), E.GEO_BLOCKED),
    (link("The uploader has not made this video available in your country"), E.GEO_BLOCKED),
    (link("HTTP Error 429: Too Many Requests", status=429), E.RATE_LIMITED),
    (link("ERROR: [youtube] abc: Sign in to confirm you’re not a bot. Use --cookies"), E.RATE_LIMITED),
    (link("Your account has been rate-limited by YouTube for up to an hour"), E.RATE_LIMITED),
    (link("This content isn't available, try again later."), E.RATE_LIMITED),
    (link("ERROR: [youtube] abc: Private video. Sign in if you've been granted access"), E.AUTH_REQUIRED),
    (link("Sign in to confirm your age. This video may be inappropriate"), E.AUTH_REQUIRED),
    (link("Join this channel to get access to members-only content"), E.AUTH_REQUIRED),
    (link("HTTP Error 401: Unauthorized", status=401), E.AUTH_REQUIRED),
    (link("HTTP Error 404: Not Found", status=404), E.REMOVED),
    (link("HTTP Error 410: Gone", status=410), E.REMOVED),
    (link("ERROR: [youtube] abc: Video unavailable"), E.REMOVED),
    (link("This video has been removed by the uploader"), E.REMOVED),
    (link("the YouTube account associated with this video has been terminated"), E.REMOVED),
    (link("Requested format is not available. Use --list-formats"), E.FORMAT),
    (link("HTTP Error 403: Forbidden", status=403), E.FORBIDDEN),
    (link("Unsupported URL: https://example.com/", "UnsupportedError"), E.UNSUPPORTED_URL),
    (link("'x' is not a valid URL"), E.UNSUPPORTED_URL),
    (link("file:// URLs are disabled by default in yt-dlp for security reasons", "RequestError"), E.UNSUPPORTED_URL),
    (link("No video formats found!; please report this issue on https://github.com"), E.UNSUPPORTED_URL),
    (link("This kind of stream is not supported", "DownloadError"), E.UNSUPPORTED_URL),
    (link("No supported JavaScript runtime could be found"), E.TOOLING),
    (link("ERROR: ffmpeg not found. Please install"), E.TOOLING),
    (link("No module named 'yt_dlp'", "ModuleNotFoundError", "ImportError"), E.TOOLING),
    (link("[x] 1: Unable to extract title; please report this issue on https://github.com/yt-dlp"), E.TOOLING),
    (link("HTTP Error 502: Reprise dns", status=502, failed="dns"), E.NETWORK),
    (link("Tunnel connection failed: 502 Reprise dns", "ProxyError", "TransportError"), E.NETWORK),
    (link("HTTP Error 504: Reprise connect", status=504, failed="connect"), E.NETWORK),
    (link("HTTP Error 502: Reprise proxy", status=502, failed="proxy"), E.NETWORK),
    (link("HTTP Error 503: Service Unavailable", status=503), E.SERVER),
    (link("[download] Got error: HTTP Error 500: Internal Server Error. Giving up after 2 retries"), E.SERVER),
    (link("[download] Got error: HTTP Error 404: Not Found. Giving up after 2 retries"), E.SERVER),
    (link("The downloaded file is empty"), E.NOT_MEDIA),
    (link("Did not get any data blocks"), E.NOT_MEDIA),
    (link("[download] Got error: 100 bytes read, 900 more expected. Giving up after 2 retries"), E.NETWORK),
    (link("[download] Got error: timed out. Giving up after 2 retries"), E.NETWORK),
    (link("Downloaded 5 bytes, expected 9 bytes", "ContentTooShortError"), E.NETWORK),
    (link("certificate verify failed", "CertificateVerifyError", "SSLError", "TransportError"), E.SERVER),
    (link("[Errno 104] Connection reset by peer", "ConnectionResetError", "ConnectionError", errno=104), E.NETWORK),
]


@pytest.mark.parametrize(("found", "expected"), EXAMPLES)
def test_an_example_is_sorted_into_its_class(found: dict[str, Any], expected: ErrorClass) -> None:
    error = classify([found], host="example.com")
    assert error.error_class == expected
    assert error.message.endswith(".")
    assert "{" not in error.message
    assert error.hint == CLASSES[expected].hint


def test_every_rule_has_an_example() -> None:
    reached = {classify([found], host="h").message for found, _ in EXAMPLES}
    assert len(reached) >= len(RULES)


@pytest.mark.parametrize(
    ("countries", "said"),
    [
        (["Germany"], "x.tv offers this video only in Germany."),
        (["Germany", "Austria", "Germany"], "x.tv offers this video only in Germany and Austria."),
        (list("ABCDEFG"), "x.tv offers this video only in A, B, C, D, E and 2 more countries."),
        ([], "x.tv does not offer this video in this country."),
    ],
)
def test_where_a_video_is_offered_is_named(countries: list[str], said: str) -> None:
    error = classify([link("Not here.", "GeoRestrictedError", countries=countries)], host="x.tv")
    assert (error.error_class, error.message) == (E.GEO_BLOCKED, said)
    assert "--proxy" in error.hint


def test_countries_are_called_by_their_names_and_what_is_none_is_left_out() -> None:
    from yt_dlp.utils import GeoRestrictedError

    (told,) = describe(GeoRestrictedError("Not here.", countries=["DE", "AT", "<b>"]))
    assert told["countries"] == ["Germany", "Austria"]


def test_evidence_anywhere_in_the_chain_counts() -> None:
    chain = [link("ERROR: unable to download video data", "DownloadError"), link("", "HTTPError", status=404)]
    assert classify(chain, host="h").error_class == E.REMOVED


def test_what_no_rule_knows_is_unknown_and_repeats_what_was_said_without_secrets() -> None:
    chain = [link("ERROR: [site] 123: Strange thing at https://u:p@h.com/x?token=s (caused by <X>)")]
    error = classify(chain, host="h.com")
    assert error.error_class == E.UNKNOWN
    assert error.message == "The download failed: 123: Strange thing at https://h.com/x."


def test_how_long_to_wait_is_taken_from_the_server() -> None:
    assert classify([link(status=429, retry_after="30")], host="h").retry_after_s == 30.0
    assert classify([link(status=429, retry_after="soon")], host="h").retry_after_s is None


def test_a_page_under_the_name_of_a_video_is_no_video() -> None:
    found = [link("Unsupported URL", "UnsupportedError")]
    assert classify(found, host="h", url_suffix=".MP4").error_class == E.NOT_MEDIA
    assert classify(found, host="h", url_suffix=".html").error_class == E.UNSUPPORTED_URL


def test_a_chain_of_errors_is_described_to_its_end_and_never_in_circles() -> None:
    inner = OSError(errno.ENOSPC, "No space left on device")
    outer = RuntimeError("outer")
    outer.__cause__, inner.__context__ = inner, outer
    chain = describe(outer)
    assert [facts["errno"] for facts in chain] == [None, errno.ENOSPC]
    assert classify(chain, host="h").error_class == E.DISK_FULL


def test_a_broadcast_that_was_announced_says_when_it_begins() -> None:
    soon = {**link("is_upcoming; begins in 7200 s"), "type": ["NotYetError"]}
    error = classify([soon], host="h")
    assert (error.error_class, error.retry_after_s) == (E.NOT_YET, 7200.0)
    assert begins_in(SystemClock().now().timestamp() + 100.0) in ("; begins in 100 s", "; begins in 99 s")
    assert begins_in(1.0) == begins_in(None) == ""
