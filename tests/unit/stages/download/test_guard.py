"""What the download process cannot do, whatever it is told: tried in a process that is locked down."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.media_server import MediaServer

ROOT = Path(__file__).parents[4]


def attempt(work: Path, port: int, code: str) -> str:
    """What a locked-down process says after trying `code`: `done`, or the name of the error."""
    script = (
        "import os, socket, subprocess, sys, urllib.request\n"
        "from pathlib import Path\n"
        "from core.stages.download.guard import lock_down\n"
        f"lock_down(Path({str(work)!r}), {port})\n"
        f"try:\n    {code}\n    print('done')\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('127.0.0.1', {canary}), timeout=5)",
        "socket.getaddrinfo('example.com', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {canary}))",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.posix_spawn('/bin/true', ['true'], {{}})",
        "os.execv('/bin/true', ['true'])",
        "open('{outside}/PWN', 'w')",
        "os.open('{outside}/PWN', os.O_CREAT | os.O_WRONLY)",
        "open('{work}/../PWN', 'w')",
        "os.mkdir('{outside}/PWN')",
        "os.rename('{work}/mine', '{outside}/PWN')",
        "os.link('{outside}/keep', '{work}/linked')",
        "os.remove('{outside}/keep')",
        "open('{work}/link-outside', 'w')",
    ],
)
def test_what_is_outside_is_out_of_reach(tmp_path: Path, code: str) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    outside.mkdir()
    (work / "mine").write_text("mine")
    (outside / "keep").write_text("keep")
    (work / "link-outside").symlink_to(outside / "keep")
    with MediaServer() as canary:
        said = attempt(work, 1, code.format(canary=canary.port, outside=outside, work=work))
        assert said in ("PermissionError", "FileNotFoundError"), said
        assert canary.hits == []
    assert [path.name for path in outside.iterdir()] == ["keep"]
    assert (outside / "keep").read_text() == "keep"
    assert not (tmp_path / "PWN").exists()


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('127.0.0.1', {port}), timeout=5)",
        "open('{work}/new', 'w')",
        "os.rename('{work}/mine', '{work}/yours')",
        "open('/etc/hostname').read()",
        "open('/dev/null', 'w')",
    ],
)
def test_what_the_work_needs_is_possible(tmp_path: Path, code: str) -> None:
    (tmp_path / "mine").write_text("mine")
    with MediaServer() as proxy:
        assert attempt(tmp_path, proxy.port, code.format(port=proxy.port, work=tmp_path)) == "done"
