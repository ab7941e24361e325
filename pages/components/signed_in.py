"""Who signed in: what Streamlit's own sign-in keeps in the browser, read outside of a page too."""

import json
from collections.abc import Mapping
from typing import Any

from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import AUTH_COOKIE_NAME, get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from core.config import Config


def auth_section(config: Config, cookie_secret: str) -> dict[str, Any]:
    """What Streamlit is told of the sign-in."""
    return {
        "redirect_uri": config.public_url.rstrip("/") + "/oauth2callback",
        "cookie_secret": cookie_secret,
        "client_id": config.oidc_client_id,
        "client_secret": config.oidc_client_secret,
        "server_metadata_url": config.oidc_metadata_url,
    }


def signed_in(cookies: dict[str, str]) -> Mapping[str, Any] | None:
    """The claims of whoever signed in, by the cookies of a request; None when nobody did.

    Streamlit reads its cookie only where a page opens, and has no public way to ask; these are the parts it does it with.
    """
    secret = get_cookie_secret()

    def one(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(secret, name, value.encode("latin-1", "replace"))

    found = get_cookie_with_chunks(one, AUTH_COOKIE_NAME)
    try:
        claims = json.loads(found) if found else None
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None
