"""A disk that refuses for a moment loses no news, no slot and no line of the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import StorageError
from tests.support.dispatching import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@contextmanager
def refusing(owner: Any, method: str) -> Iterator[None]:
    """While this lasts, `owner.method` fails as it does on a full disk."""

    def refuse(*_: Any, **__: Any) -> None:
        raise StorageError("The disk is full.")

    setattr(owner, method, refuse)
    try:
        yield
    finally:
        delattr(owner, method)


def test_an_outcome_that_cannot_be_written_now_is_written_by_a_later_turn(house: House) -> None:
    (run,) = house.add()
    house.turn()
    with refusing(house.store.runs, "update"), pytest.raises(StorageError):
        house.end(run)
    assert house.phases(run) == ["running"]
    house.turn()
    assert house.engine.begun == [(run, "download"), (run, "transcribe")]


def test_a_claim_that_cannot_be_written_gives_its_slot_back(house: House) -> None:
    (run,) = house.add()
    free = house.engine.free()
    with refusing(house.store.runs, "update"), pytest.raises(StorageError):
        house.turn()
    assert house.engine.free() == free
    house.turn()
    assert house.engine.begun == [(run, "download")]


def test_what_the_journal_refuses_is_durable_all_the_same_and_journaled_with_the_next(house: House) -> None:
    (run,) = house.add()
    with refusing(house.store.journal, "append"):
        house.turn()
    assert house.engine.begun == [(run, "download")]
    house.end(run)
    told = [event.type for event in house.store.journal.events(run_id=run)]
    assert told == ["run.claim", "run.stage_commit"]
