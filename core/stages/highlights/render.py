"""The files of the highlights stage: `highlights.json` for programs, `highlights.md` for people."""

import msgspec

from core.domain.highlights import Highlight, Highlights
from core.domain.markup import clock, markdown


def highlights_json(found: Highlights) -> bytes:
    """`highlights.json`; the same highlights give the same bytes."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def highlights_md(found: Highlights) -> bytes:
    """The highlights as Markdown with their times and scores; nothing in them acts as markup."""
    lines = ["# Highlights", ""]
    if not found.highlights:
        lines += ["No highlights.", ""]
    for number, one in enumerate(found.highlights, start=1):
        lines += [f"## {number} · {clock(one.start)}–{clock(one.end)} · {one.score:.0%}", ""]
        lines += [f"> {markdown(one.text)}", ""] if one.text else []
        lines += [f"{markdown(_reason(one))}", ""]
    if found.note:
        lines += [markdown(found.note), ""]
    if found.rejected:
        plural = "passages were" if found.rejected > 1 else "passage was"
        lines += [f"{found.rejected} more {plural} offered but not found in the transcript.", ""]
    return "\n".join(lines).encode()


def _reason(one: Highlight) -> str:
    reason = one.reason[:1].upper() + one.reason[1:]
    return f"{reason}. Repaired to the words spoken." if one.status == "repaired" else f"{reason}."
