"""E-mail: one message to all recipients, handed to one server, never twice."""

import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

import msgspec

from core.domain.errors import BadInput
from core.notify.message import Message, NotSent, Unsure
from core.system.clock import Clock
from core.system.network import is_this_machine, wire_host

Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
MOST_RECIPIENTS = 20
MAX_SUBJECT = 150
# A server may think for long about a message it has got whole (RFC 5321, 4.5.3.2.6 says ten minutes).
TAKING_S = 120.0
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_HEADER = re.compile(rb"^([^\s:]+):", re.MULTILINE)
_NOT_TEXT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail is handed in, as whom, and who gets it. `timeout_s` is for each answer of the server."""

    host: str
    recipients: tuple[str, ...]
    sender: str
    security: Security = "starttls"
    port: int = 0
    user: str = ""
    password: str = ""
    timeout_s: float = 15.0


class Mail:
    """A channel that hands messages to an SMTP server. Raises `BadInput` for settings that cannot be used."""

    name, label = "mail", "E-mail"

    def __init__(self, settings: MailSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._to = recipients(settings.recipients)
        self._from = address(settings.sender)
        if settings.user and settings.security == "none" and not is_this_machine(settings.host):
            raise BadInput(
                "The password for e-mail would be sent in the clear.", hint="Set smtp_security to starttls or tls."
            )

    def send(self, message: Message, handing_over: Callable[[], None]) -> str:
        """As the protocol says; what some of the recipients' servers refuse is told, and the others have it."""
        mail = self.made(message)
        head = mail.as_bytes().partition(b"\r\n\r\n")[0]
        if _HEADER.findall(head) != [name.encode() for name in mail]:
            raise NotSent("The message cannot be written as a mail.", lasting=True)
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise _not_sent(error, self._settings.host) from None
        try:
            return self._handed_over(server, mail, handing_over)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def probe(self) -> None:
        """Sign in and leave again; raises `NotSent` with the reason when that is not possible."""
        try:
            with self._connected() as server:
                server.noop()
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise _not_sent(error, self._settings.host) from None

    def made(self, message: Message) -> EmailMessage:
        """The mail, whose headers hold nothing but what belongs there."""
        mail = EmailMessage(policy=SMTP.clone(max_line_length=78))
        # The library decodes what looks like an encoded word, line breaks and all, and writes those out.
        subject = one_line(message.subject).replace("=?", "= ?")
        mail["Subject"] = subject if len(subject) <= MAX_SUBJECT else subject[: MAX_SUBJECT - 1] + "…"
        mail["From"] = Address("Reprise", addr_spec=self._from)
        mail["To"] = tuple(Address(addr_spec=to) for to in self._to)
        mail["Date"] = self._clock.now()
        mail["Message-ID"] = f"<{message.id}@{self._from.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of an absent person comes back
        mail.set_content(_NOT_TEXT.sub("�", message.text), cte="quoted-printable")
        return mail

    def _connected(self) -> smtplib.SMTP:
        """A session with the server, protected and signed in as the settings want it, or none."""
        given = self._settings
        port = given.port or PORTS[given.security]
        if given.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                given.host, port, timeout=given.timeout_s, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(given.host, port, timeout=given.timeout_s)
        try:
            if given.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if given.user:
                server.login(given.user, given.password)
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server

    def _handed_over(self, server: smtplib.SMTP, mail: EmailMessage, handing_over: Callable[[], None]) -> str:
        refused: dict[str, str] = {}
        try:
            code, said = server.mail(self._from)
            if code != 250:
                raise smtplib.SMTPResponseException(code, said)
            for to in self._to:
                code, said = server.rcpt(to)
                if code not in (250, 251):
                    refused[to] = f"{code} {_text(said)}"
            if len(refused) == len(self._to):
                lasting = all(reason.startswith("5") for reason in refused.values())
                raise NotSent(f"The mail server takes no recipient: {next(iter(refused.values()))}.", lasting=lasting)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise _not_sent(error, self._settings.host) from None
        handing_over()
        try:
            if server.sock is not None:
                server.sock.settimeout(TAKING_S)
            code, said = server.data(mail.as_bytes())
        except smtplib.SMTPDataError as error:  # it did not even want to see it
            raise _not_sent(error, self._settings.host) from None
        except (OSError, smtplib.SMTPException) as error:
            raise Unsure(f"The mail server broke off while it took the message ({_reason(error)}).") from None
        if code != 250:
            raise _not_sent(smtplib.SMTPResponseException(code, said), self._settings.host)
        return "; ".join(f"{to} was refused: {reason}" for to, reason in refused.items())


def recipients(given: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses, each once; raises `BadInput` for one that is none, for none at all and for too many."""
    found = tuple(dict.fromkeys(address(one) for one in given))
    if not found:
        raise BadInput("Nobody is named to get e-mail.", hint="Name somebody in notify_email.")
    if len(found) > MOST_RECIPIENTS:
        raise BadInput(
            f"{len(found)} recipients are more than {MOST_RECIPIENTS}.", hint="Use a mailing list's one address."
        )
    return found


def address(given: str) -> str:
    """A plain address, `name@host`, its host as it goes on the wire; raises `BadInput` for anything else."""
    local, at, host = given.strip().rpartition("@")
    wrong = BadInput(f"“{one_line(given)[:80]}” is no e-mail address.", hint="Example: ana@example.org")
    if not at or not _LOCAL.fullmatch(local) or len(local) > 64:
        raise wrong
    try:
        return f"{local}@{wire_host(host)}"
    except BadInput:
        raise wrong from None


def one_line(text: str) -> str:
    """`text` as one line without anything that could end a header or turn its direction."""
    return " ".join(_NOT_TEXT.sub(" ", text).split())


def _not_sent(error: Exception, host: str) -> NotSent:
    """Why it did not go, for people; an answer that begins with 5 means that it never will, but for a wrong password."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return NotSent(f"{host} does not accept the user name and password: {_reason(error)}.")
        case smtplib.SMTPNotSupportedError():
            return NotSent(f"{host} cannot do what is wanted of it: {_reason(error)}.")
        case smtplib.SMTPResponseException():
            return NotSent(f"{host} refuses the message: {_reason(error)}.", lasting=500 <= error.smtp_code < 600)
        case ssl.SSLError():
            return NotSent(f"There is no safe connection to {host}: {_reason(error)}.")
        case TimeoutError() | smtplib.SMTPServerDisconnected(__context__=TimeoutError()):
            return NotSent(f"{host} does not answer in time.")
    return NotSent(f"{host} cannot be reached: {_reason(error)}.")


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}".strip()
    return one_line(str(getattr(error, "strerror", None) or error))[:200].rstrip(".") or type(error).__name__


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return one_line(text)[:200].rstrip(".")
