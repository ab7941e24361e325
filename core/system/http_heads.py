"""Heads of HTTP messages, taken apart and put together: just what a proxy needs, and strict."""

from urllib.parse import urlsplit

Headers = list[tuple[bytes, bytes]]


class MalformedError(Exception):
    """What a client or a server sent is not HTTP."""


def parse_head(data: bytes) -> tuple[bytes, Headers]:
    """The first line and the headers of `data`; raises `MalformedError` for what could be read in two ways."""
    first, *lines = data.rstrip(b"\r\n").split(b"\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or name != name.strip() or b"\n" in line or b"\r" in line or b"\0" in line:
            raise MalformedError
        headers.append((name, value.strip()))
    if b"\n" in first or not first:
        raise MalformedError
    return first, headers


def make_head(first: bytes, headers: Headers) -> bytes:
    """The bytes of a head."""
    return b"\r\n".join([first, *(name + b": " + value for name, value in headers), b"", b""])


def header(headers: Headers, wanted: bytes) -> bytes | None:
    """The value of the header `wanted` (in lower case), or None."""
    return next((value for name, value in headers if name.lower() == wanted), None)


def host_and_port(target: bytes, default: int) -> tuple[str, int]:
    """The host and port that `target` (`//host:port/…`) names; raises `MalformedError`."""
    try:
        parts = urlsplit(target.decode("ascii"))
        host, port = parts.hostname, parts.port
    except ValueError:
        raise MalformedError from None
    if not host or parts.username is not None:
        raise MalformedError
    return host, port or default
