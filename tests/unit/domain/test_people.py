"""Who may sign in."""

import pytest

from core.domain.access import Actor, Scope
from core.domain.errors import BadInput, NotAllowed
from core.domain.people import People, Person, entry

ANA = Person(who="ana@example.org", scope=Scope.ADMIN, tier="pro")
ALL = Person(who="@example.org", scope=Scope.READ)


def test_an_address_counts_before_its_domain() -> None:
    people = People().with_(ALL).with_(ANA)
    assert people.actor(" Ana@Example.ORG ") == Actor(name="ana@example.org", scope=Scope.ADMIN, tier="pro")
    assert people.actor("bob@example.org") == Actor(name="bob@example.org", scope=Scope.READ)
    assert people.without(ANA.who).actor("ana@example.org").scope == Scope.READ


def test_an_entry_takes_the_place_of_one_of_its_name() -> None:
    people = People().with_(ANA).with_(Person(who=ANA.who))
    assert people.people == (Person(who=ANA.who),)


@pytest.mark.parametrize("email", ["bob@elsewhere.example", "", "example.org", "@example.org", "a b@example.org"])
def test_everybody_else_is_told_who_can_help(email: str) -> None:
    with pytest.raises(NotAllowed, match="may not use this dashboard") as told:
        People().with_(ALL).actor(email)
    assert "person allow" in told.value.hint


@pytest.mark.parametrize(
    "who", ["", "ana", "@", "@localhost", "a,b@example.org", "a@b\r\nBcc: c@d", "x" * 300 + "@example.org"]
)
def test_what_is_neither_an_address_nor_a_domain_is_no_entry(who: str) -> None:
    with pytest.raises(BadInput, match="is no e-mail address"):
        entry(who)
