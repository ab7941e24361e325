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
from core.api.guard import ThisMachine
from core.api.process import refusal, serving

ADDRESS = st.get_option("server.address")
if (refused := refusal(ADDRESS)) is not None:  # here it is one sentence; out of the lifespan it would be a traceback
    sys.exit(f"Error: {refused.message}\nHint: {refused.hint}")


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """From the server's start, with or without a browser, until it is told to stop."""
    del app
    async with serving(ADDRESS):
        # Streamlit collects garbage after every run of a script; what is loaded by now need not be looked at each time.
        gc.collect()
        gc.freeze()
        yield


app = st.App("pages/main.py", lifespan=lifespan, middleware=[Middleware(ThisMachine), Middleware(Front)])
