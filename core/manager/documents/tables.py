"""Tables: a transcript as Whisper's TSV, quotes as CSV. No cell is computed by a spreadsheet."""

import csv
import io

from core.domain.harmless import cell
from core.domain.markup import clock
from core.manager.documents.material import Material


def transcript_tsv(material: Material) -> bytes:
    """Whisper's own table: `start`, `end` (milliseconds) and `text`, tab-separated."""
    rows = [
        f"{round(segment.start * 1000)}\t{round(segment.end * 1000)}\t{cell(segment.text)}\n"
        for segment in material.segments
    ]
    return "".join(["start\tend\ttext\n", *rows]).encode()


def quotes_csv(material: Material) -> bytes:
    """One quote a row, times in seconds and as a clock; UTF-8 with the mark by which spreadsheets know it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["start", "end", "time", "quote", "why", "status", "score", "quote_id"])
    for quote in material.json("quotes.json")["quotes"]:
        writer.writerow(
            [
                f"{quote['start']:.3f}",
                f"{quote['end']:.3f}",
                clock(quote["start"]),
                cell(quote["text"]),
                cell(quote["why"]),
                cell(quote["status"]),
                quote["score"],
                cell(quote["quote_id"]),
            ]
        )
    return b"\xef\xbb\xbf" + out.getvalue().encode()
