"""Which sources are the same video: `space_id`, found without the network."""

import functools
import hashlib
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from core.domain.run import Source

# Parts of an address that do not choose the video, in the names that yt-dlp's extractors give them.
_NO_IDENTITY = frozenset({"id", "display_id", "slug", "title", "query", "params", "q", "u", "lang", "locale", "type"})


def space_id(source: Source) -> str:
    """The identity of the video of `source`, 32 hexadecimal digits: equal for two addresses of one video.

    yt-dlp's extractor and id where one other than the generic knows the address, with what else of the address an
    extractor names (two servers of one software may number alike); else the canonical URL with its parameters sorted;
    for a file its checksum.
    """
    if source.kind == "file":
        return _digest("file", source.sha256 or source.value)
    extractor, match = _extractor(source.value)
    if extractor is not None:
        key, found = extractor.ie_key(), extractor.get_temp_id(source.value)
        if found:
            named = match.groupdict() if match is not None else {}
            other = [f"{name}={value}" for name, value in sorted(named.items()) if value and name not in _NO_IDENTITY]
            return _digest("video", key, found, *(other if not key.startswith("Youtube") else ()))
    parts = urlsplit(source.value)
    query = urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return _digest("url", parts._replace(query=query).geturl())


def is_playlist(source: Source) -> bool | None:
    """Whether `source` is a list of videos, as far as its address tells; None when it does not."""
    if source.kind == "file":
        return False
    extractor, _ = _extractor(source.value)
    if extractor is None:
        return None
    key = extractor.ie_key()
    if key.endswith(("Playlist", "Channel", "Tab", "User", "Album", "Series")):
        return True
    single = extractor.is_single_video(source.value)
    return None if single is None else not single


def archive_id(url: str) -> str | None:
    """What yt-dlp's archive calls the video of this address, as far as the address tells; None when it does not."""
    extractor, _ = _extractor(url)
    if extractor is None:  # as the generic extractor names it
        name = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
        return f"generic {name.rpartition('.')[0] or name}" if name else None
    found = extractor.get_temp_id(url)
    return f"{extractor.ie_key().lower()} {found}" if found else None


@functools.lru_cache(maxsize=256)
def _extractor(url: str) -> tuple[Any, Any]:
    """The extractor that knows `url` and how it matched; None for those only the generic one takes.

    The first call loads yt-dlp's list, about 0.6 s.
    """
    from yt_dlp.extractor import gen_extractor_classes

    for extractor in gen_extractor_classes():
        if extractor.ie_key() != "Generic" and extractor.suitable(url):
            return extractor, extractor._match_valid_url(url)
    return None, None


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:32]
