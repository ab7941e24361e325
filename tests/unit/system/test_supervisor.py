"""Whoever started us is told, where it asked to be; nobody else is, and nothing depends on it."""

import socket
from pathlib import Path

from core.system.supervisor import Supervisor


def test_a_supervisor_hears_of_start_life_and_end(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(address))
        supervisor = Supervisor({"NOTIFY_SOCKET": str(address)})
        supervisor.ready("works on /srv")
        supervisor.alive()
        supervisor.stopping()
        said = [listening.recv(1000) for _ in range(3)]
    assert said == [b"READY=1\nSTATUS=works on /srv", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0reprise-test-notify")
        Supervisor({"NOTIFY_SOCKET": "@reprise-test-notify"}).alive()
        assert listening.recv(100) == b"WATCHDOG=1"


def test_without_a_supervisor_or_with_one_that_is_gone_nothing_happens(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody")}):
        Supervisor(environ).alive()
