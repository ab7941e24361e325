"""What a language model's server did, said as a `StageError`: one sentence without key, address or request in it."""

import asyncio
import email.utils
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from core.domain.errors import ErrorClass, StageError
from core.domain.markup import one_line

MAX_RETRY_AFTER_S = 24 * 3600.0

_CONFIGURATION = "Check REPRISE_LLM_BASE_URL, REPRISE_LLM_MODEL and REPRISE_LLM_API_KEY, or use llm=offline."
_PARAMETERS = {
    "response_format": ("response_format", "json_schema", "json_object"),
    "seed": ("seed",),
    "temperature": ("temperature",),
    "max_tokens": ("max_tokens",),
}


class UnusableError(ValueError):
    """An answer that came but cannot be used; the message says why, in words the model can act on."""


def named_parameters(error: Exception) -> set[str]:
    """The optional parameters of a request that the server complains about."""
    if _status(error) not in (400, 422):
        return set()
    said = _said(error)
    return {name for name, words in _PARAMETERS.items() if any(word in said for word in words)}


def from_exception(error: Exception, base_url: str, timeout_s: float, redact: Callable[[str], str]) -> StageError:
    """The `StageError` for whatever the client raised; `redact` takes the key out of what the server said."""
    if isinstance(error, StageError):
        return error
    host = host_of(base_url)
    status = _status(error)
    if status is not None:
        said = one_line(redact(_said(error)), 200)
        return _from_status(status, host, f": {said.rstrip('.')}" if said else "", error)
    name = type(error).__name__
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)) or name in ("APITimeoutError", "ReadTimeout"):
        return StageError(ErrorClass.LLM_UNAVAILABLE, f"{host} did not answer in time (at most {timeout_s:g} seconds).")
    return StageError(ErrorClass.LLM_UNAVAILABLE, f"{host} cannot be reached or broke the connection.")


def host_of(base_url: str) -> str:
    """The host in an address, for messages: the rest of it may hold a secret."""
    try:
        return urlsplit(base_url).hostname or "the language model's server"
    except ValueError:
        return "the language model's server"


def require_sendable(base_url: str, api_key: str) -> None:
    """Raise `StageError` when no request can be made with this address and key, without showing either."""
    try:
        address = urlsplit(base_url)
        fit = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        fit = False
    if not fit or any(char.isspace() for char in base_url):
        raise StageError(
            ErrorClass.LLM_REFUSED,
            "The language model's address is not a usable http or https address.",
            hint="Set REPRISE_LLM_BASE_URL to something like https://api.example.com/v1.",
        )
    if not all("!" <= char <= "~" for char in api_key):
        raise StageError(
            ErrorClass.LLM_REFUSED,
            "The language model's API key holds blanks or characters that no key has.",
            hint="Set REPRISE_LLM_API_KEY again, without line breaks or quotes.",
        )


def _from_status(status: int, host: str, said: str, error: Exception) -> StageError:
    if status == 429 and "insufficient_quota" not in _said(error) and "insufficient_quota" not in _code(error):
        return StageError(
            ErrorClass.RATE_LIMITED,
            f"{host} asks to slow down (429){said}.",
            hint="The run waits and tries again by itself.",
            retry_after_s=_retry_after_s(error),
        )
    if status >= 500 or status == 408:
        return StageError(
            ErrorClass.LLM_UNAVAILABLE, f"{host} has trouble ({status}){said}.", retry_after_s=_retry_after_s(error)
        )
    if status in (401, 403):
        return StageError(ErrorClass.LLM_REFUSED, f"{host} refuses the API key ({status}).", hint=_CONFIGURATION)
    if status in (402, 429):
        return StageError(ErrorClass.LLM_REFUSED, f"The account at {host} has no credit left ({status}){said}.")
    if status == 404:
        return StageError(
            ErrorClass.LLM_REFUSED, f"{host} knows no such model or address (404){said}.", hint=_CONFIGURATION
        )
    if 300 <= status < 400:
        return StageError(
            ErrorClass.LLM_REFUSED,
            f"{host} redirects to another address ({status}), which is not followed.",
            hint="Set REPRISE_LLM_BASE_URL to the final address.",
        )
    return StageError(ErrorClass.LLM_REFUSED, f"{host} refuses the request ({status}){said}.", hint=_CONFIGURATION)


def _status(error: Exception) -> int | None:
    status = getattr(error, "status_code", None)
    return status if isinstance(status, int) else None


def _body(error: Exception) -> dict[str, Any]:
    body = getattr(error, "body", None)
    return body if isinstance(body, dict) else {}


def _said(error: Exception) -> str:
    """The server's own sentence, when it gave one in the usual place."""
    body = _body(error)
    inner = body.get("error", body)
    said = inner.get("message", "") if isinstance(inner, dict) else inner
    return said if isinstance(said, str) else ""


def _code(error: Exception) -> str:
    return str(_body(error).get("code", ""))


def _retry_after_s(error: Exception) -> float | None:
    """The wait a server asked for, in seconds: a number, or a date measured against the server's own clock."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    given = headers.get("retry-after", "")
    try:
        wait = float(given)
    except ValueError:
        try:
            until = email.utils.parsedate_to_datetime(given)
            wait = (until - email.utils.parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(wait, 0.0), MAX_RETRY_AFTER_S) if math.isfinite(wait) else None
