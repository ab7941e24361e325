"""JSON as a stranger may send it: one object of plain values, each name once, nothing that another reader takes otherwise."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from core.domain.errors import BadInput, NotUsable

MAX_DEPTH = 16
MAX_DIGITS = 18  # so many fit into 64 bits


class NotJson(BadInput):
    """It cannot be read as JSON at all."""

    code = "not_json"
    hint = "Send one JSON object in UTF-8."


def read_json(data: bytes) -> dict[str, Any]:
    """The object in `data`.

    Raises `NotJson` for what is none or nested deeper than `MAX_DEPTH`, and `NotUsable` for a name that comes twice, NaN,
    Infinity, numbers beyond 64 bits, and characters that cannot be kept (NUL, half of a pair).
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_number,
            parse_float=_float,
            parse_int=_int,
        )
    except UnicodeDecodeError:
        raise NotJson("The body is not in UTF-8.") from None
    except RecursionError:
        raise NotJson("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    if not isinstance(value, dict):
        raise NotJson("The body is JSON, but not an object.", hint="Begin with { and end with }.")
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        _check_text([name])
        if name in found:
            raise NotUsable(f"The field “{name[:40]}” comes twice.")
        if isinstance(value, str | list):
            _check_text([value] if isinstance(value, str) else value)
        found[name] = value
    return found


def _check_text(values: Iterable[Any]) -> None:
    for text in values:
        if isinstance(text, list):
            _check_text(text)
        elif isinstance(text, str) and not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise NotUsable("A text has half of a character in it (a lone surrogate).")
        elif isinstance(text, str) and "\0" in text:
            raise NotUsable("A text has a NUL character in it.")


def _no_number(name: str) -> NoReturn:
    raise NotUsable(f"{name} is no number that can be used.")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise NotUsable(f"The number {text[:20]} is too large.")
    return number


def _int(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise NotUsable(f"The number {text[:20]}… is too large.")
    return int(text)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise NotJson("The body is nested too deeply.")
