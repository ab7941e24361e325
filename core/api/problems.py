"""Errors as answers: one table from our errors to status codes, one form (RFC 9457)."""

from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from core.domain.errors import (
    BadInput,
    Damaged,
    Gone,
    NoService,
    NotAllowed,
    NotFound,
    NotSignedIn,
    NotUsable,
    Refused,
    RepriseError,
    Stale,
    StorageError,
    TooLarge,
    TooMany,
)

STATUS: tuple[tuple[type[RepriseError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (TooMany, 429),
    (NotFound, 404),
    (Gone, 410),
    (Stale, 412),
    (Refused, 409),
    (TooLarge, 413),
    (NotUsable, 422),
    (BadInput, 400),
    (Damaged, 500),
    (NoService, 503),
    (StorageError, 507),
)

PROBLEM_JSON = "application/problem+json"
MOST_FIELDS = 20


def problem(status: int, code: str, detail: str, hint: str = "") -> JSONResponse:
    """A problem document."""
    content = {"type": "about:blank", "title": code, "status": status, "detail": detail, "hint": hint}
    return JSONResponse(content, status, media_type=PROBLEM_JSON)


async def from_error(request: Request, error: Exception) -> JSONResponse:
    """The answer for an error of ours that a route raised."""
    del request
    assert isinstance(error, RepriseError)
    return answer_for(error)


def answer_for(error: RepriseError) -> JSONResponse:
    """The answer for an error of ours."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    answer = problem(status, error.code, error.message, error.hint)
    if isinstance(error, NotSignedIn):
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    return answer


async def from_http(request: Request, error: Exception) -> JSONResponse:
    """The answer where no route is, or not for this method."""
    del request
    assert isinstance(error, HTTPException)
    answer = problem(error.status_code, HTTPStatus(error.status_code).name.lower(), str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def from_validation(request: Request, error: Exception) -> JSONResponse:
    """The answer for a request that is not what its route takes: each field that is wrong, and how."""
    del request
    assert isinstance(error, RequestValidationError)
    wrong = [
        {"field": ".".join(str(part) for part in found["loc"]), "message": str(found["msg"])}
        for found in error.errors()[:MOST_FIELDS]
    ]
    said = "; ".join(f"{one['field']}: {one['message']}" for one in wrong[:3])
    answer = {"type": "about:blank", "title": "bad_request", "status": 422, "detail": said, "errors": wrong}
    return JSONResponse(answer, 422, media_type=PROBLEM_JSON)
