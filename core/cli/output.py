"""How answers and errors are printed: JSON for programs, short lines for people, one table of exit codes."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from core.domain.errors import (
    BadInput,
    Damaged,
    NoService,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Refused,
    RepriseError,
    StorageError,
    TooMany,
)

INTERNAL = 70
INTERRUPTED = 130
USAGE = 2
EXIT_CODES: tuple[tuple[type[RepriseError], int], ...] = (
    (NotFound, 3),
    (Refused, 4),
    (NotAllowed, 4),
    (TooMany, 4),
    (NotSignedIn, 4),
    (BadInput, 5),
    (Damaged, 6),
    (NoService, 7),
    (StorageError, 5),
)


def exit_code(error: RepriseError) -> int:
    """The exit code of the outside contract for an error."""
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), INTERNAL)


def show_json(document: Any) -> None:
    """Print one JSON document and nothing else on standard output."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def show_error(code: str, message: str, hint: str, *, as_json: bool) -> None:
    """Print an error on standard error: one sentence and a hint, or the JSON of the contract."""
    if as_json:
        document = {"error": {"code": code, "message": message, "hint": hint}}
        click.echo(msgspec.json.encode(document).decode(), err=True)
        return
    click.echo(click.style("Error: ", fg="red", bold=True) + printable(message), err=True)
    if hint:
        click.echo(click.style("Hint: ", bold=True) + printable(hint), err=True)


def printable(text: object) -> str:
    """`text` without anything that could steer a terminal or reverse its line."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[tuple[str, str, int]]) -> None:
    """Print rows under headings; each column is (field, heading, width), the last one as wide as it likes."""
    click.echo(click.style("  ".join(heading.ljust(width) for _, heading, width in columns).rstrip(), bold=True))
    for row in rows:
        cells = [cell(row.get(field)) for field, _, _ in columns]
        widths = [width for _, _, width in columns]
        fitted = [clip(text, width).ljust(width) for text, width in zip(cells[:-1], widths[:-1], strict=True)]
        click.echo("  ".join([*fitted, cells[-1]]).rstrip())


def cell(value: Any) -> str:
    """One value as a table shows it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0%}" if 0 <= value <= 1 else f"{value:.1f}"
    return printable(value)


def clip(text: str, width: int) -> str:
    """`text` in at most `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def duration(seconds: float | None) -> str:
    """A duration as people say it: 41 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def is_terminal() -> bool:
    """Whether a person is watching standard error, so that progress may be drawn."""
    return sys.stderr.isatty()
