"""The log of a process: one JSON object a line, with secrets struck out wherever they stand."""

import logging
import re
from collections.abc import Iterable
from typing import Any, TextIO

import structlog

_URL_SECRETS = re.compile(r"(?P<scheme>https?://)(?:[^\s/@]+@)?(?P<rest>[^\s?#\"']*)(?:\?[^\s\"']*)?")
STRUCK = "•••"


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without user information and queries of URLs, and without any of the `secrets`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, STRUCK)
    return _URL_SECRETS.sub(lambda found: found["scheme"] + found["rest"], text)


def configure_log(stream: TextIO, secrets: Iterable[str] = ()) -> None:
    """Send the log of this process to `stream`."""
    known = tuple(secrets)

    def strike(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
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
