"""The user's own proxy, which stands behind ours."""

import base64
from typing import Self
from urllib.parse import unquote, urlsplit

import msgspec

from core.domain.errors import BadInput
from core.system.http_heads import Headers


class Upstream(msgspec.Struct, frozen=True):
    """The user's own proxy."""

    host: str
    port: int
    credentials: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The proxy that `text` names; raises `BadInput` (`url_proxy`)."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme != "http" or not host or not port or parts.path.strip("/"):
            raise BadInput(
                "The proxy is not an http proxy of the form http://host:port.",
                hint="Socks and https proxies are not supported.",
                code="url_proxy",
            )
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(host, port, credentials)

    def headers(self, target: str) -> Headers:
        """What is sent with `CONNECT target`."""
        named = [(b"Host", target.encode())]
        if self.credentials:
            named.append((b"Proxy-Authorization", b"Basic " + base64.b64encode(self.credentials.encode())))
        return named


def check_proxy(url: str) -> None:
    """Raise `BadInput` (`url_proxy`) unless `url` is a proxy that a fetch can be sent through.

    A proxy given with a run is kept in its state file, where no password may stand.
    """
    if Upstream.parse(url).credentials:
        raise BadInput(
            "The proxy has a user name or password in it, which would be kept in files.",
            hint="Run a local proxy that signs in to yours, and name that one.",
            code="url_proxy",
        )
