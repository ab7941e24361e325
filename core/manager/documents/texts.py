"""A transcript as text: Markdown for people, and the JSON that Whisper's own tools read."""

from itertools import pairwise

import msgspec

from core.domain.markup import clock, markdown
from core.domain.sentences import Segment
from core.manager.documents.material import Material

PARAGRAPH_CHARS = 500  # a paragraph ends with the segment that makes it this long
PAUSE_S = 2.0  # or where nobody speaks for so long
UNCERTAIN = "uncertain"


def paragraphs(segments: tuple[Segment, ...]) -> list[list[Segment]]:
    """Segments that are read together; doubtful ones stand alone."""
    grouped: list[list[Segment]] = [[segments[0]]] if segments else []
    for before, segment in pairwise(segments):
        long = sum(len(one.text) for one in grouped[-1]) >= PARAGRAPH_CHARS
        if long or segment.start - before.end > PAUSE_S or bool(segment.flags) != bool(before.flags):
            grouped.append([])
        grouped[-1].append(segment)
    return grouped


def said(paragraph: list[Segment]) -> str:
    """What a paragraph says, on one line."""
    return " ".join(" ".join(segment.text.split()) for segment in paragraph)


def transcript_md(material: Material) -> bytes:
    """The transcript in paragraphs, each with the time it begins at; nothing in it acts as markup."""
    lines = [f"# {markdown(material.title)}", ""]
    for paragraph in paragraphs(material.segments):
        doubt = f" *({UNCERTAIN})*" if paragraph[0].flags else ""
        lines += [f"**[{clock(paragraph[0].start)}]**{doubt} {markdown(said(paragraph))}", ""]
    if not material.segments:
        lines += ["No speech.", ""]
    return "\n".join(lines).encode()


def transcript_whisper_json(material: Material) -> bytes:
    """`{text, segments, language}` as Whisper writes it, without the inner values of its model, which are not kept."""
    segments = [
        {
            "id": number,
            "start": segment.start,
            "end": segment.end,
            "text": f" {segment.text.strip()}",
            "words": [
                {"word": word.word, "start": word.start, "end": word.end, "probability": word.probability}
                for word in segment.words
            ],
        }
        for number, segment in enumerate(material.segments)
    ]
    text = "".join(str(segment["text"]) for segment in segments)
    document = {"text": text, "segments": segments, "language": material.transcript.language}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
