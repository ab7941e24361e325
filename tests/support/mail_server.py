"""A real SMTP server on loopback: what it was given, and how it treats whoever hands something in."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "reprise@example.org", "correct horse"


@cache
def authority() -> trustme.CA:
    """Who signs the certificate of the server."""
    return trustme.CA()


@contextmanager
def trusted(environ: dict[str, str]) -> Iterator[None]:
    """Let everything that reads this environment trust the server's certificate, for a block."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ca.pem"
        authority().cert_pem.write_to_path(str(path))
        environ["SSL_CERT_FILE"] = str(path)
        try:
            yield
        finally:
            del environ["SSL_CERT_FILE"]


class Post:
    """Takes mail; `answer` is what it says to it. `taking` is set while it has one, which it keeps until `go`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answer = "250 taken"
        self.refused: dict[str, str] = {}
        self.taking = threading.Event()
        self.go: threading.Event | None = None

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        del session
        self.taking.set()
        if self.go is not None:
            await server.loop.run_in_executor(None, self.go.wait, 30)
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.envelopes.append(envelope)
        return self.answer


def _known(server: Any, session: Session, envelope: Envelope, mechanism: str, auth_data: Any) -> AuthResult:
    del server, session, envelope, mechanism
    given = isinstance(auth_data, LoginPassword) and (auth_data.login, auth_data.password)
    return AuthResult(success=given == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(*, security: str = "none", auth: bool = False, port: int = 0) -> Iterator[tuple[Post, int]]:
    """A server for a block: what it has got, and its port."""
    post, context = Post(), None
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority().issue_cert("localhost", "127.0.0.1").configure_cert(context)
    controller = Controller(
        post,
        hostname="127.0.0.1",
        port=port or _free_port(),
        ssl_context=context if security == "tls" else None,
        tls_context=context if security == "starttls" else None,
        require_starttls=security == "starttls",
        auth_required=auth,
        auth_require_tls=security == "starttls",
        authenticator=_known if auth else None,
    )
    controller.start()
    try:
        yield post, controller.port
    finally:
        if post.go is not None:
            post.go.set()
        controller.stop()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
