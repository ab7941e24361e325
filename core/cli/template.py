"""`template` and `defaults`: settings kept for later, under a name or as what you usually want."""

from typing import Any

import click
import msgspec

from core.cli.answers import read_changes
from core.cli.output import printable, show_json
from core.cli.session import Session, verb
from core.cli.settings import read_settings
from core.domain.errors import BadInput
from core.domain.fields import FIELDS, said, summed_up
from core.domain.limits import CONCURRENCY, PRIORITY, whole_number
from core.domain.settings import Settings
from core.manager.templates import Template


@click.group("template")
def template() -> None:
    """Settings under a name: `save` them once, then `add --template NAME`."""


def _options(function: Any) -> Any:
    """What a template or defaults are made of."""
    for option in (
        click.option("--priority", metavar="N", help="0 (last) to 10 (first)."),
        click.option("--concurrency", metavar="N", help="How many runs of a batch at once, 1 to 5."),
        click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="One setting; may be repeated."),
        click.option("--settings", "text", metavar="FILE|JSON", help="Settings as a JSON object, or a file with one."),
        click.option("--template", "base", metavar="NAME", help="Begin with this template."),
    ):
        function = option(function)
    return function


@verb("list")
def list_(session: Session) -> int:
    """The templates there are, and files among them that cannot be used."""
    templates = session.manager.templates
    found, unusable = templates.all(), templates.unusable()
    if session.as_json:
        show_json({"templates": msgspec.to_builtins(found), "unusable": msgspec.to_builtins(unusable)})
        return 0
    for one in found:
        click.echo(f"{printable(one.name)}: {summed_up(one.settings)}")
    for bad in unusable:
        click.echo(f"{printable(bad.file)} cannot be used: {printable(bad.problem)}")
    if not found and not unusable:
        click.echo("There are none yet: ./reprise template save NAME --set …")
    return 0


@verb("show")
@click.argument("name")
def show(session: Session, name: str) -> int:
    """What a template holds."""
    return _show(session, session.manager.templates.get(name))


@verb("save")
@click.argument("name")
@click.option("--from", "batch_id", metavar="BATCH", help="Begin with the settings of this batch.")
@click.option("--replace", is_flag=True, help="Take the place of a template of that name.")
@_options
def save(session: Session, name: str, batch_id: str | None, replace: bool, **options: Any) -> int:
    """Keep settings under a name: your defaults, or those of --from or --template, with what is given here."""
    manager = session.manager
    if batch_id and options["base"]:
        raise BadInput("--from and --template exclude each other.", hint="Give one of them.")
    if batch_id:
        batch = manager.storage.index.batch(batch_id)
        begin = Template(settings=batch.settings, concurrency=batch.concurrency, priority=batch.priority)
    else:
        begin = base(session, options["base"])
    made = msgspec.structs.replace(_changed(begin, options), name=name)
    return _show(session, manager.templates.save(made, by=manager.actor, replace=replace))


@verb("rename")
@click.argument("name")
@click.argument("new")
def rename(session: Session, name: str, new: str) -> int:
    """Give a template another name."""
    return _show(session, session.manager.templates.rename(name, new, by=session.manager.actor))


@verb("delete")
@click.argument("name")
def delete(session: Session, name: str) -> int:
    """Remove a template; batches made with it stay as they are."""
    gone = session.manager.templates.delete(name, by=session.manager.actor)
    if session.as_json:
        show_json({"deleted": msgspec.to_builtins(gone)})
    else:
        click.echo(f"{printable(gone.name)} is deleted.")
    return 0


@verb("defaults")
@click.option("--reset", is_flag=True, help="Let the product's own defaults hold again.")
@_options
def defaults(session: Session, reset: bool, **options: Any) -> int:
    """What a batch of yours is made with unless you say otherwise; with options, change that."""
    manager = session.manager
    if reset:
        manager.templates.reset_defaults(by=manager.actor)
    if any(options.values()):
        begin = base(session, options["base"])
        return _show(session, manager.templates.save_defaults(_changed(begin, options), by=manager.actor))
    return _show(session, manager.templates.defaults(manager.actor))


def base(session: Session, name: str | None) -> Template:
    """What settings begin with: a template, or the defaults of who asks. Raises `NotFound`, `BadInput`."""
    templates = session.manager.templates
    return templates.get(name) if name else templates.defaults(session.manager.actor)


def _changed(begin: Template, options: dict[str, Any]) -> Template:
    changes: dict[str, Any] = {
        "settings": read_settings(options["text"], read_changes(options["changes"]), begin.settings)
    }
    if options["concurrency"] is not None:
        changes["concurrency"] = whole_number("concurrency", options["concurrency"], CONCURRENCY)
    if options["priority"] is not None:
        changes["priority"] = whole_number("priority", options["priority"], PRIORITY)
    return msgspec.structs.replace(begin, **changes)


def _show(session: Session, one: Template) -> int:
    if session.as_json:
        show_json(msgspec.to_builtins(one))
        return 0
    usual = Settings()
    click.echo(f"{printable(one.name) or 'Your defaults'}: {summed_up(one.settings)}")
    for name in FIELDS:
        value = getattr(one.settings, name)
        if value != getattr(usual, name):
            click.echo(f"  {name:<22} {printable(said(name, value))}")
    click.echo(f"  {'runs at a time':<22} {one.concurrency}")
    click.echo(f"  {'priority':<22} {one.priority}")
    return 0


for sub in (list_, show, save, rename, delete):
    template.add_command(sub)
COMMANDS = (template, defaults)
