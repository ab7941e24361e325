"""One connection to a server: asks again where that is safe and may help, and turns refusals into exceptions."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2
import msgspec

from core.client.patience import Patience, asked_to_wait_s
from core.client.problems import NotUnderstood, Unreachable, problem_of

T = TypeVar("T")
# The server said that it did nothing: asking again is safe whatever was asked.
PASSING = frozenset({429, 503})
# Somebody between may have passed it on: only what may be done twice is asked again.
UNCLEAR = frozenset({502, 504})
SAFE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
KEY = "Idempotency-Key"
TIMEOUT_S = 60.0


class Wire:
    """Asks the server at `address` as the owner of `token`. Thread-safe."""

    def __init__(self, address: str, token: str, patience: Patience) -> None:
        self._home = urlsplit(address)
        self.patience, self._closed = patience, threading.Event()
        self._address = address.rstrip("/") + "/"
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        # No proxy and no .netrc of the environment: the token goes to the server that is named and nowhere else.
        self._http = httpx2.Client(timeout=httpx2.Timeout(TIMEOUT_S, connect=10.0), trust_env=False)

    def close(self) -> None:
        """Ask no more; whoever waits for another try is raised `Unreachable`."""
        self._closed.set()
        self._http.close()

    def ask(self, method: str, path: str, kind: type[T], *, json: Any = None, key: str = "", **query: Any) -> T:
        """The answer as `kind`. A POST without a `key` is sent again only when the server said that it did nothing.

        Raises `Problem`, `Unreachable` and `NotUnderstood`.
        """
        headers = {KEY: key} if key else {}
        content = None
        if json is not None:
            content, headers["Content-Type"] = msgspec.json.encode(json), "application/json"
        params = {name: value for name, value in query.items() if value is not None}
        response = self._patiently(method, path, headers=headers, content=content, params=params)
        return _read(response, kind)

    def send(
        self, method: str, path: str, kind: type[T], content: bytes, headers: Mapping[str, str], **query: Any
    ) -> T:
        """One try and no other; raises as `ask`."""
        return _read(_good(self._raw(method, path, headers=headers, content=content, params=query)), kind)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], *, silence_s: float) -> Iterator[httpx2.Response]:
        """An answer that is read while it comes; broken off after `silence_s` seconds without a byte. Raises as `send`."""
        url = urljoin(self._address, path)
        timeout = httpx2.Timeout(TIMEOUT_S, read=silence_s)
        try:
            with self._http.stream("GET", url, headers=self._known(url, headers), timeout=timeout) as response:
                if response.status_code >= 400:
                    response.read()
                    raise problem_of(response, _asked_s(response))
                yield response
        except httpx2.TransportError as error:
            raise _unreachable(error, url) from error

    def rest(self, seconds: float) -> None:
        """Wait; raises `Unreachable` when it is closed meanwhile."""
        if self._closed.wait(seconds):
            raise Unreachable("This client was closed.")

    def _patiently(self, method: str, path: str, **request: Any) -> httpx2.Response:
        safe, tried = method in SAFE or KEY in request["headers"], 0
        while True:
            tried += 1
            response = error = None
            try:
                response = self._raw(method, path, **request)
            except Unreachable as unreachable:
                error, again, asked_s = unreachable, safe, None
            else:
                asked_s = _asked_s(response)
                again = response.status_code in PASSING or (safe and response.status_code in UNCLEAR)
            wait_s = self.patience.wait_s(tried, asked_s) if again else None
            if wait_s is not None:
                self.rest(wait_s)
            elif error is not None:
                raise error
            elif response is not None:
                return _good(response)

    def _raw(self, method: str, path: str, **request: Any) -> httpx2.Response:
        url = urljoin(self._address, path)
        headers = self._known(url, request.pop("headers"))
        try:
            return self._http.request(method, url, headers=headers, **request)
        except httpx2.TransportError as error:
            raise _unreachable(error, url) from error

    def _known(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """With the token, if it is for this server."""
        there = urlsplit(url)
        ours = (there.scheme, there.netloc) == (self._home.scheme, self._home.netloc)
        return {"Accept-Encoding": "identity", **headers, **(self._authorization if ours else {})}


def _good(response: httpx2.Response) -> httpx2.Response:
    if response.status_code >= 400:
        raise problem_of(response, _asked_s(response))
    return response


def _read(response: httpx2.Response, kind: type[T]) -> T:
    if kind is type(None):
        return None
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.MsgspecError as error:
        asked = f"{response.request.method} {response.request.url.path}"
        raise NotUnderstood(f"{asked} was answered otherwise than described: {error}") from error


def _asked_s(response: httpx2.Response) -> float | None:
    return asked_to_wait_s(response.headers.get("retry-after"), response.headers.get("date"))


def _unreachable(error: httpx2.TransportError, url: str) -> Unreachable:
    there = urlsplit(url)
    return Unreachable(f"{there.scheme}://{there.netloc} does not answer: {error or type(error).__name__}")
