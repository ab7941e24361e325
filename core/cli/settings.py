"""Settings as they are given on a command line: a file, a JSON object, single values."""

from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import BadInput
from core.domain.fields import FIELDS, bounds, choices, kind
from core.domain.settings import Settings, parse_settings


def read_settings(text: str | None, changes: dict[str, Any], begin: Settings) -> Settings:
    """`begin` with what the file or JSON object `text` says, and then with the `changes`; raises `BadInput`."""
    return parse_settings(changes, parse_settings(_object(text), begin) if text else begin)


def explained() -> str:
    """Every setting with what it may be, for the end of a verb's help."""
    lines = [f"  {name:<22}{_values(name)}" for name in FIELDS]
    return "\n".join(["", "\b", "Settings (--set NAME=VALUE):", *lines, "docs/configuration.md explains them."])


def _values(name: str) -> str:
    """What a setting may be, in a few words."""
    match kind(name):
        case "switch":
            return "true or false"
        case "words":
            return "words, with commas between them"
        case "number":
            low, high = bounds(name) or (0, 0)
            return f"{low:g} to {high:g} {FIELDS[name].unit}".rstrip()
    if name == "language":
        return "auto, or a code such as en, de, fr"
    return ", ".join(str(value) for value in choices(name))


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
