"""Which font draws which character in a PDF: every script that is recognised has one, from packages that carry fonts.

FiraGO (Latin, Greek, Cyrillic, Arabic, Hebrew, Thai, Georgian, Devanagari) is the text font; the others are loaded only
when a text needs them.
"""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple


class Font(NamedTuple):
    """One font file of a package, and the characters (first and last) that it is taken for."""

    name: str
    package: str
    file: str
    ranges: tuple[tuple[int, int], ...]


TEXT = "FiraGO"
_NOTO = "manimgx_fonts"
FONTS = (
    Font(
        "WenQuanYi",
        "paperang_p2_fonts_cjk",
        "fonts/wqy-microhei.ttc",
        (
            (0x1100, 0x11FF),
            (0x2150, 0x25FF),
            (0x2E80, 0x303F),
            (0x3041, 0x9FFF),
            (0xAC00, 0xD7FF),
            (0xF900, 0xFAFF),
            (0xFF00, 0xFFEF),
        ),
    ),
    Font("Armenian", _NOTO, "NotoSansArmenian[wght].ttf", ((0x530, 0x58F), (0xFB13, 0xFB17))),
    Font("Bengali", _NOTO, "NotoSansBengali[wght].ttf", ((0x980, 0x9FF),)),
    Font("Gurmukhi", _NOTO, "NotoSansGurmukhi[wght].ttf", ((0xA00, 0xA7F),)),
    Font("Gujarati", _NOTO, "NotoSansGujarati[wght].ttf", ((0xA80, 0xAFF),)),
    Font("Oriya", _NOTO, "NotoSansOriya[wght].ttf", ((0xB00, 0xB7F),)),
    Font("Tamil", _NOTO, "NotoSansTamil[wght].ttf", ((0xB80, 0xBFF),)),
    Font("Telugu", _NOTO, "NotoSansTelugu[wght].ttf", ((0xC00, 0xC7F),)),
    Font("Kannada", _NOTO, "NotoSansKannada[wght].ttf", ((0xC80, 0xCFF),)),
    Font("Malayalam", _NOTO, "NotoSansMalayalam[wght].ttf", ((0xD00, 0xD7F),)),
    Font("Sinhala", _NOTO, "NotoSansSinhala[wght].ttf", ((0xD80, 0xDFF),)),
    Font("Lao", _NOTO, "NotoSansLao[wght].ttf", ((0xE80, 0xEFF),)),
    Font("Myanmar", _NOTO, "NotoSansMyanmar[wght].ttf", ((0x1000, 0x109F),)),
    Font("Ethiopic", _NOTO, "NotoSansEthiopic[wght].ttf", ((0x1200, 0x139F), (0x2D80, 0x2DDF))),
    Font("Khmer", _NOTO, "NotoSansKhmer[wght].ttf", ((0x1780, 0x17FF), (0x19E0, 0x19FF))),
    Font("Emoji", _NOTO, "NotoEmoji[wght].ttf", ((0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))),
)


def needed(text: str) -> list[Font]:
    """The fonts that `text` needs beside the text font, in a fixed order."""
    points = {ord(char) for char in text}
    return [font for font in FONTS if any(_within(point, font.ranges) for point in points)]


def path_of(font: Font) -> Path:
    """Where the file of `font` lies."""
    return Path(str(files(font.package) / font.file))


def put_text_font(folder: Path) -> tuple[Path, Path]:
    """The text font, regular and bold, as files in `folder`: its package carries them as data."""
    import pymupdf_fonts

    regular, bold = folder / f"{TEXT}-Regular.ttf", folder / f"{TEXT}-Bold.ttf"
    regular.write_bytes(pymupdf_fonts.myfont("figo"))
    bold.write_bytes(pymupdf_fonts.myfont("figbo"))
    return regular, bold


def _within(point: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= point <= last for first, last in ranges)
