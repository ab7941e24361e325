"""The ways of telling people that the configuration names, each with the reason if it cannot be used as it is."""

from pathlib import Path

import msgspec

from core.config import Config
from core.domain.errors import BadInput, RepriseError
from core.notify.mail import Mail, MailSettings
from core.notify.message import Channel
from core.notify.webhook import Webhook, shown
from core.system import files
from core.system.clock import Clock
from core.system.network import AllowedHosts

MAX_SECRET_BYTES = 4096


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way: where it leads, for people to see, and its channel; None with the `problem` when it cannot be used."""

    name: str
    label: str
    target: str
    channel: Channel | None = None
    problem: str = ""
    hint: str = ""


def ways(config: Config, clock: Clock) -> list[Way]:
    """Every way that is configured; never raises."""
    return [*_mail(config, clock), *_webhook(config, clock)]


def secrets_of(config: Config) -> list[str]:
    """What may stand in no log: the secrets of these ways, and as much of the webhook's address as is one."""
    found = [config.smtp_password, config.webhook_secret, config.notify_webhook.partition("?")[2]]
    for path in (config.smtp_password_file, config.webhook_secret_file):
        try:
            found.append(_secret("", path))
        except RepriseError:
            continue  # it is told where it is used
    return [secret for secret in found if secret]


def _mail(config: Config, clock: Clock) -> list[Way]:
    if not config.notify_email and not config.smtp_host:
        return []
    target = ", ".join(_listed(config.notify_email))
    way = Way(name=Mail.name, label=Mail.label, target=f"{target} by {config.smtp_host or 'no server'}")
    try:
        if not config.smtp_host:
            raise BadInput("No mail server is named.", hint="Set smtp_host.")
        settings = MailSettings(
            host=config.smtp_host,
            port=config.smtp_port,
            security=config.smtp_security,
            user=config.smtp_user,
            password=_secret(config.smtp_password, config.smtp_password_file),
            sender=config.smtp_from or config.smtp_user or (_listed(config.notify_email) or [""])[0],
            recipients=tuple(_listed(config.notify_email)),
        )
        return [msgspec.structs.replace(way, channel=Mail(settings, clock))]
    except RepriseError as error:
        return [msgspec.structs.replace(way, problem=error.message, hint=error.hint)]


def _webhook(config: Config, clock: Clock) -> list[Way]:
    if not config.notify_webhook:
        return []
    way = Way(name=Webhook.name, label=Webhook.label, target="")
    try:
        way = msgspec.structs.replace(way, target=shown(config.notify_webhook))
        secret = _secret(config.webhook_secret, config.webhook_secret_file)
        allowed = AllowedHosts.parse(config.allowed_hosts)
        return [msgspec.structs.replace(way, channel=Webhook(config.notify_webhook, secret, allowed, clock))]
    except RepriseError as error:
        return [msgspec.structs.replace(way, problem=error.message, hint=error.hint)]
    except ValueError:
        return [msgspec.structs.replace(way, problem="The webhook's address cannot be read.", hint="Correct it.")]


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _secret(given: str, path: str) -> str:
    """The secret itself, or what stands in the file at `path`; raises `BadInput`."""
    if given or not path:
        return given
    try:
        return files.read_regular(Path(path).expanduser(), MAX_SECRET_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInput(f"The secret in {path} cannot be read: {said}.", hint="Correct the path, or its mode.") from None
