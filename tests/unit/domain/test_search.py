"""What a search finds: every word, in any order, as people type them; nothing typed is a pattern."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import BadInput
from core.domain.search import MAX_CHARACTERS, Passage, find, fold, may_have, parse

SAID = (
    "The most important result is that salmon have returned to the upper river.",
    "It’s the farmers’ land; we don't own it.",
    "Größe und Straße, naïve café.",
    "鮭が川の上流に戻ってきました。",
    "(a+)+$ is 100% .* of it",
)


def found(words: str) -> list[int]:
    passages = [Passage(kind="transcript", text=text, start=float(place)) for place, text in enumerate(SAID)]
    return [int(one.start or 0) for one in find(parse(words), passages)]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("salmon", [0]),
        ("SALMON upper", [0]),
        ("river salmon", [0]),
        ("salm riv", [0]),
        ("almon", []),
        ('"upper river"', [0]),
        ('"river upper"', []),
        ('"upper riv"', []),
        ("“upper river” result", [0]),
        ('"unclosed quotation', []),
        ("dont", [1]),
        ("don't", [1]),
        ("farmers' land", [1]),
        ("strasse", [2]),
        ("cafe", []),
        ("CAFÉ", [2]),
        ("cafe\u0301", [2]),
        ("上流", [3]),
        ("流上", []),
        ("salmon whale", []),
        ("(a+)+$", [4]),
    ],
)
def test_words_are_found_as_people_type_them(words: str, places: list[int]) -> None:
    assert found(words) == places


@pytest.mark.parametrize("words", ["", "   ", "?!", '""', "x" * (MAX_CHARACTERS + 1), "a " * 60])
def test_a_search_for_nothing_or_for_far_too_much_is_refused(words: str) -> None:
    with pytest.raises(BadInput):
        parse(words)


@given(st.lists(st.sampled_from(SAID), min_size=1), st.integers(0, 30), st.integers(1, 12))
def test_the_fast_look_never_says_no_to_what_is_there(texts: list[str], begin: int, length: int) -> None:
    whole = " ".join(texts)
    words = whole.split()[begin % len(whole.split()) :][:length]
    try:
        query = parse(" ".join(words)[:MAX_CHARACTERS])
    except BadInput:
        return
    if find(query, [Passage(kind="transcript", text=whole)]):
        assert may_have(query, fold(whole))
