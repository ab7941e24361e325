"""The frame of every page: its style, the sidebar, and which page the address names."""

from pathlib import Path

import streamlit as st

from pages.components.live import survive_restart
from pages.components.sidebar import sidebar
from pages.components.sign_in import let_in

STYLE = Path(__file__).parent / "components" / "style.css"

st.set_page_config(page_title="Reprise", page_icon="🎞️", layout="wide")
st.html(STYLE)
page = st.navigation(
    [
        st.Page("overview.py", title="Overview", default=True),
        st.Page("new_batch.py", title="New batch", url_path="new"),
        st.Page("batches.py", title="Batches", url_path="batches"),
        st.Page("queue_page.py", title="Queue", url_path="queue"),
        st.Page("run.py", title="Run", url_path="run"),
        st.Page("exports.py", title="Exports", url_path="exports"),
        st.Page("search.py", title="Search", url_path="search"),
        st.Page("notifications.py", title="Notifications", url_path="notifications"),
        st.Page("settings.py", title="Settings", url_path="settings"),
        st.Page("health.py", title="Health", url_path="health"),
    ],
    position="hidden",
)
if not let_in():
    st.stop()
survive_restart()
sidebar()
page.run()
