"""Settings as they are given on a command line: a file, a JSON object, single values."""

from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import BadInput
from core.domain.settings import Settings, parse_settings


def read_settings(text: str | None, changes: dict[str, Any], begin: Settings) -> Settings:
    """`begin` with what the file or JSON object `text` says, and then with the `changes`; raises `BadInput`."""
    return parse_settings(changes, parse_settings(_object(text), begin) if text else begin)


def _object(text: str) -> dict[str, Any]:
    content = text if text.lstrip().startswith("{") else _read(text)
    try:
        return msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInput(f"The settings are not a JSON object: {error}.", hint='For example {"model": "base"}.') from None


def _read(path: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The settings file {path} cannot be read: {error}.", hint="Give a file or a JSON object."
        ) from None
