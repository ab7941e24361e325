"""The files of the summary stage: `summary.json` for programs, `summary.md` for people."""

import msgspec

from core.domain.markup import clock, markdown
from core.domain.sentences import Transcript
from core.stages.summary.records import Point, Summary


def summary_json(summary: Summary) -> bytes:
    """`summary.json` as the contract has it; the same summary gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"


def summary_md(summary: Summary, transcript: Transcript, note: str = "") -> bytes:
    """The summary as Markdown, each point with the time it was said; nothing in it acts as markup."""
    starts = {segment.id: segment.start for segment in transcript.segments}
    lines = [f"# {markdown(summary.title)}", "", markdown(summary.abstract), ""]
    if summary.points:
        lines += ["## Points", "", *(_line(point, starts) for point in summary.points), ""]
    if summary.keywords:
        lines += ["## Keywords", "", ", ".join(map(markdown, summary.keywords)), ""]
    made_by = (
        f"the language model {markdown(summary.model)}" if summary.model else "choosing its most central sentences"
    )
    if summary.points:
        lines += [f"Made from the transcript by {made_by}.{' ' + note if note else ''}", ""]
    return "\n".join(lines).encode()


def _line(point: Point, starts: dict[int, float]) -> str:
    return f"- {markdown(point.text)} ({clock(min(starts[number] for number in point.segment_ids))})"
