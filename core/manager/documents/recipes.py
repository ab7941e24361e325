"""Which documents can be made of what a run published, and by whom."""

from collections.abc import Callable
from typing import NamedTuple

from core.domain.subtitles import passages_srt
from core.manager.documents import tables, texts
from core.manager.documents.material import Material

TRANSCRIPT, QUOTES, SUMMARY = "transcript.json", "quotes.json", "summary.json"


class Recipe(NamedTuple):
    """How a document is made: of which published file, with which others beside it where there are any."""

    of: str
    make: Callable[[Material], bytes]
    beside: tuple[str, ...] = ()


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


RECIPES = {
    "transcript.md": Recipe(TRANSCRIPT, texts.transcript_md),
    "transcript.tsv": Recipe(TRANSCRIPT, tables.transcript_tsv),
    "transcript.docx": Recipe(TRANSCRIPT, _transcript_docx),
    "transcript.whisper.json": Recipe(TRANSCRIPT, texts.transcript_whisper_json),
    "quotes.csv": Recipe(QUOTES, tables.quotes_csv),
    "quotes.srt": Recipe(QUOTES, _quotes_srt),
    "quotes.docx": Recipe(QUOTES, _quotes_docx, (TRANSCRIPT,)),
    "summary.pdf": Recipe(SUMMARY, _summary_pdf, (TRANSCRIPT,)),
}
