"""Checksums that come with bytes: `Content-Digest: sha-256=:BASE64:` (RFC 9530)."""

import base64
import binascii
import re

from starlette.datastructures import Headers

from core.domain.errors import BadInput

_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{1,64}):\s*(?:,|$)")


def content_digest(headers: Headers) -> bytes | None:
    """The SHA-256 of the body as its sender says; None when none is given. Raises `BadInput` for one that is none."""
    given = headers.get("content-digest")
    if given is None:
        return None
    found = _SHA256.search(given)
    try:
        digest = base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise BadInput("The Content-Digest is not usable.", hint="Send it as: sha-256=:BASE64:", code="bad_checksum")
    return digest
