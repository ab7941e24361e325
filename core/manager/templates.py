"""Settings that are kept for later: templates under a name, and what each person usually wants.

One file each, plain JSON that may be read, copied and put there by hand; what cannot be used is named with the reason.
"""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from core.domain.access import Scope
from core.domain.errors import BadInput, NotFound, Refused, RepriseError
from core.domain.limits import CONCURRENCY, MAX_NAME, PRIORITY, check_text, whole_number
from core.domain.names import file_name, safe
from core.domain.settings import Settings, parse_settings
from core.manager.access import EVERYTHING, Gate
from core.manager.writer import Writer
from core.store.layout import Layout
from core.store.locks import Lock
from core.system import files

SUFFIX = ".json"
OWN = ".templates"
MAX_BYTES = 256 * 1024
_LOCK_S = 10.0
_FIELDS = ("name", "settings", "concurrency", "priority")


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch is made with; a person's defaults have no name."""

    name: str = ""
    settings: Settings = Settings()
    concurrency: int = 3
    priority: int = 5


class Unusable(msgspec.Struct, frozen=True, kw_only=True):
    """A file among the templates that is none, and why."""

    file: str
    problem: str


class Templates:
    """The templates and defaults of one storage, for one actor.

    Those in `templates/` are everybody's, and administrators keep them. Others keep theirs in a folder of their own, where
    one goes before everybody's of the same name; `usual` is what they have by default. All that change something raise `NotAllowed` for who may only look.
    """

    def __init__(self, layout: Layout, writer: Writer, gate: Gate = EVERYTHING, usual: Template | None = None) -> None:
        self._usual = usual or Template()
        self._layout, self._writer, self._gate = layout, writer, gate
        own = layout.people / file_name(safe(gate.actor.name) or "nobody", OWN)
        self._home = layout.templates if gate.actor.may(Scope.ADMIN) else own

    def all(self) -> list[Template]:
        """Every template that can be used, by name. Raises `StorageError` when the folder cannot be read."""
        return sorted(
            (one for _, one in self._read_all() if isinstance(one, Template)), key=lambda one: _folded(one.name)
        )

    def unusable(self) -> list[Unusable]:
        """The files that are no templates, with the reason."""
        return [one for _, one in self._read_all() if isinstance(one, Unusable)]

    def get(self, name: str) -> Template:
        """The template of this name, however it is capitalised; raises `NotFound` naming those there are."""
        return self._find(name)[1]

    def save(self, template: Template, *, by: str, replace: bool = False) -> Template:
        """Keep a template under its name, durably; gives it as it was kept.

        Raises `BadInput` for a name that cannot be one, `Refused` when there is one of that name, unless `replace`.
        """
        self._gate.need(Scope.OPERATE, "templates")
        template = _checked(template)
        with self._changing():
            there = {_folded(one.name): path for path, one in self._read_all() if isinstance(one, Template)}
            path = there.get(_folded(template.name))
            if path is not None and not replace:
                raise Refused(
                    f"There is a template “{template.name}” already.", hint="Choose another name, or replace it."
                )
            own = path if path is not None and path.parent == self._home else None
            self._write(own or self._free(template.name), template)
        self._writer.note("template.saved", actor=by, data={"name": template.name, "replaced": path is not None})
        return template

    def rename(self, name: str, new: str, *, by: str) -> Template:
        """Give a template another name; raises `NotFound`, `BadInput`, and `Refused` when another has that name."""
        with self._changing():
            path, old = self._mine(name)
            renamed = _checked(msgspec.structs.replace(old, name=new))
            others = {_folded(one.name) for one in self.all()} - {_folded(old.name)}
            if _folded(renamed.name) in others:
                raise Refused(f"There is a template “{renamed.name}” already.", hint="Choose another name.")
            after = path if safe(renamed.name) == path.name.removesuffix(SUFFIX) else self._free(renamed.name)
            self._write(after, renamed)
            if after != path:
                self._remove(path)
        self._writer.note("template.renamed", actor=by, data={"name": renamed.name, "was": old.name})
        return renamed

    def delete(self, name: str, *, by: str) -> Template:
        """Remove a template; gives what it was, so that it can be saved again. Raises `NotFound`."""
        with self._changing():
            path, template = self._mine(name)
            self._remove(path)
        self._writer.note("template.deleted", actor=by, data={"name": template.name})
        return template

    def defaults(self, actor: str) -> Template:
        """What a person wants unless they say otherwise; the product's own defaults when they never said so.

        Raises `BadInput` when their file cannot be used.
        """
        path = self._defaults_path(actor)
        if not path.exists():
            return self._usual
        return msgspec.structs.replace(_read(path), name="")

    def save_defaults(self, template: Template, *, by: str) -> Template:
        """Keep what the person `by` usually wants."""
        self._gate.need(Scope.OPERATE, "defaults")
        kept = msgspec.structs.replace(_checked(msgspec.structs.replace(template, name="defaults")), name="")
        with self._changing():
            self._write(self._defaults_path(by), kept)
        self._writer.note("defaults.saved", actor=by, data=_differences(kept))
        return kept

    def reset_defaults(self, *, by: str) -> bool:
        """Let the product's own defaults hold again for a person; whether that changed anything."""
        self._gate.need(Scope.OPERATE, "defaults")
        with self._changing():
            path = self._defaults_path(by)
            if not path.exists():
                return False
            self._remove(path)
        self._writer.note("defaults.reset", actor=by)
        return True

    def _find(self, name: str) -> tuple[Path, Template]:
        found = [(path, one) for path, one in self._read_all() if isinstance(one, Template)]
        for path, one in found:
            if _folded(one.name) == _folded(name.strip()):
                return path, one
        known = ", ".join(one.name for _, one in found[:10])
        hint = f"There is {known}." if known else "./reprise template save NAME makes one."
        raise NotFound(f"There is no template “{name[:MAX_NAME]}”.", hint=hint)

    def _mine(self, name: str) -> tuple[Path, Template]:
        """One that this actor keeps. Raises `NotAllowed` for one of everybody's, `NotFound`."""
        self._gate.need(Scope.OPERATE, "templates")
        path, template = self._find(name)
        if path.parent != self._home:
            self._gate.need(Scope.ADMIN, "templates of everybody")
        return path, template

    def _read_all(self) -> Iterator[tuple[Path, Template | Unusable]]:
        """Those that this actor keeps, and then those of everybody that have another name."""
        names: set[str] = set()
        yield from self._read_folder(self._home, names)
        if self._home != self._layout.templates:
            for path, one in self._read_folder(self._layout.templates, set()):
                if isinstance(one, Template) and _folded(one.name) not in names:
                    yield path, one

    def _read_folder(self, folder: Path, names: set[str]) -> Iterator[tuple[Path, Template | Unusable]]:
        with files.explained(f"listing {folder}"):
            paths = sorted(folder.glob(f"*{SUFFIX}"))
        for path in paths:
            try:
                template = _read(path)
            except FileNotFoundError:
                continue  # it was removed meanwhile
            except RepriseError as error:
                yield path, Unusable(file=path.name, problem=error.message)
                continue
            if _folded(template.name) in names:
                yield path, Unusable(file=path.name, problem=f"Another file has the name “{template.name}” too.")
                continue
            names.add(_folded(template.name))
            yield path, template

    def _free(self, name: str) -> Path:
        """A file of this name that is not there yet."""
        stem, number = safe(name), 1
        while (path := self._home / file_name(stem, SUFFIX)).exists():
            number += 1
            stem = f"{safe(name, 200)} ({number})"
        return path

    def _defaults_path(self, actor: str) -> Path:
        return self._layout.people / file_name(safe(actor) or "nobody", SUFFIX)

    def _write(self, path: Path, template: Template) -> None:
        with files.explained(f"writing {path.name}"):
            files.make_folder(path.parent)
            files.write_durably(path, msgspec.json.format(msgspec.json.encode(template), indent=2) + b"\n")

    def _remove(self, path: Path) -> None:
        with files.explained(f"removing {path.name}"):
            path.unlink()
            files.fsync_folder(path.parent)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with Lock(self._layout.templates_lock(), named=False).holding(_LOCK_S):
            yield


def _read(path: Path) -> Template:
    """What a file holds; raises `FileNotFoundError`, `BadInput` for what cannot be used, `StorageError`."""
    try:
        data = files.read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        if files.is_not_a_file(error):
            raise BadInput(f"{path.name} is no template: {error.strerror}.") from None
        raise files.storage_error(error, f"reading {path.name}") from error
    try:
        given = msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path.name} is no JSON object: {error}.", hint="Correct it, or take it away.") from None
    unknown = given.keys() - set(_FIELDS)
    if unknown or not isinstance(given.get("settings", {}), dict):
        raise BadInput(f"{path.name} is no template: it may have {', '.join(_FIELDS)}.", hint="Correct it.")
    settings = parse_settings(given.get("settings", {}))
    template = Template(**{"name": path.name.removesuffix(SUFFIX), **given, "settings": settings})
    if not isinstance(template.name, str):
        raise BadInput(f"The name of {path.name} is no text.", hint="Correct it.")
    if not template.name:
        return _checked(msgspec.structs.replace(template, name=path.name.removesuffix(SUFFIX)))
    return _checked(template)


def _checked(template: Template) -> Template:
    name = check_text("name of the template", template.name, MAX_NAME, required=True)
    if not safe(name) or not name.isprintable():
        raise BadInput(f"“{name}” is no name for a template.", hint="Use letters that can be seen.")
    whole_number("priority", template.priority, PRIORITY)
    whole_number("concurrency", template.concurrency, CONCURRENCY)
    return msgspec.structs.replace(template, name=name)


def _differences(template: Template) -> dict[str, Any]:
    usual = msgspec.to_builtins(Settings())
    given = msgspec.to_builtins(template)
    settings = {name: value for name, value in given["settings"].items() if usual[name] != value}
    return {"settings": settings, "concurrency": template.concurrency, "priority": template.priority}


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
