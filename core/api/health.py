"""Whether this process lives, and whether it can work: for probes, which send no token."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from core.api.process import current
from core.manager.readiness import Readiness

router = APIRouter(tags=["health"])
PATIENCE_S = 2.0


class Health(BaseModel):
    """That the process answers."""

    status: str


class Told(BaseModel):
    """Whether what is asked for will be done, and if not, why not."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ready": True, "storage": True, "service": True}]})
    ready: bool
    storage: bool
    service: bool
    reason: str | None = None


class Prober:
    """Looks in a thread of its own: a disk that hangs keeps that one, and no other, and is told of all the same."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self._looking: Future[Readiness] | None = None

    async def look(self) -> Readiness:
        """What is seen within `PATIENCE_S` seconds; several who ask at once are told of one look."""
        if self._looking is None or self._looking.done():
            self._looking = self._pool.submit(current().ready.look)
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._looking)), PATIENCE_S)
        except TimeoutError:
            return Readiness(storage=False, service=False, reason="The storage does not answer.")


_prober = Prober()


@router.get("/healthz", summary="Does the process live?")
async def healthz() -> Health:
    """Answers as long as the process does."""
    return Health(status="ok")


@router.get(
    "/readyz",
    summary="Can it work?",
    response_model=Told,
    responses={503: {"model": Told, "description": "Not now; says why."}},
)
async def readyz() -> JSONResponse:
    """200 when the storage can be written and a service takes its turns on it; else 503 and why not."""
    seen = await _prober.look()
    return JSONResponse({"ready": seen.ready, **msgspec.to_builtins(seen)}, 200 if seen.ready else 503)
