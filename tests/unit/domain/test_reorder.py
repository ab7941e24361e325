"""An order that somebody wished for, against the one that there is meanwhile."""

import pytest

from core.domain.errors import Refused
from core.domain.reorder import moved


def test_only_what_was_seen_changes_places() -> None:
    assert moved(["a", "b", "c", "d"], ["b", "d"], ["d", "b"]) == ["a", "d", "c", "b"]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        (["b", "a"], ["a", "b"]),  # others have been faster
        (["a", "x"], ["x", "a"]),  # one has begun or is gone
        (["a", "b"], ["a", "a"]),  # one twice
        (["a", "b"], ["b", "c"]),  # another one than was seen
        (["a", "b"], ["b"]),  # one forgotten
    ],
)
def test_a_wish_about_another_queue_is_refused(seen: list[str], wanted: list[str]) -> None:
    with pytest.raises(Refused, match="has changed meanwhile"):
        moved(["a", "b", "c"], seen, wanted)
