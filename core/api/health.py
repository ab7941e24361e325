"""Whether this process lives, and whether it can work: for probes, which send no token."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from core.api.process import current

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Does the process live?")
async def healthz() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "ok"}


@router.get("/readyz", summary="Can it work?", responses={503: {"description": "Not yet; says why."}})
async def readyz() -> JSONResponse:
    """200 when a service holds the storage; else 503 and why not."""
    alive = await asyncio.to_thread(current().manager.commands.service_alive)
    error = current().keeper.error
    content: dict[str, Any] = {"ready": alive, "service": alive, "reason": None}
    if not alive:
        content["reason"] = error.message if error else "No service runs on this storage."
    return JSONResponse(content, 200 if alive else 503)
