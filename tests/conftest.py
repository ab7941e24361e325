"""What every test can rely on: a home and a storage of its own, no keys or proxies from outside, and nothing left behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.leftovers import files_of, survivors
from tests.support.machine import missing_for
from tests.support.product import Product

ROOT = Path(__file__).resolve().parent.parent
FOREIGN = ("DEEPSEEK_API_KEY", "OPENAI_API_KEY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
# How long an example takes, or takes to be drawn, says more about the machine than about the code; that is measured in bench/.
hypothesis.settings.register_profile("reprise", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("reprise")


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is imported by a test: whatever it starts inherits this environment."""
    home = Path(tempfile.mkdtemp(prefix="reprise-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in list(os.environ):
        if name.startswith("REPRISE_") or name.upper() in FOREIGN:
            del os.environ[name]
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", str(Path.home() / ".cache" / "ms-playwright"))
    os.environ["HOME"] = str(home)
    os.environ["REPRISE_STORAGE"] = str(home / "storage")
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # hundreds of processes are started; each would compile the core anew
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        os.environ.pop(name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test whose tools this machine lacks is skipped, and the summary says which tool."""
    for item in items:
        for mark in item.iter_markers():
            if reason := missing_for(mark.name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module", autouse=True)
def _no_files_left(request: pytest.FixtureRequest) -> Iterator[None]:
    before = files_of(ROOT)
    yield
    left = sorted(files_of(ROOT) - before)
    assert not left, f"{request.node.name} left files in the repository: {', '.join(left)}"


@pytest.fixture(scope="module", autouse=True)
def _no_orphans_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    left = survivors(os.environ["HOME"], orphans_only=True)
    assert not left, f"{request.node.name} left processes that nobody waits for: {'; '.join(left)}"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """The product as a user has it, with a storage of its own; whatever it runs ends with the test."""
    made = Product(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session", autouse=True)
def _no_processes_left() -> Iterator[None]:
    yield
    left = survivors(os.environ["HOME"], orphans_only=False)
    assert not left, f"processes outlived the tests that started them: {'; '.join(left)}"
