"""Which documents can be made of what a run published, and by whom."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from core.domain.cuts import CutList
from core.domain.recut import recut_times
from core.domain.subtitles import passages_srt
from core.manager.documents import tables, texts
from core.manager.documents.material import Material

TRANSCRIPT, QUOTES, SUMMARY, CUTS = "transcript.json", "quotes.json", "summary.json", "cuts.json"


class Recipe(NamedTuple):
    """How a document is made: of which published file, with which others beside it where there are any.

    Those that it `needs` must be there.
    """

    of: str
    make: Callable[[Material], bytes]
    beside: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _transcript_docx(material: Material) -> bytes:
    from core.manager.documents import word

    return word.transcript_docx(material)


def _quotes_docx(material: Material) -> bytes:
    from core.manager.documents import word

    return word.quotes_docx(material)


def _summary_pdf(material: Material) -> bytes:
    from core.manager.documents import pdf

    return pdf.summary_pdf(material)


def _quotes_srt(material: Material) -> bytes:
    found = material.json(QUOTES)["quotes"]
    return passages_srt((quote["start"], quote["end"], quote["text"]) for quote in found).encode()


def _cut_quotes(material: Material) -> list[dict[str, Any]]:
    """The quotes where they are in the video without its silence."""
    return recut_times(material.json(QUOTES)["quotes"], msgspec.convert(material.json(CUTS), CutList))


def _cut_quotes_json(material: Material) -> bytes:
    document = {**material.json(QUOTES), "quotes": _cut_quotes(material)}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _cut_quotes_srt(material: Material) -> bytes:
    found = _cut_quotes(material)
    return passages_srt((quote["start"], quote["end"], quote["text"]) for quote in found).encode()


RECIPES = {
    "transcript.md": Recipe(TRANSCRIPT, texts.transcript_md),
    "transcript.tsv": Recipe(TRANSCRIPT, tables.transcript_tsv),
    "transcript.docx": Recipe(TRANSCRIPT, _transcript_docx),
    "transcript.whisper.json": Recipe(TRANSCRIPT, texts.transcript_whisper_json),
    "quotes.csv": Recipe(QUOTES, tables.quotes_csv),
    "quotes.srt": Recipe(QUOTES, _quotes_srt),
    "quotes.docx": Recipe(QUOTES, _quotes_docx, (TRANSCRIPT,)),
    "summary.pdf": Recipe(SUMMARY, _summary_pdf, (TRANSCRIPT,)),
    "silence_removed.quotes.json": Recipe(CUTS, _cut_quotes_json, needs=(QUOTES,)),
    "silence_removed.quotes.srt": Recipe(CUTS, _cut_quotes_srt, needs=(QUOTES,)),
}
