"""Who may sign in: an exact e-mail address, or everybody of one domain."""

import msgspec

from core.domain.access import Actor, Scope
from core.domain.errors import BadInput, NotAllowed

MAX_WHO = 254


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in: `who` is an address (`ana@example.org`) or a domain (`@example.org`)."""

    who: str
    scope: Scope = Scope.OPERATE
    tier: str = ""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who may; the address itself counts before its domain."""

    people: tuple[Person, ...] = ()

    def find(self, who: str) -> Person | None:
        """The entry of exactly this name."""
        return next((one for one in self.people if one.who == who), None)

    def actor(self, email: str) -> Actor:
        """Whom a verified address stands for; raises `NotAllowed` for one that is not listed."""
        email = email.strip().casefold()
        found = self.find(email) or self.find(f"@{email.rpartition('@')[2]}")
        if not is_address(email) or found is None:
            raise NotAllowed(
                f"{email[:MAX_WHO] or 'Nobody'} may not use this dashboard.",
                hint="An administrator allows it: ./reprise person allow ADDRESS",
                code="not_listed",
            )
        return Actor(name=email, scope=found.scope, tier=found.tier)

    def with_(self, person: Person) -> "People":
        """The same with this entry, in place of one of its name."""
        kept = [one for one in self.people if one.who != person.who]
        return People(people=tuple(sorted([*kept, person], key=lambda one: one.who)))

    def without(self, who: str) -> "People":
        """The same without the entry of this name."""
        return People(people=tuple(one for one in self.people if one.who != who))


def is_address(text: str) -> bool:
    """Whether this is one plain address, with nothing that a header or a list could be made of."""
    name, at, domain = text.rpartition("@")
    return bool(name and at and domain) and len(text) <= MAX_WHO and _plain(name) and _plain(domain)


def entry(who: str) -> str:
    """`who` as an entry has it; raises `BadInput` when it is neither an address nor a domain."""
    who = who.strip().casefold()
    if not (is_address(who) or (who.startswith("@") and len(who) <= MAX_WHO and "." in who and _plain(who[1:]))):
        raise BadInput(
            f"“{who[:80]}” is no e-mail address.", hint="Give ana@example.org, or @example.org for all there."
        )
    return who


def _plain(text: str) -> bool:
    return text.isprintable() and not set(text) & set(" @,;:<>()[]\\\"'")
