"""Streams are counted, for each person and in all."""

import pytest

from core.api.streams import Streams
from core.domain.errors import TooMany


def test_each_person_has_so_many_places_and_all_together_so_many() -> None:
    streams = Streams(most_of_one=2, most=3)
    with streams.place("ana"), streams.place("ana"):
        with pytest.raises(TooMany) as refused, streams.place("ana"):
            pass
        assert refused.value.retry_after_s > 0
        with streams.place("ben"):
            with pytest.raises(TooMany), streams.place("eve"):
                pass
            assert streams.count == 3
        with streams.place("eve"):
            pass
    assert streams.count == 0
