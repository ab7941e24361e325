"""What is written to people and programs of notices: one by one, or many in a digest. Pure."""

from collections import Counter
from typing import Any

import msgspec

from core.domain.notices import Kind, Notice

LISTED = 30
IN_DATA = 10
_MANY = {
    Kind.BATCH_COMPLETED: ("batch completed", "batches completed"),
    Kind.BATCH_FAILED: ("batch failed", "batches failed"),
    Kind.BATCH_PAUSED: ("batch paused itself", "batches paused themselves"),
    Kind.RUN_STALLED: ("run stalled", "runs stalled"),
    Kind.RUN_POISONED: ("run given up", "runs given up"),
}


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A subject and a text for people, and type and data for programs."""

    type: str
    subject: str
    text: str
    data: dict[str, Any]


def letter(notices: list[Notice], home: str) -> Letter:
    """The letter about these notices, with links to the dashboard at `home`."""
    if len(notices) == 1:
        (notice,) = notices
        text = f"{notice.headline}\n\n{notice.text}\n\n{link(notice, home)}\n"
        type_ = notice.kind.replace("_", ".", 1)
        return Letter(type=type_, subject=notice.headline, text=text, data=data(notice, home))
    said = summed_up(notices)
    listed = "\n".join(f"- {notice.headline}\n  {notice.text}\n  {link(notice, home)}" for notice in notices[:LISTED])
    more = f"\n\n… and {len(notices) - LISTED} more: {home}/notifications" if len(notices) > LISTED else ""
    first = [data(notice, home) for notice in notices[:IN_DATA]]
    return Letter(
        type="digest",
        subject=said,
        text=f"{said}\n\n{listed}{more}\n",
        data={"count": len(notices), "summary": said, "notices": first, "more": len(notices) - len(first)},
    )


def trial(home: str) -> Letter:
    """What is sent to see whether it arrives."""
    said = "Reprise can reach you here"
    text = f"{said}.\n\nThis is a test that somebody asked for; nothing has happened.\n\n{home}\n"
    return Letter(type="test", subject=said, text=text, data={"home": home})


def summed_up(notices: list[Notice]) -> str:
    """How many of each kind, in one line: `5 batches completed, 1 run stalled`."""
    counts = Counter(notice.kind for notice in notices)
    return ", ".join(f"{counts[kind]} {_MANY[kind][counts[kind] > 1]}" for kind in Kind if counts[kind])


def link(notice: Notice, home: str) -> str:
    """Where the dashboard shows what a notice is about."""
    if notice.run_id:
        return f"{home}/run?run={notice.run_id}"
    return f"{home}/batches?batch={notice.batch_id}"


def data(notice: Notice, home: str) -> dict[str, Any]:
    """A notice for programs."""
    told: dict[str, Any] = msgspec.to_builtins(notice)
    return {name: value for name, value in told.items() if name != "event"} | {
        "headline": notice.headline,
        "url": link(notice, home),
    }
