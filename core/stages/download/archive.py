"""yt-dlp's archive of what was downloaded: one line a video, `extractor id`. Read, never written."""

from pathlib import Path

from core.domain.errors import BadInput
from core.stages.download.identity import archive_id
from core.system import files

MAX_BYTES = 20 * 10**6
# How the address of a video is made of its id; for all other sites an archive does not say it.
_ADDRESSES = {
    "youtube": "https://www.youtube.com/watch?v={}",
    "vimeo": "https://vimeo.com/{}",
    "dailymotion": "https://www.dailymotion.com/video/{}",
    "twitchvod": "https://www.twitch.tv/videos/{}",
    "soundcloud": "https://api.soundcloud.com/tracks/{}",
    "bilibili": "https://www.bilibili.com/video/{}",
    "tiktok": "https://www.tiktok.com/@_/video/{}",
    "ted": "https://www.ted.com/talks/{}",
    "rutube": "https://rutube.ru/video/{}/",
}


def read_archive(path: Path) -> tuple[str, ...]:
    """The videos in the archive `path`, as yt-dlp names them, each once and in order. Raises `BadInput`."""
    try:
        text = files.read_regular(path, MAX_BYTES).decode("utf-8")
    except OSError as error:
        raise BadInput(f"The archive {path.name} cannot be read: {error.strerror}.", code="archive") from error
    except UnicodeDecodeError:
        text = "\0"
    lines = [line.split("#", 1)[0].strip() for line in text.splitlines()]
    found = dict.fromkeys(" ".join(line.split()) for line in lines if line)
    if not found or any(len(line.split()) != 2 or not line.isprintable() for line in found):
        raise BadInput(
            f"{path.name} is no archive of yt-dlp.", hint="Each line of one is an extractor and an id.", code="archive"
        )
    return tuple(f"{extractor.lower()} {id_}" for extractor, id_ in (line.split() for line in found))


def address_of(entry: str) -> str | None:
    """The address of a video of an archive; None where the site's addresses cannot be made of ids."""
    extractor, _, id_ = entry.partition(" ")
    address = _ADDRESSES.get(extractor)
    known = id_.removeprefix("v") if extractor == "twitchvod" else id_
    return address.format(known) if address is not None and known.replace("-", "").replace("_", "").isalnum() else None


__all__ = ["address_of", "archive_id", "read_archive"]
