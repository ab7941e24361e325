"""The playlist of an export, with the places where whoever reads it finds the videos."""

from collections.abc import Callable, Sequence

from core.domain.exports import Packed
from core.domain.m3u8 import Track, playlist


def listed(name: str, members: Sequence[Packed], where: Callable[[int, Packed], str]) -> str:
    """The playlist of the videos among `members`; `where` tells the URI of each, by its number among all and itself."""
    return playlist(
        name,
        [
            Track(title=member.title, location=where(number, member), duration_s=member.duration_s)
            for number, member in enumerate(members)
            if member.kind == "video"
        ],
    )
