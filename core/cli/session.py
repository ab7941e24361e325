"""What the verbs share: the configuration, an opened manager, and how the answer is to be printed."""

import os
import tempfile
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from core.bootstrap import Manager, Storage, open_manager, open_storage
from core.config import Config, load_config
from core.system.logs import redact

F = TypeVar("F", bound=Callable[..., Any])


class Session:
    """One command line's view of the product; opened when first needed, so that `--help` needs no storage."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._config: Config | None = None
        self._manager: Manager | None = None

    @property
    def config(self) -> Config:
        """The configuration; raises `BadInput` when it is wrong."""
        if self._config is None:
            self._config = load_config()
        return self._config

    @property
    def manager(self) -> Manager:
        """The manager on the configured storage; raises `StorageError` when that cannot be used."""
        if self._manager is None:
            self._manager = open_manager(self.config, via="cli")
        return self._manager

    @property
    def storage(self) -> Storage:
        """The storage alone, with nothing in it read or restored yet; raises `StorageError` as `manager` does."""
        return self._manager.storage if self._manager is not None else open_storage(self.config)

    def keep_trace(self, trace: str) -> str:
        """Keep the trace of an unexpected error in a file of this user's alone, without secrets; says where, or why not."""
        try:
            folder = self._manager.storage.layout.logs if self._manager is not None else None
            fd, path = tempfile.mkstemp(prefix="cli-error-", suffix=".log", dir=folder)
            with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(redact(trace))
        except OSError as error:
            return f"nowhere, since it could not be written: {error.strerror or error}"
        return path


def verb(name: str, **attributes: Any) -> Callable[[F], click.Command]:
    """A command of the contract: with `--json`, and with the session as its first argument."""

    def decorate(function: F) -> click.Command:
        @wraps(function)
        @click.pass_obj
        def called(session: Session, /, *args: Any, as_json: bool, **options: Any) -> Any:
            session.as_json = session.as_json or as_json
            return function(session, *args, **options)

        option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
        make: Callable[[Callable[..., Any]], click.Command] = click.command(name, **attributes)
        return make(option(called))

    return decorate
