"""What is sent, and what every way of sending promises."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: a subject and a text for people, and the same as data for programs.

    It keeps its `id` however often it is tried. `subject` and `text` may hold titles of others: a channel sees to it
    that nothing in them is taken for anything else than text.
    """

    id: str
    type: str
    at: datetime
    subject: str
    text: str
    data: dict[str, Any]


def new_message_id() -> str:
    """An id that no other message has."""
    return f"d_{secrets.token_hex(12)}"


class NotSent(Exception):
    """It certainly did not arrive; `lasting` when trying it again cannot help, as it is."""

    def __init__(self, message: str, *, lasting: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message, self.lasting, self.retry_after_s = message, lasting, retry_after_s


class Unsure(Exception):
    """It may have arrived or not, and whoever got it could not tell a second one from it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Channel(Protocol):
    """One way of telling people."""

    name: str
    label: str

    def send(self, message: Message, handing_over: Callable[[], None]) -> str:
        """Send it, and return when the other side has taken it, with what it refused of it (empty: nothing).

        `handing_over` is called before the moment from which on it may have arrived, unless receivers know a message
        that they got before. Raises `NotSent` or `Unsure`, nothing else.
        """
        ...
