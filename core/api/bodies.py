"""What may be sent: JSON that can be taken in one way only, and not much of it; or, where files are received, bytes."""

import asyncio
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.problems import answer_for, problem
from core.api.strict_json import read_json
from core.domain.errors import NotSignedIn, RepriseError, TooLarge

MAX_BYTES = 2**20
MAX_DRAINED_BYTES = 2**28  # so much of what is too much is read and forgotten: most senders listen only at the end
BODY_S = 30.0
STREAMS = ("/api/uploads",)  # who answers PATCH and PUT there takes streams of bytes, and sees for himself


class StrictBodies:
    """ASGI middleware behind the doorkeeper: a body reaches a route only when it is one JSON object without tricks.

    Who is not known is told so before anything is read. Everything that is refused is a problem document: 413 too large,
    415 not JSON, 400 not readable, 422 not usable, 408 when it does not come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or refuse it."""
        if scope["type"] != "http" or (scope["method"] in ("PATCH", "PUT") and _is_below(scope["path"], STREAMS)):
            await self._app(scope, receive, send)
            return
        if _doubled(scope):
            await problem(422, "doubled", "A parameter comes twice.", "Name each once.")(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if length == "0" and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        refusal, body = self._refused(scope, headers), b""
        if refusal is None:
            try:
                async with asyncio.timeout(BODY_S):
                    body = await _read(receive)
                await run_in_threadpool(read_json, body)
            except TimeoutError:
                refusal = problem(408, "too_slow", "The body did not come in time.", "Send it again.")
            except ClientDisconnect:
                return
            except RepriseError as error:
                refusal = answer_for(error)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """Why the body is not even read."""
        if scope["state"].get("actor") is None:
            return answer_for(scope["state"].get("stranger") or NotSignedIn("Who asks is not known."))
        kind, _, rest = headers.get("content-type", "").partition(";")
        charset = rest.strip().lower().removeprefix("charset=").strip('"')
        if kind.strip().lower() != "application/json" or charset not in ("", "utf-8"):
            return problem(415, "not_json", "Only JSON is taken here.", "Send Content-Type: application/json.")
        if headers.get("content-encoding", "identity").lower() != "identity":
            return problem(415, "encoded", "Compressed bodies are not taken.", "Send it as it is.")
        return None


async def _read(receive: Receive) -> bytes:
    """The body; raises `TooLarge` when there is more than `MAX_BYTES` of it."""
    body, forgotten, more = bytearray(), 0, True
    while more and forgotten < MAX_DRAINED_BYTES:
        message = await _next(receive)
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BYTES or forgotten:
            forgotten += len(body)
            body.clear()
    if forgotten:
        raise TooLarge(f"The body is larger than {MAX_BYTES // 1024} KiB.", hint="Send less at once.")
    return bytes(body)


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives the body that was read, once, and then what really comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _is_below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def _doubled(scope: Scope) -> bool:
    """Whether somebody who is known names a parameter twice, of which another reader may take the other one."""
    names = [name for name, _ in parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)]
    return len(names) != len(set(names)) and scope["state"].get("actor") is not None
