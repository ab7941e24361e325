"""The same under the same key is one request; other words under it are a mistake."""

import pytest

from core.domain.errors import NotUsable
from core.domain.idempotency import REMEMBERED, is_repeated, remembered, stamp


def test_the_same_said_in_another_order_is_the_same() -> None:
    known = [stamp("k", "create", {"a": 1, "b": [1, 2]})]
    assert is_repeated(stamp("k", "create", {"b": [1, 2], "a": 1}), known)
    assert not is_repeated(stamp("k2", "create", {"a": 1, "b": [1, 2]}), known)


@pytest.mark.parametrize(("command", "said"), [("create", {"a": 2}), ("videos", {"a": 1})])
def test_a_key_is_not_used_for_two_things(command: str, said: dict[str, int]) -> None:
    with pytest.raises(NotUsable):
        is_repeated(stamp("k", command, said), [stamp("k", "create", {"a": 1})])


def test_the_oldest_is_forgotten() -> None:
    known: list[str] = []
    for number in range(REMEMBERED + 5):
        known = remembered(stamp(f"k{number}", "create", {}), known)
    assert len(known) == REMEMBERED
    assert known[-1].startswith(f"k{REMEMBERED + 4} ")
    assert remembered(None, known) == known
