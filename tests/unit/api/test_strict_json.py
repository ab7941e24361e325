"""JSON that two readers could take in two ways is not taken."""

import json

import pytest

from core.api.strict_json import MAX_DEPTH, NotJson, read_json
from core.domain.errors import NotUsable


def test_an_object_of_plain_values_is_given_as_it_is() -> None:
    given = {"name": "Gespräche 🎬", "n": -3, "x": 1.5, "on": True, "none": None, "deep": {"list": [1, {"a": []}]}}
    assert read_json(json.dumps(given).encode()) == given
    assert read_json(b'{"pair": "\\ud83c\\udfac"}') == {"pair": "🎬"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "7",
        '"text"',
        "null",
        "{",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 1} {"b": 2}',
        '{"a": "line\nbreak"}',
        '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1),
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
)
def test_what_is_no_object_or_goes_too_deep_is_not_json(body: str) -> None:
    with pytest.raises(NotJson):
        read_json(body.encode())


@pytest.mark.parametrize("body", [b"\xff{}", '{"a": 1}'.encode("utf-16"), b'\xef\xbb\xbf{"a": 1}'])
def test_another_encoding_is_not_guessed(body: bytes) -> None:
    with pytest.raises(NotJson):
        read_json(body)


def test_as_deep_as_is_allowed_is_allowed() -> None:
    body = '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert read_json(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '{"state": "done", "state": "queued"}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": NaN}',
        '{"a": [Infinity]}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": -1e999}',
        f'{{"a": {"9" * 5000}}}',
        f'{{"a": {"9" * 19}}}',
        '{"a": "x\\u0000y"}',
        '{"a\\u0000": 1}',
        '{"a": ["x", ["\\u0000"]]}',
        '{"a": "\\ud800"}',
        '{"\\udc00": 1}',
    ],
)
def test_what_another_reader_would_take_otherwise_is_not_usable(body: str) -> None:
    with pytest.raises(NotUsable):
        read_json(body.encode())
