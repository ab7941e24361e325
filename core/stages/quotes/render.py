"""The files of the quotes stage: `quotes.json` for programs, `quotes.md` for people."""

from typing import Any

import msgspec

from core.domain.markup import clock, markdown
from core.domain.quotes import Quote


def quotes_json(quotes: list[Quote], rejected: int, transcript_sha256: str) -> bytes:
    """`quotes.json` as the contract has it; the same quotes give the same bytes."""
    document: dict[str, Any] = {"quotes": quotes, "rejected": rejected, "transcript_sha256": transcript_sha256}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def quotes_md(quotes: list[Quote], rejected: int) -> bytes:
    """The quotes as Markdown with their times; nothing in them acts as markup."""
    lines = ["# Quotes", ""]
    if not quotes:
        lines += ["No quotes.", ""]
    for quote in quotes:
        badge = " · repaired to the words spoken" if quote.status == "repaired" else ""
        lines += [f"> {markdown(quote.text)}", "", f"{clock(quote.start)}–{clock(quote.end)}{badge}  "]
        lines += [f"{markdown(quote.why)}", ""] if quote.why else [""]
    if rejected:
        plural = "quotes were" if rejected > 1 else "quote was"
        lines += [f"{rejected} more {plural} offered but not found in the transcript, or stood in doubtful parts.", ""]
    return "\n".join(lines).encode()
