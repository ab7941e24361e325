"""Checksums that come with bytes: `Content-Digest: sha-256=:BASE64:` (RFC 9530)."""

import base64
import binascii
import re

from core.domain.errors import BadInput

_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]{1,64}):\s*(?:,|$)")


def sha256_of(given: str | None) -> bytes | None:
    """The SHA-256 of a body in the `Content-Digest` that came with it, if any. Raises `BadInput` for one that is none."""
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
