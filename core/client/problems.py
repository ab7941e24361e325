"""What can go wrong between here and the server, as exceptions: one class for each thing that a caller does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import msgspec

if TYPE_CHECKING:
    from core.client.documents import UploadedVideo


class ClientError(Exception):
    """Anything that this client raises."""


class Unreachable(ClientError):
    """Nobody answered, or the connection broke, as often as it was tried."""


class NotUnderstood(ClientError):
    """The answer is not what the API describes: another server, or a proxy between."""


class UploadsFailed(ClientError):
    """Some files could not be sent: `failed` says why by their numbers, `uploaded` has the others by theirs."""

    def __init__(self, failed: dict[int, Exception], uploaded: dict[int, UploadedVideo]) -> None:
        number, first = next(iter(failed.items()))
        super().__init__(
            f"{len(failed)} of {len(failed) + len(uploaded)} files were not sent; number {number}: {first}"
        )
        self.failed, self.uploaded = failed, uploaded


class FieldError(msgspec.Struct, frozen=True):
    """A field of a request that is not usable, and why."""

    field: str
    message: str


class Document(msgspec.Struct, frozen=True):
    """A problem document (RFC 9457) as the server sends it."""

    title: str = ""
    detail: str = ""
    hint: str = ""
    errors: list[FieldError] = []


class Problem(ClientError):
    """The server says no: `code` is stable, `hint` what to do about it, `fields` what is wrong in what was sent."""

    def __init__(self, status: int, document: Document, retry_after_s: float | None = None) -> None:
        super().__init__(f"{document.detail or document.title or status} {document.hint}".rstrip())
        self.status, self.code, self.message, self.hint = status, document.title, document.detail, document.hint
        self.fields, self.retry_after_s = tuple(document.errors), retry_after_s


class NotUsable(Problem):
    """What was sent cannot be used (400, 413, 415, 422)."""


class NotSignedIn(Problem):
    """No token, or one that is wrong, expired or revoked (401)."""


class NotAllowed(Problem):
    """The token is good for less (403)."""


class NotFound(Problem):
    """There is no such thing, or it is somebody else's (404)."""


class Refused(Problem):
    """Not in this state (409)."""


class Gone(Problem):
    """It was there and its time is over (410)."""


class Stale(Problem):
    """Somebody else changed it meanwhile (412): look at it again."""


class TooMany(Problem):
    """Too much at once (429); after `retry_after_s` seconds it is worth another try."""


class ServerTrouble(Problem):
    """The server failed or is not ready (5xx)."""


KINDS: dict[int, type[Problem]] = {
    400: NotUsable,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: Refused,
    410: Gone,
    412: Stale,
    413: NotUsable,
    415: NotUsable,
    422: NotUsable,
    429: TooMany,
}


def problem_of(response: httpx2.Response, retry_after_s: float | None) -> Problem:
    """The exception for an answer of 400 or above, whose body was read."""
    try:
        document = msgspec.json.decode(response.content, type=Document)
    except msgspec.MsgspecError:
        document = Document(detail=f"The server answered {response.status_code}.")
    kind = KINDS.get(response.status_code, ServerTrouble if response.status_code >= 500 else Problem)
    return kind(response.status_code, document, retry_after_s)
