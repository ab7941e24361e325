"""Lines of JSON that carry their own checksum, so that a torn or damaged one is told from a whole one."""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple


def crc_line(record: dict[str, Any]) -> bytes:
    """`record` as one line of JSON that ends in its own checksum; NaN and lone surrogates are refused (`ValueError`)."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    body = text[:-1] + (b"," if record else b"")
    return b'%s"crc":"%08x"}\n' % (body, zlib.crc32(body))


def parse_crc_line(line: bytes) -> dict[str, Any] | None:
    """The record of one line made by `crc_line` (with or without its newline), or None when it is not what was written."""
    line = line.removesuffix(b"\n")
    body, suffix = line[:-17], line[-17:]
    if suffix != b'"crc":"%08x"}' % zlib.crc32(body):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and record.pop("crc", None) else None


class CrcLines(NamedTuple):
    """What a file of checksummed lines holds: its records, the numbers of damaged lines, where its torn end begins."""

    records: list[dict[str, Any]]
    damaged: list[int]
    whole_bytes: int


def scan_crc_lines(data: bytes) -> CrcLines:
    """The records in `data`; a last line without its newline is torn and lies behind `whole_bytes`."""
    whole = data.rfind(b"\n") + 1
    records: list[dict[str, Any]] = []
    damaged: list[int] = []
    for number, line in enumerate(data[:whole].split(b"\n")[:-1], start=1):
        record = parse_crc_line(line)
        if record is None:
            damaged.append(number)
        else:
            records.append(record)
    return CrcLines(records, damaged, whole)


def read_crc_lines(path: Path, on_damaged: Callable[[int], None] | None = None) -> list[dict[str, Any]]:
    """The records of the file `path`, none when it is not there; `on_damaged` is told the number of each bad line."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    lines = scan_crc_lines(data)
    if on_damaged is not None:
        for number in lines.damaged:
            on_damaged(number)
    return lines.records
