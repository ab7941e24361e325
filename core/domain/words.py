"""Numbers and moments in the words of sentences."""

from datetime import datetime

GIGABYTE, MEGABYTE = 1e9, 1e6


def gigabytes(size: float) -> str:
    """Bytes as people say them: `12.3 GB`, and `20 MB` for less than a tenth of one."""
    return f"{size / GIGABYTE:.1f} GB" if size >= GIGABYTE / 10 else f"{size / MEGABYTE:.0f} MB"


def runs_in_words(count: int) -> str:
    """`1 run`, `2 runs`."""
    return "1 run" if count == 1 else f"{count} runs"


def ahead_of_it(count: int) -> str:
    """How many runs are before one in a line."""
    return "it is next" if not count else "1 run is ahead of it" if count == 1 else f"{count} runs are ahead of it"


def times(count: int) -> str:
    """How often: `once`, `4 times`."""
    return "once" if count == 1 else f"{count} times"


def moment(at: datetime, now: datetime) -> str:
    """A moment in words: `14:03 UTC`, with its day unless that is today."""
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at.day} {at:%B %H:%M} UTC"


def person(user: str) -> str:
    """A user as sentences name one: `ana` for `local:ana`, who is the same in no other place."""
    return user.removeprefix("local:")


def lowered(subject: str) -> str:
    """The subject of a sentence, as it stands inside another."""
    return subject[:1].lower() + subject[1:] if subject.startswith("The ") else subject
