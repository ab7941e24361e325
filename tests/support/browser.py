"""The dashboard as its user has it: `streamlit run app.py` in a process of its own, looked at with Chromium."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

from core.store.layout import Layout
from core.store.locks import Lock
from tests.support.machine import browser_path
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
READY = '[data-testid="stApp"][data-test-script-state="notRunning"][data-test-connection-state="CONNECTED"]'


def launch(playwright: Playwright) -> Browser:
    """The browser of this machine, without a window."""
    return playwright.chromium.launch(executable_path=browser_path(), args=list(FLAGS))


class Dashboard:
    """A dashboard on a storage, on a port of its own."""

    def __init__(self, storage: Path, **environment: str) -> None:
        self.storage = storage
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        named = {"REPRISE_STORAGE": str(storage), "REPRISE_HUB": "false", "REPRISE_FREE_SPACE_BYTES": "0"}
        self.environment = {**os.environ, **named, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._log = storage.parent / f"{storage.name}-dashboard.log"

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(lambda: self._answers() or self._process is None or self._process.poll() is not None)
        assert self._answers(), self.log()

    def stop(self, number: int = signal.SIGTERM, patience_s: float = 30) -> None:
        """Tell it to stop and wait until it has."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(patience_s)
            self._process = None

    def end_service(self) -> None:
        """Stop it, and its service, which one that was killed left behind for the next, and wait until that has ended."""
        lock = Lock(Layout(self.storage).service_lock())
        holder = lock.holder()
        self.stop()  # else it starts another
        if holder is not None and lock.held_by_other():
            os.kill(holder.pid, signal.SIGTERM)
            until(lambda: not lock.held_by_other())

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What the server said."""
        return self._log.read_text("utf-8", "replace")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def tab(browser: Browser, dashboard: Dashboard, path: str = "/", **options: Any) -> Iterator[Page]:
    """A tab with a page of the dashboard; at its end nothing was fetched from elsewhere and no script had failed.

    Tabs without `options` share one window, so that the browser fetches Streamlit's own scripts once.
    """
    usual = not options
    options.setdefault("viewport", {"width": 1280, "height": 900})
    shared = [context for context in browser.contexts if usual]
    context = shared[0] if shared else browser.new_context(**options)
    page = context.new_page()
    abroad: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: None if is_home(request.url, dashboard) else abroad.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        go(page, dashboard, path)
        yield page
        assert not abroad, f"fetched from elsewhere: {abroad}"
        assert not errors, f"errors in scripts: {errors}"
    finally:
        page.close()
        if not usual:
            context.close()


def go(page: Page, dashboard: Dashboard, path: str) -> None:
    """Open a page and wait until it is drawn and live."""
    page.goto(dashboard.url + path)
    settled(page)
    page.wait_for_function("document.documentElement.dataset.repriseLive === 'on'")


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end."""
    page.wait_for_selector(READY)


def is_home(url: str, dashboard: Dashboard) -> bool:
    """Whether an address is this dashboard's, or needs no network at all."""
    return url.startswith((dashboard.url, dashboard.url.replace("http", "ws", 1), "data:", "blob:"))
