"""`/api/notices`: what its reader is told, and what of it they have read."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from core.api.caller import Administrator, Operator, Reader
from core.api.requests import Questions, Strict, answer
from core.domain.notices import Kind, Tone
from core.manager.notices import MOST_AT_ONCE, document

MOST_MARKED = 500
router = APIRouter(prefix="/api/notices", tags=["notices"])


class Notice(Strict):
    """One thing that happened; `title` is text of others, `headline` both together."""

    number: int
    kind: Kind
    tone: Tone
    at: datetime
    owner: str
    batch_id: str
    run_id: str | None
    title: str
    what: str
    text: str
    headline: str
    read: bool


class Notices(Strict):
    """The newest first, and how many are unread in all."""

    notices: list[Notice]
    unread: int


class Wanted(Questions):
    """Which of them."""

    unread: bool = False
    limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE)] = 20


class Reading(Strict):
    """Which of them are read now: these numbers, or all."""

    numbers: Annotated[list[Annotated[int, Field(ge=1, le=2**53)]], Field(max_length=MOST_MARKED)] | Literal["all"]


class Marked(Strict):
    """How many were unread before, and how many are now."""

    marked: int
    unread: int


class Tried(Strict):
    """What came of a test message by one way."""

    name: str
    label: str
    target: str
    ok: bool
    message: str
    hint: str


class Tests(Strict):
    """Each way that is configured."""

    tried: list[Tried]


@router.get("", summary="What you are told", response_model=Notices)
def listed(manager: Reader, wanted: Annotated[Wanted, Query()]) -> Response:
    """Batches that ended or paused themselves, runs that stalled or were given up."""
    found = manager.notices.all(unread=wanted.unread, limit=wanted.limit)
    return answer({"notices": [document(one) for one in found], "unread": manager.notices.unread()})


@router.post("/read", summary="Mark as read", response_model=Marked)
def read(manager: Operator, body: Reading) -> Response:
    """For yourself alone. 404 for a number that you were not told."""
    marked = manager.notices.mark_read(None if body.numbers == "all" else body.numbers)
    return answer({"marked": marked, "unread": manager.notices.unread()})


@router.post("/test", summary="Send a test message", response_model=Tests)
def test(manager: Administrator) -> Response:
    """By e-mail and webhook, at once; says what came of each."""
    return answer({"tried": manager.notices.test()})
