"""The rules of the house that no linter knows, read from the source itself."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 300
# The lowest versions without known holes (docs/security.md). There is no audit service in the tests: this is the audit.
FLOORS = {"yt-dlp": "2026.7.4", "streamlit": "1.54", "starlette": "1.1", "filelock": "3.30"}
UNSAFE_MODULES = frozenset({"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "yaml"})
UNSAFE_CALLS = frozenset({"eval", "exec", "os.system", "os.popen"})
SLEEPS = frozenset({"time.sleep", "asyncio.sleep", "sleep"})
# Split, so that this file does not name what it forbids. A folder `work` inside another one is ours.
MACHINE = re.compile(
    r"(?<![\w}>.…)*])/(?:wor" r"k|tmp/w|opt/whee" r"ls|opt/py" r"pi)/|py" r"pi\.org|pythonhos" r"ted|npm" r"js\."
)


@cache
def committed() -> tuple[Path, ...]:
    """The files of the repository; in an unpacked archive without git, what lies in the folders that hold source."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        return tuple(path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file())
    folders = ("core", "pages", "tests", "bench", "docs", ".streamlit", ".ci")
    inside = [path for folder in folders for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    return tuple(path for path in [*ROOT.glob("*"), *inside] if path.is_file())


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax tree of every Python file, by its path in the repository."""
    found = (path for path in committed() if path.suffix == ".py")
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text("utf-8")) for path in found}


def product() -> Iterator[tuple[str, ast.Module]]:
    """The trees that run at a user's, without tests and benchmarks."""
    return ((name, tree) for name, tree in trees().items() if name.startswith(("core/", "pages/", "app.py")))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of every absolute import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def requirements(name: str) -> list[Requirement]:
    """The requirements of a list, without its comments."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text("utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def test_nothing_is_loaded_that_could_run_code() -> None:
    found = [
        f"{name}:{line} imports {module}"
        for name, tree in trees().items()
        for line, module in imported(tree)
        if module.split(".")[0] in UNSAFE_MODULES
    ]
    assert not found, found


def test_no_text_becomes_code_and_no_shell_sees_an_argument() -> None:
    found = []
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            if ast.unparse(node.func) in UNSAFE_CALLS:
                found.append(f"{name}:{node.lineno} calls {ast.unparse(node.func)}")
            shells = [word for word in node.keywords if word.arg == "shell" and ast.unparse(word.value) != "False"]
            found += [f"{name}:{node.lineno} goes through a shell" for _ in shells]
    assert not found, found


def test_tests_wait_for_events_and_never_sleep() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in trees().items()
        if name.startswith("tests/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SLEEPS
    ]
    assert not found, found


def test_no_page_is_named_like_a_standard_module() -> None:
    pages = {Path(name).stem for name in trees() if name.startswith("pages/")} - {"__init__"}
    assert not pages & sys.stdlib_module_names


def test_the_start_file_only_puts_parts_together() -> None:
    source = (ROOT / "app.py").read_text("utf-8")
    assert len(source.splitlines()) <= 60
    ours = {module for _, module in imported(ast.parse(source)) if module.startswith(("core", "pages"))}
    known = ("core.bootstrap", "core.api", "core.config", "core.domain.errors", "pages.components.signed_in")
    assert all(module.startswith(known) for module in ours), ours
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef | ast.While)]


def test_a_file_answers_one_question_and_is_short() -> None:
    long = {
        name: lines for name, _ in product() if (lines := len((ROOT / name).read_text("utf-8").splitlines())) > LONGEST
    }
    assert not long, f"each of these is probably two files: {long}"


def test_no_file_names_a_path_of_one_machine_or_a_package_registry() -> None:
    found = []
    for path in committed():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        lines = enumerate(text.splitlines(), start=1)
        found += [
            f"{path.relative_to(ROOT)}:{number} {match[0]}" for number, line in lines if (match := MACHINE.search(line))
        ]
    assert not found, found


def test_every_package_that_is_imported_is_required_by_name() -> None:
    homes = importlib.metadata.packages_distributions()
    required = {requirement.name.lower().replace("_", "-") for requirement in requirements("requirements.txt")}
    missing = set()
    for name, tree in product():
        for line, module in imported(tree):
            top = module.split(".")[0]
            if top in sys.stdlib_module_names or top in {"core", "pages"}:
                continue
            distributions = {known.lower().replace("_", "-") for known in homes.get(top, [top])}
            if not distributions & required:
                missing.add(f"{name}:{line} imports {module}")
    assert not missing, sorted(missing)


@pytest.mark.parametrize(("package", "floor"), FLOORS.items())
def test_no_version_with_a_known_hole_is_accepted(package: str, floor: str) -> None:
    (requirement,) = [entry for entry in requirements("requirements.txt") if entry.name == package]
    lowest = [Version(part.version) for part in requirement.specifier if part.operator in {">=", "=="}]
    assert lowest
    assert max(lowest) >= Version(floor)


def test_nothing_that_needs_a_graphics_card_is_required() -> None:
    names = [
        requirement.name for name in ("requirements.txt", "requirements-test.txt") for requirement in requirements(name)
    ]
    assert not [name for name in names if name.startswith(("nvidia", "torch", "cuda", "triton"))]


def test_the_dashboard_listens_at_home_tells_nobody_and_shows_no_traceback() -> None:
    from streamlit import config as streamlit_config

    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert settings["server"]["address"] == "127.0.0.1"
    assert set(settings["server"]["allowedHosts"]) == {"127.0.0.1", "localhost", "::1"}
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["client"]["showErrorDetails"] == "none"
    assert "base" not in settings["theme"], "a forced theme would not follow the system"
    known = streamlit_config.get_config_options()
    given = [f"{section}.{name}" for section in ("server", "browser", "client") for name in settings[section]]
    assert not [name for name in given if name not in known]


def test_every_ignored_lint_has_its_reason_beside_it() -> None:
    source = (ROOT / "pyproject.toml").read_text("utf-8")
    ignored = source.partition("ignore = [\n")[2].partition("\n]")[0].splitlines()
    assert ignored
    assert not [line for line in ignored if "#" not in line]
