"""Everything that can be saved of a run, one line for each thing, with the formats people ask for."""

from typing import Any
from urllib.parse import quote

from pages.components import session, words
from pages.components.markup import Html, tag

GROUPS = {
    "media": "Recording",
    "silence_removed": "Without silence",
    "export": "Export",
    "transcript": "Transcript",
    "quotes": "Quotes",
    "cuts": "Cuts",
    "summary": "Summary",
    "highlights": "Highlights",
}
FORMATS = {
    "txt": "Text",
    "srt": "SRT",
    "vtt": "VTT",
    "docx": "Word",
    "pdf": "PDF",
    "md": "Markdown",
    "csv": "CSV",
    "tsv": "TSV",
    "json": "JSON",
    "whisper.json": "Whisper JSON",
    "quotes.json": "Its quotes",
    "quotes.srt": "Its quotes, SRT",
}
ASIDE = ("poster",)


def files(run: dict[str, Any]) -> Html:
    """Links that save what was published, and what can be made of it, under the name of the video."""
    groups: dict[tuple[str, str], list[tuple[str, str, int | None]]] = {}
    for stage, view in run["stages"].items():
        for file in view["files"]:
            _put(groups, stage, file["name"], file["size"])
    for document in session.manager().results.documents(run["run_id"]):
        _put(groups, document.stage, document.name, None)
    if not groups:
        return tag("p", "Nothing yet.", cls="rp-none")
    lines = [
        part
        for (stage, kind), found in groups.items()
        for part in (
            tag("dt", _label(stage, kind)),
            tag("dd", *(_link(run["run_id"], stage, *one) for one in sorted(found, key=_order))),
        )
    ]
    return tag("dl", *lines, cls="rp-files")


def _put(
    groups: dict[tuple[str, str], list[tuple[str, str, int | None]]], stage: str, name: str, size: int | None
) -> None:
    kind, _, ending = name.partition(".")
    if ending.startswith(("quotes.", "transcript.")):  # of a version of the video
        kind, _, ending = ending.partition(".")
    if kind not in ASIDE:
        groups.setdefault((stage, kind), []).append((name, ending, size))


def _label(stage: str, kind: str) -> str:
    label = GROUPS.get(kind, kind.replace("_", " ").capitalize())
    return f"{label} of the cut" if stage == "remove_silence" and kind in ("transcript", "quotes", "summary") else label


def _order(one: tuple[str, str, int | None]) -> tuple[int, str]:
    """The medium itself comes first, then the formats people read."""
    _, ending, _ = one
    known = list(FORMATS)
    return (known.index(ending) if ending in known else -1, ending)


def _link(run_id: str, stage: str, name: str, ending: str, size: int | None) -> Html:
    label = FORMATS.get(ending, ending.upper())
    large = tag("small", words.size(size)) if size is not None and ending not in FORMATS else None
    address = f"/api/runs/{quote(run_id)}/files/{quote(stage)}/{quote(name)}?save"
    return tag("a", label, large, href=address, title=name, aria_label=f"Save {name}", download=True)
