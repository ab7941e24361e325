"""Is this machine set up: each thing that is needed, whether it is there, and what to do if not."""

import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from core.config import Config
from core.domain.errors import RepriseError
from core.manager.examined import Check
from core.manager.readiness import Ready
from core.manager.sandbox import measure
from core.manager.serving_checks import LOOKS as SERVING
from core.stages.transcribe.models import choose
from core.store.layout import Layout
from core.system.clock import Clock
from core.system.ffmpeg import ffmpeg_path
from core.system.files import free_bytes

PACKAGES = ("streamlit", "fastapi", "faster-whisper", "ctranslate2", "watchdog", "filelock", "openai")

DOWNLOADER_DAYS = 60
SANDBOX = {
    "limits": "limits of memory, file size, files and processor time",
    "group": "own process group",
    "death": "death with the service",
    "network": "network only through the proxy",
    "files": "downloads write in their folder only",
}
NO_USER = "without a user or namespace of its own"


def examine(config: Config, clock: Clock) -> list[Check]:
    """Look at everything; what cannot be looked at is reported as not well, never raised."""
    return [_looked_at(name, look, config, clock) for name, look in LOOKS.items()]


def _looked_at(name: str, look: Callable[[Config, Clock], Check], config: Config, clock: Clock) -> Check:
    try:
        return look(config, clock)
    except RepriseError as error:
        return Check(name=name, ok=False, message=error.message, hint=error.hint)
    except OSError as error:
        return Check(name=name, ok=False, message=str(error), hint="See docs/recovery.md.")


def _python(_config: Config, _clock: Clock) -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Check(
        name="python", ok=sys.version_info >= (3, 11), message=f"Python {found}", hint="Install Python 3.11 to 3.13."
    )


def _platform(_config: Config, _clock: Clock) -> Check:
    found = platform.system()
    return Check(
        name="platform", ok=found == "Linux", message=f"{found} {platform.release()}", hint="Use a container or WSL2."
    )


def _packages(_config: Config, _clock: Clock) -> Check:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    return Check(
        name="packages",
        ok=not missing,
        message=f"missing: {', '.join(missing)}" if missing else ", ".join(found),
        hint="Run ./reprise once; it installs requirements.txt.",
    )


def _downloader(_config: Config, clock: Clock) -> Check:
    """Sites change, and yt-dlp follows: an old one first fails here and there, then has holes that are known."""
    try:
        found = version("yt-dlp")
        released = datetime.strptime(".".join(found.split(".")[:3]), "%Y.%m.%d").replace(tzinfo=UTC)
    except PackageNotFoundError:
        return Check(
            name="yt-dlp", ok=False, message="missing", hint="Run ./reprise once; it installs requirements.txt."
        )
    except ValueError:
        return Check(name="yt-dlp", ok=True, message=f"{found}, whose version is no date")
    days = (clock.now() - released).days
    return Check(
        name="yt-dlp",
        ok=days <= DOWNLOADER_DAYS,
        message=f"{found}, {days} days old" if days > 0 else found,
        hint=f"{sys.executable} -m pip install --upgrade yt-dlp, then start Reprise again.",
    )


def _sandbox(_config: Config, _clock: Clock) -> Check:
    found = measure()
    active = ", ".join(said for name, said in SANDBOX.items() if getattr(found, name))
    lacking = ", ".join(said for name, said in SANDBOX.items() if not getattr(found, name))
    return Check(
        name="sandbox",
        ok=not lacking,
        message=f"{active or 'nothing'}" + (f"; not in force: {lacking}" if lacking else "") + f"; {NO_USER}",
        hint="Do not work on what strangers made on this machine; see docs/security.md.",
    )


def _storage(config: Config, _clock: Clock) -> Check:
    layout = Layout(config.storage_path)
    warnings = layout.create()
    return Check(name="storage", ok=True, message="; ".join([str(layout.root), *warnings]))


def _space(config: Config, _clock: Clock) -> Check:
    free = free_bytes(config.storage_path)
    return Check(
        name="disk space",
        ok=free > config.free_space_bytes,
        message=f"{free / 1e9:.1f} GB free",
        hint=f"Nothing is started below {config.free_space_bytes / 1e9:.1f} GB (REPRISE_FREE_SPACE_BYTES).",
    )


def _ffmpeg(_config: Config, _clock: Clock) -> Check:
    return Check(name="ffmpeg", ok=True, message=ffmpeg_path())


def _model(config: Config, _clock: Clock) -> Check:
    found = choose("auto", "auto", config.models_dir, hub=False)
    return Check(name="speech model", ok=True, message=found.name)


def _llm(config: Config, _clock: Clock) -> Check:
    if not config.llm_base_url:
        return Check(name="language model", ok=True, message="none configured; quotes and summaries are made offline")
    ok = bool(config.llm_model)
    return Check(
        name="language model",
        ok=ok,
        message=f"{config.llm_model or 'no model named'} at {config.llm_base_url}",
        hint="Set REPRISE_LLM_MODEL.",
    )


def _service(config: Config, clock: Clock) -> Check:
    seen = Ready(Layout(config.storage_path), clock, config.rescan_s).look()
    if not seen.service:
        return Check(name="service", ok=True, message="not running; ./reprise or ./reprise serve starts it")
    hangs = seen.reason is not None and "no turn" in seen.reason
    return Check(
        name="service",
        ok=not hangs,
        message=seen.reason or "running",
        hint="Look at the disk; then end its process (kill -9): nothing but units in flight is done again.",
    )


LOOKS: dict[str, Callable[[Config, Clock], Check]] = {
    "python": _python,
    "platform": _platform,
    "packages": _packages,
    "yt-dlp": _downloader,
    "sandbox": _sandbox,
    "storage": _storage,
    "disk space": _space,
    "ffmpeg": _ffmpeg,
    "speech model": _model,
    "language model": _llm,
    "service": _service,
    **SERVING,
}
