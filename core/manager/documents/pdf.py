"""A summary as PDF: its points with their times, in every script, on pages that can be printed."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.domain.harmless import printable
from core.domain.markup import clock
from core.manager.documents import fonts
from core.manager.documents.material import Material

MARGIN_MM, TIME_MM = 22.0, 19.0
INK, GREY, ACCENT = (28, 32, 40), (110, 116, 128), (38, 92, 150)
# No document holds when it was made, so that the same summary gives the same bytes.
BEGINNING = datetime(1980, 1, 1, tzinfo=UTC)


def summary_pdf(material: Material) -> bytes:
    """`summary.json` as an A4 document."""
    summary: dict[str, Any] = material.json("summary.json")
    starts = {segment.id: segment.start for segment in material.transcript.segments}
    with tempfile.TemporaryDirectory(prefix="reprise-pdf-") as folder:
        page = _Page(Path(folder), material, summary)
        page.title(summary["title"])
        about = [material.title] if material.title != summary["title"] else []
        if material.transcript.duration:
            about.append(clock(material.transcript.duration))
        page.small(" · ".join(about))
        page.text(summary["abstract"])
        if summary["points"]:
            page.heading("Points")
            for point in summary["points"]:
                said = [starts[number] for number in point["segment_ids"] if number in starts]
                page.point(clock(min(said)) if said else "", point["text"])
        if summary["keywords"]:
            page.heading("Keywords")
            page.text(", ".join(summary["keywords"]))
        if summary["points"]:
            by = f"the language model {summary['model']}" if summary["model"] else "choosing its most central sentences"
            page.small(f"Made from the transcript by {by}.")
        return page.bytes()


class _Page:
    """Writes one thing below the other."""

    def __init__(self, folder: Path, material: Material, summary: dict[str, Any]) -> None:
        from fpdf import FPDF

        class Numbered(FPDF):
            def footer(self) -> None:
                self.set_y(-14)
                self.set_font(fonts.TEXT, size=8.5)
                self.set_text_color(*GREY)
                self.cell(0, text=f"{self.page_no()} / {{nb}}", align="C")

        self._pdf = pdf = Numbered(format="A4")
        pdf.set_margins(MARGIN_MM, MARGIN_MM)
        pdf.set_auto_page_break(True, MARGIN_MM)
        pdf.set_creation_date(BEGINNING)
        pdf.set_title(printable(summary["title"]))
        pdf.set_producer("Reprise")
        regular, bold = fonts.put_text_font(folder)
        pdf.add_font(fonts.TEXT, "", str(regular))
        pdf.add_font(fonts.TEXT, "B", str(bold))
        others = fonts.needed(material.title + str(summary))
        for font in others:
            pdf.add_font(font.name, "", str(fonts.path_of(font)))
        pdf.set_fallback_fonts([font.name for font in others], exact_match=False)
        self._align = "R" if material.is_right_to_left else "L"
        pdf.set_text_shaping(True)
        pdf.add_page()

    def title(self, text: str) -> None:
        self._write(text, size=20, bold=True, after=2)

    def small(self, text: str) -> None:
        if text:
            self._write(text, size=9.5, colour=GREY, after=4)

    def text(self, text: str) -> None:
        self._write(text, size=11.5, after=4)

    def heading(self, text: str) -> None:
        self._pdf.ln(2)
        self._write(text, size=13, bold=True, after=2)

    def point(self, time: str, text: str) -> None:
        """A statement with the time it was said beside it; both on one page."""
        pdf = self._pdf
        width = pdf.epw - TIME_MM
        pdf.set_font(fonts.TEXT, size=11.5)
        needed_mm: Any = pdf.multi_cell(width, 6, printable(text), align=self._align, dry_run=True, output="HEIGHT")
        if pdf.get_y() + min(needed_mm, pdf.eph) > pdf.h - MARGIN_MM:
            pdf.add_page()
        top, page = pdf.get_y(), pdf.page_no()
        pdf.set_font(fonts.TEXT, size=9.5)
        pdf.set_text_color(*ACCENT)
        pdf.set_xy(MARGIN_MM, top)
        pdf.cell(TIME_MM, 6, time)
        pdf.set_xy(MARGIN_MM + TIME_MM, top)
        pdf.set_font(fonts.TEXT, size=11.5)
        pdf.set_text_color(*INK)
        pdf.multi_cell(width, 6, printable(text), align=self._align, new_x="LMARGIN", new_y="NEXT")
        assert pdf.page_no() >= page
        pdf.ln(1.6)

    def bytes(self) -> bytes:
        return bytes(self._pdf.output())

    def _write(
        self,
        text: str,
        *,
        size: float,
        bold: bool = False,
        colour: tuple[int, int, int] = INK,
        after: float,
    ) -> None:
        self._pdf.set_font(fonts.TEXT, "B" if bold else "", size)
        self._pdf.set_text_color(*colour)
        height = size * 0.53
        self._pdf.multi_cell(0, height, printable(text), align=self._align, new_x="LMARGIN", new_y="NEXT")
        self._pdf.ln(after)
