"""The log of a process: one JSON object a line, or a line for people, with secrets struck out wherever they stand."""

import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal, TextIO

_URL_SECRETS = re.compile(r"(?P<scheme>https?://)(?:[^\s/@]+@)?(?P<rest>[^\s?#\"']*)(?:\?[^\s\"']*)?")
STRUCK = "•••"
SHARED_LOG_BYTES = 8 * 1024 * 1024
Form = Literal["auto", "json", "text"]
_PLAIN = re.compile(r"[^\s\"'=\x00-\x1f\x7f-\x9f]+\Z")
_BREAKS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without user information and queries of URLs, and without any of the `secrets`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, STRUCK)
    return _URL_SECRETS.sub(lambda found: found["scheme"] + found["rest"], text)


class Log:
    """What one part of the product says; structlog is loaded with the first word, since that takes 0.1 s."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger: Any = None

    def info(self, event: str, **facts: Any) -> None:
        """Something happened that an operator may want to know."""
        self._loaded().info(event, **facts)

    def error(self, event: str, **facts: Any) -> None:
        """Something went wrong."""
        self._loaded().error(event, **facts)

    def _loaded(self) -> Any:
        if self._logger is None:
            import structlog

            if not structlog.is_configured():
                _configure(_target or _Target())
            self._logger = structlog.get_logger().bind(logger=self._name)
        return self._logger


class _Target:
    """Where the log goes, in which form, and what must not stand in it."""

    def __init__(self, stream: TextIO | None = None, secrets: Iterable[str] = (), form: Form = "auto") -> None:
        self.stream, self.secrets = stream or sys.stderr, tuple(secrets)  # standard output belongs to answers
        self.as_text = form == "text" or (form == "auto" and self.stream.isatty())


class _Foreign(logging.Handler):
    """What libraries say through `logging` goes the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it as a line of ours."""
        facts = {"exc_info": record.exc_info} if record.exc_info else {}
        said = Log(record.name)
        (said.error if record.levelno >= logging.ERROR else said.info)(record.getMessage(), **facts)


_target: _Target | None = None
_facts: ContextVar[dict[str, Any]] = ContextVar("facts", default={})  # noqa: B039 - never changed, only replaced


def configure_log(stream: TextIO, secrets: Iterable[str] = (), form: Form = "auto", *, libraries: bool = False) -> None:
    """Send the log of this process to `stream`, from its first word on.

    It is JSON, but for people (`text`) where `form` says so, or is `auto` and `stream` a terminal. With `libraries` also
    what libraries warn of.
    """
    global _target  # noqa: PLW0603 - a process has one log
    _target = _Target(stream, secrets, form)
    if libraries:
        logging.getLogger().addHandler(_Foreign(logging.WARNING))


def is_kept() -> bool:
    """Whether this process has a log of its own, and not only a person's terminal for what goes wrong."""
    return _target is not None


@contextmanager
def bound_facts(**facts: Any) -> Iterator[None]:
    """Everything that is said in the block, also in threads it waits for, says these facts too."""
    token = _facts.set({**_facts.get(), **facts})
    try:
        yield
    finally:
        _facts.reset(token)


def bound_log(path: Path, limit_bytes: int = SHARED_LOG_BYTES) -> bool:
    """Keep a log that several processes append to within `limit_bytes`; True when it had grown longer.

    Its last `limit_bytes` then stand in `<name>.1`, which they replace, and the log begins anew. The file is emptied and
    not renamed: the others hold it open, and would go on in the renamed one for ever (so no `RotatingFileHandler`).
    What they append in the moment between copy and cut is lost. One process at a time may call this. Where there is no
    room for the copy the old lines are dropped, since a full disk is when a log must not grow. Raises `OSError`.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size <= limit_bytes:
        return False
    older, partial = path.with_name(f"{path.name}.1"), path.with_name(f"{path.name}.1.tmp")
    try:
        with path.open("rb") as log, partial.open("wb") as copy:
            log.seek(size - limit_bytes)
            log.readline()  # the rest of a line that began before
            shutil.copyfileobj(log, copy)
        partial.replace(older)
    except OSError:
        partial.unlink(missing_ok=True)
        older.unlink(missing_ok=True)
    os.truncate(path, 0)
    return True


def _configure(target: _Target) -> None:
    import structlog

    def strike(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {
            name: redact(value, target.secrets) if isinstance(value, str) else value for name, value in event.items()
        }

    def bound(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, **{name: value for name, value in _facts.get().items() if name not in event}}

    structlog.configure(
        processors=[
            bound,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="t"),
            structlog.processors.format_exc_info,
            strike,
            _as_text if target.as_text else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(target.stream),
    )


def _as_text(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
    """A line for people: the time of day, what happened, and the facts; a trace on lines of its own below."""
    when, level, name = str(event.pop("t"))[11:19], event.pop("level"), event.pop("logger", "")
    said, trace = str(event.pop("event")), event.pop("exception", None)
    facts = " ".join(f"{key}={_word(value)}" for key, value in event.items() if value is not None)
    line = _BREAKS.sub("", f"{when} {level:5} {name}: {said} {facts}".rstrip().replace("\n", " "))
    return line if trace is None else "\n    ".join([line, *(_BREAKS.sub("", one) for one in str(trace).splitlines())])


def _word(value: Any) -> str:
    text = str(value)
    return text if _PLAIN.match(text) else json.dumps(text, ensure_ascii=False)
