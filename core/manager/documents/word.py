"""Documents for a word processor: a transcript in paragraphs with times, and quotes with their places."""

import io
import zipfile
from datetime import datetime
from typing import Any

from core.domain.harmless import printable
from core.domain.markup import clock
from core.manager.documents.material import Material
from core.manager.documents.texts import UNCERTAIN, paragraphs, said

BEGINNING = datetime(1980, 1, 1)
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def transcript_docx(material: Material) -> bytes:
    """The transcript: `[hh:mm:ss]` and what was said from there; doubtful parts in italics and marked."""
    document = _document(material)
    duration = material.transcript.duration
    about = [clock(duration) if duration else "", material.transcript.language or ""]
    _small(document, " · ".join(filter(None, about)))
    for paragraph in paragraphs(material.segments):
        line = document.add_paragraph()
        line.add_run(f"[{clock(paragraph[0].start)}]  ").bold = True
        if paragraph[0].flags:
            line.add_run(f"({UNCERTAIN}) ").italic = True
        text = line.add_run(printable(said(paragraph)))
        text.italic = bool(paragraph[0].flags)
        _directed(line, material)
    if not material.segments:
        document.add_paragraph("No speech.")
    return _bytes(document)


def quotes_docx(material: Material) -> bytes:
    """Each quote with the time it was said, why it was chosen, and whether its words were repaired."""
    document = _document(material)
    quotes = material.json("quotes.json")["quotes"]
    for quote in quotes:
        _directed(document.add_paragraph(printable(quote["text"]), style="Intense Quote"), material)
        repaired = ["repaired to the words spoken"] if quote["status"] == "repaired" else []
        times = f"{clock(quote['start'])}–{clock(quote['end'])}"
        _small(document, " · ".join([times, *repaired, *([quote["why"]] if quote["why"] else [])]))
    if not quotes:
        document.add_paragraph("No quotes.")
    return _bytes(document)


def _document(material: Material) -> Any:
    from docx import Document

    document = Document()
    facts = document.core_properties
    facts.title, facts.author, facts.comments = material.title, "", ""
    facts.created = facts.modified = BEGINNING
    document.add_heading(material.title or "Untitled", level=1)
    return document


def _small(document: Any, text: str) -> None:
    from docx.shared import Pt, RGBColor

    run = document.add_paragraph().add_run(printable(text))
    run.font.size, run.font.color.rgb = Pt(9), RGBColor(0x6E, 0x74, 0x80)


def _directed(paragraph: Any, material: Material) -> None:
    """Mark a paragraph that is read from right to left."""
    if material.is_right_to_left:
        from docx.oxml import OxmlElement

        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))


def _bytes(document: Any) -> bytes:
    """The document; its archive says nothing of when and where it was packed."""
    written, fixed = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as packed, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in packed.namelist():
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            target.writestr(entry, packed.read(name))
    return fixed.getvalue()
