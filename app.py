"""The dashboard's process: `streamlit run app.py` serves the pages, the API beside them, and keeps a service running.

Nothing that must last lives here: pages read views and write intent, the service does the work, the files are the truth.
"""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from core.api.front import Front
from core.api.guard import Reach
from core.api.process import current, keep_log, refusal, serving
from core.config import load_config
from core.domain.errors import RepriseError
from pages.components.signed_in import auth_section, signed_in

ADDRESS = st.get_option("server.address")
try:
    config = load_config()
    keep_log(config)
    if (refused := refusal(ADDRESS, config)) is not None:
        raise refused
    cookie_secret = current().manager.tokens.cookie_secret() if config.signs_in else ""
except RepriseError as error:  # here it is one sentence; out of the lifespan it would be a traceback
    sys.exit(f"Error: {error.message}\nHint: {error.hint}")


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """From the server's start, with or without a browser, until it is told to stop."""
    del app
    async with serving():
        # Streamlit collects garbage after every run of a script; what is loaded by now need not be looked at each time.
        gc.collect()
        gc.freeze()
        yield


app = st.App(
    "pages/main.py",
    secrets={"auth": auth_section(config, cookie_secret)} if config.signs_in else None,
    lifespan=lifespan,
    middleware=[
        Middleware(Reach, public_url=config.public_url if config.signs_in else ""),
        Middleware(Front, signed_in=signed_in),
    ],
)
