"""How large a merged video will be, roughly: the videos together, or what their length takes when they are coded anew."""

from collections.abc import Iterable

from core.domain.exports import Packed

# Bits a second of a talk in 1080p with sound, as our own encodings of them came out, generously.
_RATE = 4_200_000


def merged_bytes(members: Iterable[Packed]) -> int:
    """The bytes of the videos merged, at most what they have now: nothing is encoded better than it was."""
    videos = [member for member in members if member.kind == "video"]
    now = sum(video.size for video in videos)
    if any(video.duration_s is None for video in videos):
        return now
    encoded = sum(video.duration_s or 0.0 for video in videos) * _RATE / 8
    return min(now, int(encoded)) if encoded else now
