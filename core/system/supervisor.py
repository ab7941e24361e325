"""Telling whoever started this process, such as systemd, that it is ready, alive or about to end (`sd_notify`)."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Supervisor:
    """Says nothing where nobody asked to be told (`NOTIFY_SOCKET`); what cannot be said is not worth an error."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")

    def ready(self, status: str) -> None:
        """Everything is started; `status` is one line for people."""
        self._tell(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """It goes on; whoever does not hear this for long (`WatchdogSec`) may start it anew."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """It ends on purpose."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaking:
            speaking.connect(address)
            speaking.sendall(message.encode())
