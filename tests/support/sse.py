"""A client of server-sent events that speaks HTTP by hand: it can read, stop reading, and come back."""

import json
import socket
from typing import Any

LIMIT_S = 30.0


class Events:
    """One open stream; `read` gives the next event, `close` goes away."""

    def __init__(self, port: int, path: str, token: str, after: str = "", receive_bytes: int = 0) -> None:
        self._socket = socket.socket()
        if receive_bytes:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self._socket.settimeout(LIMIT_S)
        self._socket.connect(("127.0.0.1", port))
        headers = {"Host": f"127.0.0.1:{port}", "Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        headers |= {"Last-Event-ID": after} if after else {}
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._file = self._socket.makefile("rb")
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = after

    def open(self) -> "Events":
        """Read the head of the answer."""
        self.status = int(self._file.readline().split()[1])
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        return self

    def read(self) -> dict[str, Any] | None:
        """The next event; None when the stream has ended."""
        data, id_ = "", ""
        while True:
            line = self._line()
            if line is None:
                return None
            if not line and data:
                self.last_id = id_ or self.last_id
                found: dict[str, Any] = json.loads(data)
                return found
            name, _, value = line.partition(": ")
            if name == "data":
                data = value
            elif name == "id":
                id_ = value

    def until(self, **wanted: Any) -> dict[str, Any]:
        """The next event that has these values."""
        while (found := self.read()) is not None:
            if found | wanted == found:
                return found
        raise AssertionError(f"the stream ended without {wanted}")

    def rest(self) -> list[dict[str, Any]]:
        """All that comes until the stream ends."""
        found = []
        while (one := self.read()) is not None:
            found.append(one)
        return found

    def close(self) -> None:
        """Go away."""
        self._file.close()
        self._socket.close()

    def _line(self) -> str | None:
        """A line of the body, which comes in chunks that are whole lines; None after the last chunk.

        Raises `ConnectionError` when the connection breaks off before that.
        """
        while True:
            line = self._file.readline()
            if not line:
                raise ConnectionError("the stream broke off")
            text = line.decode().rstrip("\r\n")
            if line.endswith(b"\r\n"):  # of a chunk: its length, or its end
                if text == "0":
                    return None
                continue
            return text
