"""A client of WebSockets that speaks by hand: it sees what a server answers before there is one, and may stop reading."""

import base64
import json
import os
import socket
import struct
from typing import Any

LIMIT_S = 30.0
TEXT, CLOSE = 1, 8


class Socket:
    """One WebSocket; `status` is 101 when it was taken, else `body` says why not."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), LIMIT_S)
        asked = {
            "Host": f"127.0.0.1:{port}",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items()), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        self.body = self._file.read(length) if self.status != 101 else b""

    def read(self) -> dict[str, Any] | int:
        """The next document, or the code with which the server closed."""
        while True:
            first, second = self._file.read(2)
            length = second & 127
            if length == 126:
                (length,) = struct.unpack(">H", self._file.read(2))
            payload = self._file.read(length)
            if first & 15 == CLOSE:
                (code,) = struct.unpack(">H", payload[:2])
                return int(code)
            if first & 15 == TEXT:
                found: dict[str, Any] = json.loads(payload)
                return found

    def close(self) -> None:
        """Go away without a word."""
        self._file.close()
        self._socket.close()
