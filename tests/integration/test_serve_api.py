"""`./reprise serve` answers the API on its own port, and ends with streams open."""

import http.client
import json
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from core.manager.readiness import Ready
from core.system.clock import SystemClock
from tests.support.media_files import mp4
from tests.support.product import Product
from tests.support.waiting import until


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def port(product: Product) -> int:
    """Where a service of a test's own answers."""
    number = free_port()
    product.serve(api=True, REPRISE_API_PORT=str(number), REPRISE_METRICS_OPEN="true")
    until(lambda: asked(number, "readyz")[0] == 200)
    return number


def asked(port: int, path: str) -> tuple[int, str]:
    """The status of an answer and its text; 0 where nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


def test_a_service_answers_probes_without_a_token_and_nothing_else(product: Product, port: int) -> None:
    del product
    for path, ready in (("healthz", None), ("readyz", True)):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
            assert json.load(answer).get("ready") == ready
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/uploads", timeout=20)


def test_the_first_token_lies_in_a_file_of_this_user_alone(product: Product, port: int) -> None:
    token = product.layout.admin_token().read_text("ascii").strip()  # there as soon as anybody is answered
    assert product.layout.admin_token().stat().st_mode & 0o777 == 0o600
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/uploads", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer) == {"uploads": []}


def test_a_service_that_runs_knows_new_and_revoked_tokens_at_once(product: Product, port: int) -> None:
    made = product("token", "create", "ci", "--owner", "anna", "--scope", "read", "--json").json
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/account", headers={"Authorization": f"Bearer {made['token']}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer)["owner"] == "anna"
    product("token", "revoke", "ci")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=20)
    assert product("token", "list", "--json").json["tokens"][0]["last_used_at"] is not None


def test_an_answer_on_an_open_connection_does_not_wait_for_acknowledgements(product: Product, port: int) -> None:
    del product
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
    assert min(took[1:]) < 0.03, "a kernel that holds back the second half of an answer does so for 40 ms"


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"name": "' + b"x" * 100_000_000 + b'"}', 413), (b'{"name":' + b"[" * 100_000, 400)]
)
def test_a_huge_or_bottomless_body_is_answered_and_the_process_lives(
    product: Product, port: int, body: bytes, status: int
) -> None:
    token = product.layout.admin_token().read_text("ascii").strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for _ in range(2):
        connection.request("POST", "/api/batch-jobs", body=body, headers=headers)
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["status"]) == (status, status)
    assert asked(port, "healthz")[0] == 200


def test_a_port_that_is_taken_is_one_sentence(product: Product) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = product("serve", check=False, REPRISE_API_PORT=str(taken.getsockname()[1]))
    assert answer.code == 4
    assert "--no-api" in answer.err


def test_a_service_that_hangs_lives_but_is_not_ready(product: Product) -> None:
    number = free_port()
    service = product.serve(api=True, REPRISE_API_PORT=str(number), REPRISE_RESCAN_S="0.5")
    until(lambda: asked(number, "readyz")[0] == 200)
    beat = product.layout.service_beat()
    service.send_signal(signal.SIGSTOP)
    try:
        sign = json.loads(beat.read_text())
        beat.write_text(json.dumps(sign | {"at_s": sign["at_s"] - 100}))
        seen = Ready(product.layout, SystemClock(), 0.5).look()
    finally:
        service.send_signal(signal.SIGCONT)
    assert seen.service
    assert seen.reason is not None
    assert seen.reason.startswith("The service has taken no turn for 1")
    until(lambda: asked(number, "readyz")[0] == 200)


def test_a_storage_that_is_taken_away_is_told_of_while_the_process_lives(product: Product, port: int) -> None:
    product.storage.rename(product.storage.with_name("away"))
    try:
        status, text = asked(port, "readyz")
        assert (status, json.loads(text)["storage"]) == (503, False)
        assert "gone" in json.loads(text)["reason"]
        assert asked(port, "healthz")[0] == 200
    finally:
        product.storage.with_name("away").rename(product.storage)


def test_the_log_of_a_service_names_the_run_and_the_batch_and_its_metrics_count_them(
    product: Product, port: int
) -> None:
    off = [word for name in ("transcribe", "quotes", "summary") for word in ("--set", f"{name}=false")]
    added = product("add", mp4(), *off, "--json")
    run_id, batch_id = product.run_of(added), added.json["batch_id"]
    product.wait_for(run_id, "completed", "failed")
    told = asked(port, "metrics")[1]
    assert 'reprise_attempts_total{outcome="committed",stage="download"} 1.0' in told
    assert re.search(r'reprise_workers\{lane="network"\} [12]\.0', told)
    assert re.search(r'reprise_worker_memory_bytes\{lane="network"\} \d', told)
    lines = [json.loads(line) for line in (product.storage / "serve.err").read_text().splitlines()]
    of_run = [line for line in lines if line.get("run_id") == run_id]
    assert {line["event"] for line in of_run} >= {"run.claim", "run.complete"}
    assert {line["batch_id"] for line in of_run} == {batch_id}


def test_a_supervisor_hears_when_it_is_ready_that_it_lives_and_that_it_ends(product: Product, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        service = product.serve(NOTIFY_SOCKET=str(tmp_path / "notify"), REPRISE_RESCAN_S="0.5")
        heard = {listening.recv(500).split(b"\n")[0] for _ in range(4)}
        assert heard == {b"READY=1", b"WATCHDOG=1"}
        service.terminate()
        until(lambda: b"STOPPING=1" in listening.recv(500))
        assert service.wait(20) == 0
