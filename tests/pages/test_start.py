"""How the dashboard's server starts, and when it does not."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 60.0


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_a_server_that_others_could_reach_ends_with_one_sentence_before_anything_is_made(
    tmp_path: Path, address: str
) -> None:
    with socket.socket() as probe:  # one that no other dashboard of this machine has
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    done = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", address, "--server.port", port],
        cwd=ROOT,
        env={**os.environ, "REPRISE_STORAGE": str(tmp_path / "storage")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode not in (0, -9)
    assert f"Error: The dashboard has no sign-in and does not listen on {address}.\nHint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "storage").exists()
