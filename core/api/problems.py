"""Errors as answers: one table from our errors to status codes, one form (RFC 9457)."""

from starlette.requests import Request
from starlette.responses import JSONResponse

from core.domain.errors import BadInput, Damaged, Gone, NoService, NotFound, Refused, RepriseError, StorageError

STATUS: tuple[tuple[type[RepriseError], int], ...] = (
    (NotFound, 404),
    (Gone, 410),
    (Refused, 409),
    (BadInput, 400),
    (Damaged, 500),
    (NoService, 503),
    (StorageError, 507),
)


def problem(status: int, code: str, detail: str, hint: str = "") -> JSONResponse:
    """A problem document."""
    content = {"type": "about:blank", "title": code, "status": status, "detail": detail, "hint": hint}
    return JSONResponse(content, status, media_type="application/problem+json")


async def from_error(request: Request, error: Exception) -> JSONResponse:
    """The answer for an error of ours."""
    del request
    assert isinstance(error, RepriseError)
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    return problem(status, error.code, error.message, error.hint)
