"""Which tools this machine has for the tests that need more than Python; each is found out once."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.support.node import missing as node_missing

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing_for(marker: str) -> str:
    """Why tests with this marker cannot run here, or an empty text; unknown markers need nothing."""
    find: dict[str, Callable[[], str]] = {
        "browser": _browser,
        "curl": _curl,
        "node": node_missing,
        "root": _root,
        "speech": _speech,
        "strace": _strace,
    }
    return find[marker]() if marker in find else ""


def browser_path() -> str | None:
    """The browser of this machine, for `playwright.chromium.launch(executable_path=…)`."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@functools.cache
def _browser() -> str:
    return "" if browser_path() else "no Chromium on this machine (apt install chromium)"


@functools.cache
def _curl() -> str:
    missing = [name for name in ("curl", "openssl") if not shutil.which(name)]
    return f"no {' and '.join(missing)} on this machine (apt install {' '.join(missing)})" if missing else ""


@functools.cache
def _speech() -> str:
    return "" if shutil.which("espeak-ng") else "no espeak-ng on this machine (apt install espeak-ng)"


@functools.cache
def _strace() -> str:
    if not shutil.which("strace"):
        return "no strace on this machine (apt install strace)"
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "strace may not trace here (ptrace is not permitted)"


@functools.cache
def _root() -> str:
    if os.geteuid() != 0:
        return "needs root, for loop devices and mounts"
    for tool in ("losetup", "mkfs.ext4", "mount"):
        if not shutil.which(tool):
            return f"no {tool} on this machine"
    with tempfile.TemporaryDirectory() as folder:
        return _try_mount(Path(folder))


def _try_mount(folder: Path) -> str:
    """Mount a small image for a moment: containers may be root and still have no loop devices."""
    image, target = folder / "image", folder / "target"
    target.mkdir()
    with image.open("wb") as file:
        file.truncate(2**20 * 4)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, target], capture_output=True, text=True, check=False)
    if mounted.returncode:
        return f"no loop devices or mounts here ({mounted.stderr.strip().splitlines()[0]})"
    subprocess.run(["umount", target], check=True)
    return ""
