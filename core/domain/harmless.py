"""Text of others in files that other programs open: no formula comes alive, no character breaks a file.

What was said, and what a title says, is untrusted. A table opened in a spreadsheet would compute a cell that begins like
a formula (CWE-1236), and XML has no way to hold most control characters.
"""

import re

# Spreadsheets also take the full-width signs for a formula, and look behind leading white space.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r']")
_CANNOT_BE_HELD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def printable(text: str) -> str:
    """`text` with every character that XML, and so DOCX, cannot hold shown as `�`."""
    return _CANNOT_BE_HELD.sub("\ufffd", text)


def cell(text: str) -> str:
    """`text` as one line for a cell of a table, with a leading `'` where a spreadsheet would compute it.

    The text as it was is what follows that `'`: one that begins with `'` gets another.
    """
    line = " ".join(printable(text).split())
    return f"'{line}" if _FORMULA.match(line) else line
