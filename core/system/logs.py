"""The log of a process: one JSON object a line, with secrets struck out wherever they stand."""

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any, TextIO

_URL_SECRETS = re.compile(r"(?P<scheme>https?://)(?:[^\s/@]+@)?(?P<rest>[^\s?#\"']*)(?:\?[^\s\"']*)?")
STRUCK = "•••"
SHARED_LOG_BYTES = 8 * 1024 * 1024


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
                _configure(*(_target or (sys.stderr, ())))  # standard output belongs to answers
            self._logger = structlog.get_logger(self._name)
        return self._logger


_target: tuple[TextIO, tuple[str, ...]] | None = None


def configure_log(stream: TextIO, secrets: Iterable[str] = ()) -> None:
    """Send the log of this process to `stream`, from its first word on."""
    global _target  # noqa: PLW0603 - a process has one log
    _target = (stream, tuple(secrets))


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


def _configure(stream: TextIO, known: tuple[str, ...]) -> None:
    import structlog

    def strike(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {name: redact(value, known) if isinstance(value, str) else value for name, value in event.items()}

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="t"),
            structlog.processors.format_exc_info,
            strike,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
    )
