"""What several tests of the manager begin with."""

from collections.abc import Iterator

import pytest

from tests.support.dispatching import House


@pytest.fixture
def served(house: House) -> Iterator[House]:
    """The house of the test, its storage held by a service."""
    with house.served():
        yield house
