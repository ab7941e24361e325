"""What commands answer, and how settings are given to them."""

import click
import msgspec

from core.cli.output import show_json
from core.cli.session import Session
from core.domain.errors import BadInput
from core.domain.settings import parse_settings
from core.manager.commands import Done


def answer(session: Session, done: Done, verb: str, *, at_once: bool = False) -> None:
    """Say what became of one command, by the `verb` it was asked with; `at_once`: it is done when it is answered."""
    if session.as_json:
        show_json(msgspec.to_builtins(done))
    else:
        _tell([done], verb, at_once)


def answer_many(session: Session, done: list[Done], verb: str) -> None:
    """Say what became of a command to many."""
    if session.as_json:
        show_json([msgspec.to_builtins(one) for one in done])
    elif done:
        _tell(done, verb)
    else:
        click.echo("There was nothing to do.")


def _tell(done: list[Done], verb: str, at_once: bool = False) -> None:
    for one in done:
        asked = "done" if at_once else "asked for" if one.applied else "noted"
        what = asked if one.changed else "nothing to change"
        click.echo(f"{one.id}: {verb}, {what} ({one.phase})")
    for hint in {one.hint for one in done if one.hint}:
        click.echo(click.style("Hint: ", bold=True) + hint, err=True)


def read_changes(changes: tuple[str, ...]) -> dict[str, object]:
    """What `--set NAME=VALUE` gives, checked and with the type each setting has; raises `BadInput`."""
    given: dict[str, object] = {}
    for change in changes:
        name, separator, value = change.partition("=")
        if not separator:
            raise BadInput(f"“{change}” is not NAME=VALUE.", hint="For example --set model=base.")
        given[name.strip()] = value.strip()
    settings = msgspec.to_builtins(parse_settings(given))
    return {name: settings[name] for name in given}
