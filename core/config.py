"""The configuration: defaults < `reprise.toml` < environment `REPRISE_…` < flags, read once and frozen."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from core.domain.capacity import Capacity
from core.domain.errors import BadInput
from core.domain.notices import kinds_in

PREFIX = "REPRISE_"
# Read by tools beside the configuration, the last two by `core.client`, so they are no mistakes when found in the environment.
OTHER_VARIABLES = frozenset({"CONFIG", "PYTHON", "KEEP_SERVICE", "URL", "TOKEN"})

# Settings whose values are nobody's business; each is struck out wherever this process writes.
SECRETS = ("llm_api_key", "oidc_client_secret", "smtp_password", "webhook_secret")

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a process of Reprise is configured by. Durations end in `_s` (seconds), sizes in `_bytes`."""

    storage: str = "storage"
    port: Port = 8501
    host: str = "127.0.0.1"
    api_port: Port = 8600
    api_host: str = "127.0.0.1"
    public_url: str = ""
    oidc_metadata_url: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_verified: bool = True
    allowed_hosts: str = ""
    user: str = ""
    tier: str = ""
    tiers: str = ""
    models_dir: str = ""
    hub: bool = True
    network_workers: Count = 2
    cpu_workers: Count = 1
    api_workers: Count = 2
    transcribe_threads: Annotated[int, msgspec.Meta(ge=0)] = 0
    llm_base_url: str = ""
    llm_model: str = ""
    llm_api_key: str = ""
    llm_timeout_s: Positive = 120.0
    socket_timeout_s: Positive = 15.0
    max_media_bytes: Count = 2 * 1024**3
    max_media_s: Positive = 12 * 3600.0
    free_space_bytes: int = 500 * 1024**2
    inbox: str = ""
    inbox_settle_s: Positive = 5.0
    retry_base_s: Positive = 2.0
    retry_cap_s: Positive = 30.0
    stall_s: Positive = 300.0
    stall_recovery: Literal["manual", "automatic"] = "manual"
    max_recoveries: Count = 3
    stage_timeout_s: Positive = 6 * 3600.0
    run_timeout_s: Positive = 6 * 3600.0
    batch_timeout_s: Positive = 6 * 3600.0
    cancel_grace_s: Positive = 10.0
    auto_pause_failures: Annotated[int, msgspec.Meta(ge=0)] = 5
    breaker_failures: Count = 3
    breaker_open_s: Positive = 30.0
    rate_limit_give_up_s: Positive = 12 * 3600.0
    max_runs_per_user: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_streams_per_user: Count = 250
    min_free_memory_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_load_per_core: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    pause_free_s: Positive = 60.0
    export_kept_s: Positive = 24 * 3600.0
    archive_after_s: Annotated[float, msgspec.Meta(ge=0)] = 30 * 24 * 3600.0
    unused_kept_s: Annotated[float, msgspec.Meta(ge=0)] = 24 * 3600.0
    notify_events: str = "batch_completed,batch_failed,batch_paused,run_stalled,run_poisoned"
    notify_email: str = ""
    notify_webhook: str = ""
    notify_link: str = ""
    smtp_host: str = ""
    smtp_port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_password_file: str = ""
    smtp_from: str = ""
    webhook_secret: str = ""
    webhook_secret_file: str = ""
    rescan_s: Positive = 30.0
    shutdown_s: Positive = 8.0
    start_service: bool = True
    log_format: Literal["auto", "json", "text"] = "auto"
    access_log: bool = False
    metrics_open: bool = False

    @property
    def storage_path(self) -> Path:
        """The storage folder, absolute."""
        return Path(self.storage).expanduser().absolute()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must stand in no log, no error and no file of the storage."""
        return tuple(value for name in SECRETS if (value := getattr(self, name)))

    @property
    def signs_in(self) -> bool:
        """Whether people sign in to the dashboard; else it serves this machine's user alone."""
        return bool(self.oidc_metadata_url)

    @property
    def capacity(self) -> Capacity:
        """What a service of this configuration works with."""
        return Capacity(
            lanes={"network": self.network_workers, "cpu": self.cpu_workers, "api": self.api_workers},
            transcribe_threads=self.transcribe_threads,
            max_runs_per_user=self.max_runs_per_user,
            free_space_bytes=self.free_space_bytes,
            min_free_memory_bytes=self.min_free_memory_bytes,
            max_load_per_core=self.max_load_per_core,
        )


def load_config(
    environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None, folder: Path | None = None
) -> Config:
    """The configuration of this process.

    Reads `reprise.toml` in `folder` (the present one) or where `REPRISE_CONFIG` says. `DEEPSEEK_API_KEY` and
    `OPENAI_API_KEY` stand in for `llm_api_key`. Raises `BadInput` naming the setting, where it came from and the
    nearest known name.
    """
    environ = os.environ if environ is None else environ
    named = environ.get(PREFIX + "CONFIG", "")
    path = Path(named).expanduser() if named else (folder or Path.cwd()) / "reprise.toml"
    if named and not path.is_file():
        raise BadInput(f"There is no configuration file {path}.", hint="Correct REPRISE_CONFIG, or take it away.")
    values: dict[str, Any] = {}
    for origin, given in (
        (str(path), _from_file(path)),
        ("the environment", _from_environment(environ)),
        ("the flags", dict(flags or {})),
    ):
        for name, value in given.items():
            if name not in Config.__struct_fields__:
                near = difflib.get_close_matches(name, Config.__struct_fields__, n=1)
                raise BadInput(
                    f"There is no configuration setting “{name}” ({origin}).",
                    hint=f"Did you mean {near[0]}?" if near else "docs/configuration.md lists them.",
                )
            values[name] = value
    try:
        config = msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise BadInput(
            f"The configuration setting {where.strip('`$.')} is not usable: {reason}.",
            hint="docs/configuration.md lists what is possible.",
        ) from None
    kinds_in(config.notify_events)
    _check_sign_in(config)
    return _with_known_providers(config, environ)


def _check_sign_in(config: Config) -> None:
    """Raises `BadInput` for half a sign-in: nobody is to believe that there is one."""
    needed = ("public_url", "oidc_metadata_url", "oidc_client_id", "oidc_client_secret")
    missing = [name for name in needed if not getattr(config, name)]
    if 0 < len(missing) < len(needed) and missing != list(needed[1:]):
        raise BadInput(
            f"A sign-in also needs {' and '.join(missing)}.", hint="docs/security.md shows all four, with an example."
        )
    url = urlsplit(config.public_url)
    if config.public_url and (
        url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query or url.username
    ):
        raise BadInput(
            f"The public_url {config.public_url} is no address of a server.", hint="https://reprise.example.org"
        )


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} is not valid TOML: {error}.", hint="Correct that line, or move the file away."
        ) from None


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    return {name: value for name, value in names.items() if name.upper() not in OTHER_VARIABLES}


def _with_known_providers(config: Config, environ: Mapping[str, str]) -> Config:
    """DeepSeek when its key is set and nothing else is configured; OpenAI's own address for its key."""
    replace = msgspec.structs.replace
    if not config.llm_api_key and (key := environ.get("DEEPSEEK_API_KEY")):
        return replace(
            config,
            llm_api_key=key,
            llm_base_url=config.llm_base_url or "https://api.deepseek.com",
            llm_model=config.llm_model or "deepseek-chat",
        )
    if not config.llm_api_key and (key := environ.get("OPENAI_API_KEY")):
        return replace(config, llm_api_key=key, llm_base_url=config.llm_base_url or "https://api.openai.com/v1")
    return config
