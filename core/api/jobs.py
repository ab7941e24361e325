"""`/jobs/…`: start, pause and resume everything, and its state, once or live (seed 4)."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from core.api.caller import Operator, Reader
from core.api.jobs_words import JobStarted, JobStatus, job_started, job_status
from core.api.live import until_gone
from core.api.process import current
from core.api.standing import allowed, refuse
from core.bootstrap import Manager
from core.domain.errors import RepriseError

BEAT_S = 15.0
# A reader that takes nothing for so long is not waited for any more.
STUCK_S = 20.0
GAP_S = 0.5
LAST_WORDS_S = 0.2
POLICY, SERVICE_RESTART = 1008, 1012  # why a WebSocket is closed, by its standard
router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.post("/start", summary="Start, or resume what is paused")
def start(manager: Operator) -> JobStarted:
    """Everything may go on, and a service is there to do it; once more changes nothing."""
    manager.commands.pool("resume", by=manager.actor)
    manager.starter.ensure()
    return job_started(manager.views.status(), manager.views.workers())


@router.post("/pause", summary="Pause everything")
def pause(manager: Operator) -> JobStatus:
    """Within a second nothing new is begun and what runs stands still, until a resume; also over a restart."""
    manager.commands.pool("pause", by=manager.actor)
    return job_status(manager.views.status(), "paused")


@router.post("/resume", summary="Resume everything")
def resume(manager: Operator) -> JobStatus:
    """What stood still goes on where it was; once more changes nothing."""
    manager.commands.pool("resume", by=manager.actor)
    return job_status(manager.views.status(), "running")


@router.get("/status", summary="How all videos stand; as a WebSocket, live")
def status(manager: Reader) -> JobStatus:
    """The numbers now. A WebSocket at the same address is sent them whenever they change, and now and then without."""
    return job_status(manager.views.status())


@router.websocket("/status")
async def live_status(socket: WebSocket) -> None:
    """The same document for each change, at most a few times a second, and every `BEAT_S` seconds as a sign of life."""
    try:
        manager = await allowed(socket)
        with current().streams.place(manager.actor):
            await socket.accept()
            await _tell(socket, manager)
    except asyncio.CancelledError:
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # the server ends
            async with asyncio.timeout(LAST_WORDS_S):
                await socket.close(SERVICE_RESTART)
        raise
    except RepriseError as error:  # refused, or good no more
        if socket.application_state == WebSocketState.CONNECTING:
            await refuse(socket, error)
        else:
            await socket.close(POLICY)


async def _tell(socket: WebSocket, manager: Manager) -> None:
    """Send the numbers until the other side goes or takes nothing; raises as `allowed` does."""
    now, said, beat_at = asyncio.get_running_loop().time, "", 0.0
    gone = asyncio.create_task(until_gone(socket))
    try:
        with current().hub.listen(redraws=False) as listener, suppress(WebSocketDisconnect, TimeoutError):
            # Who goes rings too: a server that ends waits until nobody is listening any more.
            gone.add_done_callback(lambda _: listener.tell(frozenset()))
            while not gone.done():
                due = now() >= beat_at
                if due:
                    manager, beat_at = await allowed(socket), now() + BEAT_S
                found = await run_in_threadpool(_status, manager)
                if found != said or due:
                    said = found
                    async with asyncio.timeout(STUCK_S):  # not `wait_for`, which may swallow a cancellation
                        await socket.send_text(found)
                await asyncio.wait({gone}, timeout=GAP_S)
                await listener.changes(max(0.0, beat_at - now()))
    finally:
        gone.cancel()


def _status(manager: Manager) -> str:
    return current().read(f"jobs {manager.acts_for}", lambda: job_status(manager.views.status()).model_dump_json())
