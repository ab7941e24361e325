"""What the doctor says of a server: a door that is taken, a secret that lies open, a clock that is behind."""

import http.server
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from core.config import Config, load_config
from core.manager import doctor, serving_checks
from core.manager.doctor import examine
from core.manager.examined import Check
from core.manager.signs_of_life import signs_of_life
from core.store.journal import Event, Journal
from core.store.layout import Layout
from core.store.locks import Lock
from core.system.clock import ManualClock


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "storage")
    layout.create()
    return layout


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def config(layout: Layout, **settings: object) -> Config:
    """The configuration of this storage."""
    named = {f"REPRISE_{name.upper()}": str(value) for name, value in settings.items()}
    return load_config({"REPRISE_STORAGE": str(layout.root), **named}, folder=layout.root)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """A server on this machine that answers everything with this; gives its port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_doors_that_are_free_or_our_own_are_well(layout: Layout, clock: ManualClock) -> None:
    with answering(b'{"status":"ok"}') as ours:
        said = serving_checks.doors(config(layout, port=ours, api_port=free_port()), clock)
    assert said.ok
    assert "dashboard answers on 127.0.0.1" in said.message
    assert "API can listen" in said.message


@pytest.mark.parametrize("body", [b"It works!", b""])
def test_a_door_that_somebody_else_has_is_named(layout: Layout, clock: ManualClock, body: bytes) -> None:
    with answering(body) as taken:
        said = serving_checks.doors(config(layout, port=taken, api_port=free_port()), clock)
    assert not said.ok
    assert said.message.startswith(f"dashboard: 127.0.0.1 port {taken} cannot be used: Address already in use")


def test_an_address_that_others_reach_is_only_well_with_a_sign_in(layout: Layout, clock: ManualClock) -> None:
    assert serving_checks.reach(config(layout), clock).ok
    assert not serving_checks.reach(config(layout, host="0.0.0.0"), clock).ok
    signed_in = {
        "public_url": "https://reprise.example.org",
        "oidc_metadata_url": "https://id.example.org/.well-known/openid-configuration",
        "oidc_client_id": "reprise",
        "oidc_client_secret": "s" * 20,
    }
    assert serving_checks.reach(config(layout, host="0.0.0.0", **signed_in), clock).ok


def test_a_token_that_others_may_read_is_named(layout: Layout, clock: ManualClock) -> None:
    layout.admin_token().write_text("rt_1")
    layout.admin_token().chmod(0o600)
    assert serving_checks.secrets(config(layout), clock).ok
    layout.admin_token().chmod(0o640)
    said = serving_checks.secrets(config(layout), clock)
    assert not said.ok
    assert said.message == "others on this machine may read admin.token"
    layout.admin_token().chmod(0o600)
    layout.root.chmod(0o755)
    assert "storage" in serving_checks.secrets(config(layout), clock).message


def test_a_configuration_with_a_secret_in_it_is_for_this_account_alone(
    layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = layout.root / "reprise.toml"
    file.write_text('llm_api_key = "sk-1"\n')
    file.chmod(0o644)
    monkeypatch.setenv("REPRISE_CONFIG", str(file))
    assert str(file) in serving_checks.secrets(config(layout), clock).message
    file.write_text("port = 8502\n")
    assert serving_checks.secrets(config(layout), clock).ok, "it holds no secret"


def test_a_clock_behind_what_was_written_is_told(layout: Layout, clock: ManualClock) -> None:
    assert serving_checks.clock_goes(config(layout), clock).ok
    Journal(layout, clock).append([Event(type="note")])
    clock.set(clock.now() - timedelta(minutes=4))
    assert serving_checks.clock_goes(config(layout), clock).ok, "a little is nothing"
    clock.set(clock.now() - timedelta(days=1))
    said = serving_checks.clock_goes(config(layout), clock)
    assert not said.ok
    assert said.message.startswith("behind: something was written at 2026-01-01T00:00")


def test_limits_that_are_too_low_are_told(layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serving_checks.limits(config(layout), clock).name == "limits"
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    said = serving_checks.limits(config(layout), clock)
    assert not said.ok
    assert said.message.startswith("only 256 open files")


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ("ExecStart=/bin/sh serve\nWorkingDirectory=/\n", "reprise.service"),
        ("ExecStart=/nowhere/reprise serve\n", "reprise.service: ExecStart=/nowhere/reprise is not there"),
        ("WorkingDirectory=-/nowhere\n", "reprise.service: WorkingDirectory=/nowhere is not there"),
    ],
)
def test_a_unit_that_starts_what_is_not_there_is_named(
    layout: Layout, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, message: str
) -> None:
    monkeypatch.setattr(serving_checks, "UNITS", tmp_path)
    assert serving_checks.units(config(layout), clock).message == "none installed"
    (tmp_path / "reprise.service").write_text(f"[Service]\n{unit}")
    said = serving_checks.units(config(layout), clock)
    assert (said.message, said.ok) == (message, message == "reprise.service")


def test_a_mail_server_that_is_down_or_says_nothing_is_told_soon(
    layout: Layout, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = {
        "notify_email": "ana@example.org",
        "smtp_host": "127.0.0.1",
        "smtp_security": "none",
        "smtp_from": "r@example.org",
    }
    down = serving_checks.told(config(layout, smtp_port=free_port(), **mail), clock)
    assert not down.ok
    assert down.message.startswith("E-mail: ")
    monkeypatch.setattr(serving_checks, "PATIENCE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = serving_checks.told(config(layout, smtp_port=silent.getsockname()[1], **mail), clock)
    assert said.message == "E-mail: it does not answer within 0 s"
    assert serving_checks.told(config(layout), clock).message == "only in the dashboard"


def test_a_service_that_hangs_is_not_well(layout: Layout, clock: ManualClock) -> None:
    def service() -> Check:
        return next(one for one in examine(config(layout), clock) if one.name == "service")

    assert service().message.startswith("not running")
    with Lock(layout.service_lock()).holding():
        signs_of_life(layout, clock, 30.0)()
        assert (service().ok, service().message) == (True, "running")
        clock.advance(1000)
        assert not service().ok


def test_every_check_has_a_name_of_its_own_and_says_what_to_do(layout: Layout, clock: ManualClock) -> None:
    assert not set(serving_checks.LOOKS) - set(doctor.LOOKS)
    found = examine(config(layout), clock)
    assert [one.name for one in found] == list(doctor.LOOKS)
    assert all(one.hint for one in found if not one.ok)
