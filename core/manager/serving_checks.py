"""What a server needs beside a set-up that works: doors, secrets, clock, limits, and whoever has to be told."""

import os
import re
import resource
import socket
import stat
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core.config import PREFIX, SECRETS, Config
from core.domain.errors import RepriseError
from core.manager.examined import Check
from core.store.journal import Journal
from core.store.layout import Layout
from core.system.clock import Clock
from core.system.network import is_this_machine

if TYPE_CHECKING:
    from core.notify.ways import Way

PATIENCE_S = 3.0
LEAST_FILES = 1024
LEAST_INODES = 20_000
LEAST_WATCHES = 128
AHEAD = timedelta(minutes=5)
UNITS = Path("/etc/systemd/system")
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def doors(config: Config, _clock: Clock) -> Check:
    """Whether the dashboard and the API can listen where they are to, or do so."""
    bad, good = [], []
    for name, host, port in (("dashboard", config.host, config.port), ("API", config.api_host, config.api_port)):
        try:
            said = _door(host, port)
        except OSError as error:
            bad.append(f"{name}: {host} port {port} cannot be used: {error.strerror or error}")
        else:
            good.append(f"{name} {said} on {host} port {port}")
    return Check(
        name="ports",
        ok=not bad,
        message="; ".join([*bad, *good]),
        hint="REPRISE_PORT and REPRISE_API_PORT change them.",
    )


def _door(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            if _is_reprise(host, port):
                return "answers"
            raise
    return "can listen"


def _is_reprise(host: str, port: int) -> bool:
    import http.client  # with it comes what few commands need

    home = host if is_this_machine(host) else "127.0.0.1"
    asked = http.client.HTTPConnection(home, port, timeout=PATIENCE_S)
    try:
        asked.request("GET", "/healthz")
        return asked.getresponse().read(100) == b'{"status":"ok"}'
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def reach(config: Config, _clock: Clock) -> Check:
    """Who can reach it, and whether they are asked who they are."""
    wide = [host for host in (config.host, config.api_host) if not is_this_machine(host)]
    if not wide:
        return Check(name="reach", ok=True, message="this machine only")
    ok = bool(config.public_url) and (config.signs_in or is_this_machine(config.host))
    said = f"others, as {config.public_url}; people sign in" if ok else f"it would not start on {', '.join(wide)}"
    return Check(name="reach", ok=ok, message=said, hint="See docs/security.md: letting others in.")


def secrets(config: Config, _clock: Clock) -> Check:
    """Whether what is nobody's business can be read by this account alone."""
    layout, named = Layout(config.storage_path), os.environ.get(f"{PREFIX}CONFIG", "reprise.toml")
    inside = [layout.root, layout.link_key(), *sorted(layout.access.rglob("*"))]
    open_ = [path.name for path in inside if path.exists() and _others_may_read(path)]
    given = Path(named).expanduser()
    try:
        holds = re.search(rf"^\s*({'|'.join(SECRETS)})\s*=", given.read_text("utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        holds = None
    if holds and _others_may_read(given):
        open_.append(str(given))
    files = [config.smtp_password_file, config.webhook_secret_file]
    open_ += [name for name in files if name and Path(name).exists() and _others_may_read(Path(name))]
    return Check(
        name="secrets",
        ok=not open_,
        message=f"others on this machine may read {', '.join(open_)}" if open_ else "for this account alone",
        hint="chmod go= FILE; the storage folder has to be 0700.",
    )


def _others_may_read(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def clock_goes(config: Config, clock: Clock) -> Check:
    """Whether the clock is behind what was written already: ids and logs would be out of order."""
    layout = Layout(config.storage_path)
    last = Journal(layout, clock).events(limit=1) if layout.journal.is_dir() else []
    written = msgspec.convert(last[0].t, type=type(clock.now()), strict=False) if last else None
    behind = written is not None and written > clock.now() + AHEAD
    return Check(
        name="clock",
        ok=not behind,
        message=f"behind: something was written at {last[0].t}" if behind else f"{clock.now():%Y-%m-%d %H:%M} UTC",
        hint="Set the clock (timedatectl); until then times stand still.",
    )


def limits(config: Config, _clock: Clock) -> Check:
    """Whether there are enough file descriptors, file watches and inodes."""
    files, status = resource.getrlimit(resource.RLIMIT_NOFILE)[0], os.statvfs(config.storage_path)
    try:
        watches = int(INOTIFY.read_text("ascii"))
    except (OSError, ValueError):
        watches = LEAST_WATCHES
    few = [f"{files} open files"] if files < LEAST_FILES else []
    few += [f"{watches} file watches"] if watches < LEAST_WATCHES else []
    few += [f"{status.f_favail} inodes"] if status.f_files and status.f_favail < LEAST_INODES else []
    return Check(
        name="limits",
        ok=not few,
        message=f"only {', '.join(few)}" if few else f"{files} open files, {watches} file watches",
        hint="ulimit -n 65536 (LimitNOFILE in a unit); sysctl fs.inotify.max_user_instances=512.",
    )


def units(_config: Config, _clock: Clock) -> Check:
    """Whether the units of systemd that are installed start something that is there."""
    lost, found = [], []
    for path in sorted(UNITS.glob("reprise*.service")):
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found.append(path.name)
        for name, value in re.findall(r"^(ExecStart|WorkingDirectory)=[-+@!:]*(\S+)", text, re.MULTILINE):
            there = os.access(value, os.X_OK) if name == "ExecStart" else Path(value).is_dir()
            lost += [] if there else [f"{path.name}: {name}={value} is not there"]
    said = "; ".join(lost) or (", ".join(found) if found else "none installed")
    return Check(name="units", ok=not lost, message=said, hint="Correct the paths, then systemctl daemon-reload.")


def told(config: Config, clock: Clock) -> Check:
    """Whether whoever is to be told of what happens can be: each way is tried without sending anything."""
    from core.notify.ways import ways  # it brings asyncio, for the proxy of webhooks

    found = ways(config, clock)
    tried = [(way.label, *_problem(way)) for way in found]
    wrong = [(label, problem, hint) for label, problem, hint in tried if problem]
    said = "; ".join(f"{label}: {problem}" for label, problem, _ in wrong)
    return Check(
        name="notifications",
        ok=not wrong,
        message=said or ", ".join(way.target for way in found) or "only in the dashboard",
        hint=next((hint for *_, hint in wrong if hint), "docs/configuration.md, notify_… and smtp_…."),
    )


def _problem(way: "Way") -> tuple[str, str]:
    """What is wrong with a way, and what to do; a server that takes long is not waited for."""
    from core.notify.message import NotSent

    probe: Callable[[], None] | None = getattr(way.channel, "probe", None)
    if way.problem or probe is None:
        return way.problem, way.hint
    found: list[tuple[str, str]] = []

    def try_it() -> None:
        try:
            probe()
            found.append(("", ""))
        except NotSent as error:
            found.append((str(error), ""))
        except RepriseError as error:
            found.append((error.message, error.hint))

    trying = threading.Thread(target=try_it, daemon=True, name="doctor")
    trying.start()
    trying.join(PATIENCE_S)
    return found[0] if found else (f"it does not answer within {PATIENCE_S:.0f} s", "")


LOOKS: dict[str, Callable[[Config, Clock], Check]] = {
    "ports": doors,
    "reach": reach,
    "secrets": secrets,
    "clock": clock_goes,
    "limits": limits,
    "notifications": told,
    "units": units,
}
