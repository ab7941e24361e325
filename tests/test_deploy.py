"""What stands in docs/deploy fits the product: files, settings and metrics that are named there exist."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.api import process
from core.api.app import build_app
from core.config import PREFIX, Config
from core.manager.readiness import TURN_GRACE_S
from tests.support.showcase import Showcase

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "docs" / "deploy"
UNITS = (DEPLOY / "reprise.service", DEPLOY / "reprise-dashboard.service")
FROM_PROMETHEUS = {"up", "process_resident_memory_bytes"}
LABELS = {"job", "instance", "le"}  # given by Prometheus or by a histogram
WORSE_THAN_OK = 20  # tenths of systemd's exposure level


def exprs() -> dict[str, str]:
    """Every expression of the alerts and of the dashboard, by where it stands."""
    rules = (DEPLOY / "monitoring" / "reprise-alerts.yaml").read_text("utf-8")
    found = dict(re.findall(r"- alert: (\w+)\n\s+expr: (.+)\n", rules))
    panels = json.loads((DEPLOY / "monitoring" / "reprise-dashboard.json").read_text("utf-8"))["panels"]
    for panel in panels:
        found |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel.get("targets", [])}
    return found


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Every family that `/metrics` tells of, with the samples and labels it may have."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("REPRISE_STORAGE", str(tmp_path_factory.mktemp("metrics") / "storage"))
        environ.setenv("REPRISE_METRICS_OPEN", "true")
        process.close()
        Showcase(process.current().config.storage_path)
        client = TestClient(build_app(), base_url="http://127.0.0.1:8600", client=("127.0.0.1", 1))
        client.get("/healthz")
        text = client.get("/metrics").text
        process.close()
    known: dict[str, set[str]] = {}
    for family, kind in re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE):
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            known[family + suffix] = set()
    for sample, labels in re.findall(r"^([a-z_]+)\{(.*)\} ", text, re.MULTILINE):
        known[sample] |= set(re.findall(r"(\w+)=\"", labels))
    # What has no sample before something happened.
    known["reprise_work_total"] |= {"stage", "unit", "how"}
    known["reprise_breakers"] |= {"of", "state"}
    known["reprise_worker_cpu_seconds_total"] |= {"lane"}
    known["reprise_stage_seconds_bucket"] |= {"stage", "le"}
    return known


@pytest.mark.parametrize(("where", "expr"), exprs().items(), ids=exprs().keys())
def test_every_metric_and_label_that_is_asked_for_exists(where: str, expr: str, metrics: dict[str, set[str]]) -> None:
    del where
    asked = re.findall(r"\b(reprise_\w+|up|process_\w+)\b(?:\{([^}]*)\})?", expr)
    assert asked
    allowed = set(LABELS)
    for name, labels in asked:
        assert name in metrics or name in FROM_PROMETHEUS, name
        allowed |= metrics.get(name, set())
        assert set(re.findall(r"(\w+)\s*[=!]~?", labels)) <= allowed, (name, labels)
    grouped = {label.strip() for names in re.findall(r"\bby ?\(([^)]*)\)", expr) for label in names.split(",")}
    assert grouped <= allowed


def test_every_metric_is_documented(metrics: dict[str, set[str]]) -> None:
    document = (DEPLOY / "README.md").read_text("utf-8")
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metrics if name.startswith("reprise_")}
    assert {name for name in families if f"`{name}`" not in document} == set()
    assert set(re.findall(r"^\| `(reprise_\w+)`", document, re.MULTILINE)) == families


@pytest.mark.parametrize(
    "path", sorted(path for path in DEPLOY.rglob("*") if path.is_file()), ids=lambda path: path.name
)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = {name.lower() for name in re.findall(rf"\b{PREFIX}([A-Z_]+[A-Z])\b", path.read_text("utf-8"))}
    assert named - {"oidc_"} <= set(Config.__struct_fields__)


def seconds(text: str) -> float:
    """A span of time as systemd and compose write it."""
    number, unit = re.fullmatch(r"(\d+)(s|min|m)?", text).groups()  # type: ignore[union-attr]
    return float(number) * (60 if unit in ("min", "m") else 1)


def unit(path: Path) -> dict[str, str]:
    """The settings of a unit file, the last of each."""
    return dict(re.findall(r"^(\w+)=(.*)$", path.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_given_the_time_to_end_at_a_checkpoint(path: Path) -> None:
    assert unit(path)["KillMode"] == "mixed", "SIGTERM to the workers too would be a crash of each"
    assert seconds(unit(path)["TimeoutStopSec"]) > 2 * Config().shutdown_s


def test_a_service_is_not_taken_for_hanging_before_it_is() -> None:
    assert seconds(unit(UNITS[0])["WatchdogSec"]) > 2 * (Config().rescan_s + TURN_GRACE_S)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_understands_a_unit_and_calls_it_well_kept_in(path: Path, tmp_path: Path) -> None:
    for each in UNITS:
        text = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", each.read_text("utf-8"), flags=re.MULTILINE)
        (tmp_path / each.name).write_text(text)
    analyze = ["systemd-analyze", "--no-pager"]
    verified = subprocess.run([*analyze, "verify", tmp_path / path.name], capture_output=True, text=True, check=False)
    complaints = [line for line in verified.stderr.splitlines() if path.name in line]
    assert not complaints
    kept_in = [*analyze, "security", "--offline=true", f"--threshold={WORSE_THAN_OK}", tmp_path / path.name]
    judged = subprocess.run(kept_in, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout[-200:]


def test_the_image_has_all_that_the_product_needs(tmp_path: Path) -> None:
    image = tmp_path / "image"
    for source, target in re.findall(r"^COPY (.+) (\S+)$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE):
        for name in source.split():
            path = ROOT / name
            into = image / (path.name if target == "./" else target)
            if path.is_dir():
                shutil.copytree(path, into, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, into)
    asked = subprocess.run(
        [sys.executable, "-c", "import core.cli.main, core.api.app, pages.components.session"],
        cwd=image,
        env={"PYTHONPATH": str(image), "PYTHONSAFEPATH": "1", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    assert (image / "reprise").stat().st_mode & 0o111
    assert (image / ".streamlit" / "config.toml").is_file()


def test_what_is_copied_into_the_image_is_not_ignored_and_nothing_else_is_let_in() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    allowed = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.MULTILINE)
    assert {name.split("/")[0] for name in allowed} == {word for words in copied for word in words.split()}
    assert "*" in (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()


def test_the_containers_are_asked_and_ended_as_the_product_is() -> None:
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    config = Config()
    assert f"http://127.0.0.1:{config.api_port}/readyz" in compose
    assert f"http://127.0.0.1:{config.port}/healthz" in compose
    assert all(seconds(span) > config.shutdown_s for span in re.findall(r"stop_grace_period: (\w+)", compose))
    assert "0.0.0.0" not in compose


def dashboard() -> dict[str, Any]:
    """The Grafana dashboard."""
    found: dict[str, Any] = json.loads((DEPLOY / "monitoring" / "reprise-dashboard.json").read_text("utf-8"))
    return found


def test_the_panels_of_the_dashboard_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        fields = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & fields, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= fields
    numbers = [panel["id"] for panel in dashboard()["panels"]]
    assert len(numbers) == len(set(numbers))
