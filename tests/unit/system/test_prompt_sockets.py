"""What a server that was given its socket accepts answers at once."""

import socket
from pathlib import Path

from core.system.prompt_sockets import answer_promptly

OPEN = Path("/proc/self/fd")


def test_what_is_accepted_from_then_on_holds_nothing_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0, "else there is nothing to do"
        assert answer_promptly() >= 1
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_files_and_other_sockets_are_left_alone() -> None:
    one, other = socket.socketpair()
    with one, other:
        before = answer_promptly()
        with socket.create_server(("127.0.0.1", 0)):
            assert answer_promptly() == before + 1
        one.send(b"x")
        assert other.recv(1) == b"x"


def test_no_file_that_is_open_is_opened_once_more() -> None:
    before = len(list(OPEN.iterdir()))
    answer_promptly()
    assert len(list(OPEN.iterdir())) == before
