"""A signed webhook, as https://www.standardwebhooks.com has it: so that a receiver can check it with any library.

The address is judged by the rules for everything that is fetched (`core.system.network`), for the very address that is
connected to; nothing is followed anywhere else. A second try has the same `webhook-id`, by which receivers know it.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import ssl
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from urllib.parse import SplitResult, urlsplit

import msgspec

from core import __version__
from core.domain.errors import BadInput
from core.notify.message import Message, NotSent
from core.system.clock import Clock, rfc3339
from core.system.egress import EgressProxy
from core.system.network import AllowedHosts, check_url

WHOLE_S = 30.0
TOO_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 508, 529})
SECRET_PREFIX = "whsec_"  # noqa: S105 - how the standard marks one
SHORTEST_SECRET = 16
MAX_BODY_BYTES = 48 * 1024


class Webhook:
    """A channel that posts messages to one address. Raises `BadInput` for an address or secret that cannot be used."""

    name, label = "webhook", "Webhook"

    def __init__(
        self,
        url: str,
        secret: str,
        allowed: AllowedHosts,
        clock: Clock,
        *,
        timeout_s: float = 15.0,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._parts = check_url(url, allowed)
        self._key = key_of(secret)
        self._allowed, self._clock = allowed, clock
        self._timeout_s, self._whole_s = timeout_s, whole_s

    @property
    def where(self) -> str:
        """The address without what may be secret in it."""
        return f"{self._parts.scheme}://{self._parts.netloc}{self._parts.path}"

    def send(self, message: Message, handing_over: Callable[[], None]) -> str:
        """As the protocol says; who receives it twice knows it by its id, so that it can always be tried again."""
        del handing_over
        body = msgspec.json.encode({"type": message.type, "timestamp": rfc3339(message.at), "data": message.data})
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Reprise/{__version__}",
            "webhook-id": message.id,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{signature(self._key, message.id, stamp, body)}",
        }
        with EgressProxy(self._allowed, connect_timeout_s=self._timeout_s) as proxy:
            try:
                status, after = self._posted(proxy, body, headers)
            except (OSError, http.client.HTTPException) as error:
                raise self._not_posted(proxy, error) from None
            if proxy.trouble:  # the proxy's own answer, and not the receiver's
                raise self._not_posted(proxy, OSError("it cannot be reached"))
        if 200 <= status < 300:
            return ""
        if 300 <= status < 400:
            raise NotSent(
                f"{self._parts.hostname} sends on to another address ({status}), which is not followed.", lasting=True
            )
        raise NotSent(
            f"{self._parts.hostname} answers with status {status}.", lasting=status not in TOO_BUSY, retry_after_s=after
        )

    def _posted(self, proxy: EgressProxy, body: bytes, headers: dict[str, str]) -> tuple[int, float | None]:
        """The status of the answer and how long it asks to wait; its body is nobody's business."""
        ours = urlsplit(proxy.url).netloc.rpartition("@")[0]
        sign_in = {"Proxy-Authorization": f"Basic {base64.b64encode(ours.encode()).decode()}"}
        way = (("127.0.0.1", proxy.port), self._timeout_s)
        with closing(self._connection(way, sign_in)) as connection:
            # However slowly the answer drips in, it is over then.
            limit = threading.Timer(self._whole_s, _cut_off, (connection,))
            limit.start()
            try:
                tunnelled = self._parts.scheme == "https"
                target = _path(self._parts) if tunnelled else f"http://{self._parts.netloc}{_path(self._parts)}"
                connection.request("POST", target, body, headers if tunnelled else headers | sign_in)
                answer = connection.getresponse()
                return answer.status, _seconds(answer.getheader("Retry-After"))
            finally:
                limit.cancel()

    def _connection(self, way: tuple[tuple[str, int], float], sign_in: dict[str, str]) -> http.client.HTTPConnection:
        (host, port), timeout_s = way
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
        connection.set_tunnel(self._parts.hostname or "", self._parts.port or 443, sign_in)
        return connection

    def _not_posted(self, proxy: EgressProxy, error: Exception) -> NotSent:
        host = self._parts.hostname
        if (refused := proxy.refusal()) is not None:
            return NotSent(
                f"{refused.host} is a private or local address, which nothing is sent to (REPRISE_ALLOWED_HOSTS).",
                lasting=True,
            )
        kinds = [trouble.kind for trouble in proxy.trouble]
        if "dns" in kinds:
            return NotSent(f"There is no host {host}.")
        if kinds:
            return NotSent(f"{host} cannot be reached.")
        if isinstance(error, TimeoutError):
            return NotSent(f"{host} does not answer in time.")
        if isinstance(error, http.client.HTTPException):
            return NotSent(f"{host} gives no whole answer.")
        return NotSent(f"{host} cannot be reached: {getattr(error, 'strerror', None) or error}.")


def key_of(secret: str) -> bytes:
    """The bytes that messages are signed with; raises `BadInput` for a secret that is none."""
    if secret.startswith(SECRET_PREFIX):
        with suppress(binascii.Error, ValueError):
            key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
            if len(key) >= SHORTEST_SECRET:
                return key
        raise BadInput(f"The webhook's secret begins with {SECRET_PREFIX} and is not base64 of 16 bytes or more.")
    if len(secret.encode()) < SHORTEST_SECRET:
        raise BadInput(
            "The webhook has no secret of 16 characters or more to sign with.",
            hint="Set REPRISE_WEBHOOK_SECRET, or webhook_secret_file; the receiver checks the signature with it.",
        )
    return secret.encode()


def signature(key: bytes, id_: str, stamp: str, body: bytes) -> str:
    """The signature of a message in base64: HMAC-SHA256 of its id, time stamp and body."""
    signed = f"{id_}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def shown(url: str) -> str:
    """An address without its query and user, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _path(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else None


def _cut_off(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(2)
