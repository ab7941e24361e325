"""The list of who may sign in, as a file."""

from pathlib import Path

import pytest

from core.domain.access import Scope
from core.domain.errors import Damaged, NotAllowed, NotFound
from core.domain.people import Person
from core.manager.index import Index
from core.manager.people import Register
from core.manager.writer import Writer
from core.store.layout import Layout
from core.store.state import open_store
from core.system.clock import SystemClock


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty storage."""
    layout = Layout(tmp_path / "storage")
    layout.create()
    return layout


def register(layout: Layout) -> Register:
    """The list as one process has it."""
    store = open_store(layout, SystemClock())
    return Register(layout, Writer(store=store, index=Index(store), via="cli"))


def test_what_one_process_changes_another_one_knows_at_its_next_look(layout: Layout) -> None:
    here, there = register(layout), register(layout)
    here.allow(Person(who="Ana@example.org", scope=Scope.ADMIN), by="local:test")
    assert there.actor("ana@example.org").scope == Scope.ADMIN
    here.remove("ana@example.org", by="local:test")
    with pytest.raises(NotAllowed):
        there.actor("ana@example.org")
    with pytest.raises(NotFound):
        there.remove("ana@example.org", by="local:test")


def test_the_list_is_for_this_user_alone_and_changes_are_in_the_journal(layout: Layout) -> None:
    register(layout).allow(Person(who="ana@example.org"), by="local:test")
    assert layout.people_list().stat().st_mode & 0o777 == 0o600
    assert any(b"person.allowed" in path.read_bytes() for path in layout.journal.iterdir())


@pytest.mark.parametrize(
    "text", ["", "{", '{"people": 3}', '{"people": [{"who": "Ana@example.org"}]}', '{"people": [{"who": "*"}]}']
)
def test_a_list_that_cannot_be_believed_lets_nobody_in(layout: Layout, text: str) -> None:
    people = register(layout)
    people.allow(Person(who="ana@example.org"), by="local:test")
    layout.people_list().write_text(text)
    with pytest.raises(Damaged, match="cannot be read"):
        people.actor("ana@example.org")
