"""Who asks: the owner of a bearer token, the person whose page of ours it is, or nobody.

`Doorkeeper` finds out once for each request; a route then says what it needs by the type of an argument: `Reader`,
`Operator` or `Administrator`, each a manager that acts for whoever asks.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from core.api.guard import is_ours
from core.api.process import current
from core.bootstrap import Manager
from core.domain import access
from core.domain.access import Actor, asked_from
from core.domain.errors import NotAllowed, NotSignedIn, RepriseError

# The claims of whoever signed in, by the cookies of a request; None when nobody did.
SignedIn = Callable[[dict[str, str]], Mapping[str, Any] | None]
SAFE_METHODS = frozenset({"GET", "HEAD"})
LONGEST_ADDRESS = 64
_bearer = HTTPBearer(auto_error=False, description="A token: `./reprise token create` makes one.")


class Doorkeeper:
    """ASGI middleware: notes in the scope's state who asks (`actor`), or why nobody does (`stranger`).

    It also sees to it that a request ends when the server does.

    Where the same server has our pages, a request that a page of ours sends needs no token: `signed_in` tells of its
    cookies who signed in there, and where there is no sign-in it is this machine's user.
    """

    def __init__(self, app: ASGIApp, *, signed_in: SignedIn | None) -> None:
        self._app, self._signed_in = app, signed_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        asked_from.set(source_of(scope))
        state["who"] = partial(self._who, scope, headers)  # for what lasts longer than who asks may be allowed to
        try:
            state["actor"], state["stranger"] = await state["who"](), None
        except RepriseError as error:
            state["actor"], state["stranger"] = None, error
        task, process = asyncio.current_task(), current()
        assert task is not None
        process.requests.add(task)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not process.closing:
                raise
        finally:
            process.requests.discard(task)

    async def _who(self, scope: Scope, headers: Headers) -> Actor:
        given = headers.getlist("authorization")
        if given:
            kind, _, token = given[0].partition(" ")
            if len(given) > 1 or kind.lower() != "bearer" or not token.strip().isascii():
                raise NotSignedIn("One Authorization header with a bearer token is needed.")
            return await run_in_threadpool(current().manager.tokens.actor, token.strip(), source_of(scope))
        process = current()
        if self._signed_in is not None and comes_from_a_page(scope, headers, process.config.public_url):
            if not process.config.signs_in:
                return process.manager.acts_for
            return await run_in_threadpool(process.person, self._signed_in(HTTPConnection(scope).cookies))
        raise NotSignedIn("Who asks is not known.")


def source_of(scope: Scope) -> str:
    """The address that a request comes from; what a proxy says of it is cut, since it is written down."""
    return str((scope.get("client") or ("", 0))[0])[:LONGEST_ADDRESS]


def comes_from_a_page(scope: Scope, headers: Headers, public_url: str = "") -> bool:
    """Whether a page of ours sends this, which no form or script of another page can; False when no page does.

    Raises `NotAllowed` when another page does.
    """
    # Browsers say where a request comes from only to servers they trust: over plain HTTP a cookie tells of a browser.
    from_browser = bool({"sec-fetch-site", "origin", "cookie"} & set(headers))
    changing = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
    if not from_browser:
        return False
    same = headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
    announced = "origin" in headers and ("x-requested-with" in headers or scope["type"] == "websocket")
    if is_ours(headers, public_url) and same and (announced or not (changing or scope["type"] == "websocket")):
        return True
    raise NotAllowed("This request does not come from the dashboard.", code="foreign_origin", hint="")


def manager_of(request: HTTPConnection, scope: access.Scope = access.Scope.READ) -> Manager:
    """The manager of whoever asks; raises `NotSignedIn` for a stranger and `NotAllowed` for whom `scope` is too much."""
    actor: Actor | None = request.state.actor
    if actor is None:
        raise request.state.stranger
    manager = current().manager_for(actor)
    manager.gate.need(scope, str(request.scope["path"])[:80])
    return manager


Token = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


async def reader(request: Request, token: Token) -> Manager:
    """Whoever may look."""
    del token  # judged by the doorkeeper; named here for the document
    return manager_of(request, access.Scope.READ)


async def operator(request: Request, token: Token) -> Manager:
    """Whoever may give commands for what is theirs."""
    del token
    return manager_of(request, access.Scope.OPERATE)


async def administrator(request: Request, token: Token) -> Manager:
    """Whoever may do everything."""
    del token
    return manager_of(request, access.Scope.ADMIN)


Reader = Annotated[Manager, Depends(reader)]
Operator = Annotated[Manager, Depends(operator)]
Administrator = Annotated[Manager, Depends(administrator)]
