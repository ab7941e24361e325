"""`./reprise` itself: a copy of it in an empty folder, with an empty list of packages and a stand-in for the core."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = "import sys; print('core:', *sys.argv[1:])"


def tree(folder: Path, core: str = CORE) -> Path:
    """A repository with nothing in it but the command, empty lists of packages, and a core that prints its arguments."""
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "reprise", folder / "reprise")
    for name in ("requirements.txt", "requirements-test.txt"):
        (folder / name).write_text("# nothing\n", "utf-8")
    (folder / "core").mkdir()
    (folder / "core" / "__init__.py").touch()
    (folder / "core" / "__main__.py").write_text(core, "utf-8")
    return folder


def ready_tree(folder: Path) -> Path:
    """The same, with an environment that is already there: this very Python."""
    tree(folder)
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    python.chmod(0o755)
    shutil.copy(folder / "requirements.txt", folder / ".venv" / "requirements.txt")
    return folder


def reprise(folder: Path, *words: str, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """`./reprise words` with `environ` added."""
    return subprocess.run(
        [folder / "reprise", *words],
        cwd=cwd or folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_teaches_and_installs_nothing(tmp_path: Path) -> None:
    folder = tree(tmp_path / "house")
    shown = reprise(folder, "--help")
    assert shown.returncode == 0
    assert "./reprise add SOURCE" in shown.stdout
    assert not (folder / ".venv").exists()


def test_an_interrupted_installation_is_made_anew(tmp_path: Path) -> None:
    folder = tree(tmp_path / "house")
    half = folder / ".venv" / "lib" / "half-written-package"
    half.mkdir(parents=True)
    (folder / ".venv" / "installing").touch()
    shutil.copy(folder / "requirements.txt", folder / ".venv" / "requirements.txt")
    result = reprise(folder, "status")
    assert (result.returncode, result.stdout) == (0, "core: status\n"), result.stderr
    assert "making .venv" in result.stderr
    assert not half.exists()
    assert not (folder / ".venv" / "installing").exists()


def test_two_first_starts_at_once_make_one_environment_and_a_third_finds_nothing_to_do(tmp_path: Path) -> None:
    folder = tree(tmp_path / "house")
    both = [
        subprocess.Popen([folder / "reprise", "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    assert [out for out, _ in results] == ["core: status\n"] * 2
    assert sum("making .venv" in err for _, err in results) == 1
    assert sum("installing requirements.txt" in err for _, err in results) == 1
    third = reprise(folder, "list", "--json")
    assert (third.returncode, third.stdout, third.stderr) == (0, "core: list --json\n", "")


def test_packages_that_cannot_be_installed_are_one_sentence_and_not_trusted_later(tmp_path: Path) -> None:
    folder = ready_tree(tmp_path / "house")
    (folder / "requirements.txt").write_text("./no-such-package\n", "utf-8")
    result = reprise(folder, "status")
    assert result.returncode == 1
    assert "Error: The packages in requirements.txt could not be installed" in result.stderr
    assert "Traceback" not in result.stderr
    assert (folder / ".venv" / "installing").exists(), "what pip left is not trusted by the next start"


def test_an_old_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    folder, programs = tree(tmp_path / "house"), tmp_path / "bin"
    programs.mkdir()
    for name in ("readlink", "dirname", "cmp", "env"):
        (programs / name).symlink_to(shutil.which(name) or name)
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (programs / name).write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n', "utf-8")
        (programs / name).chmod(0o755)
    result = reprise(folder, "status", PATH=str(programs), REPRISE_PYTHON=str(programs / "python3"))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: Reprise needs Python 3.11 or newer; python3 here is Python 3.9.2.\nHint: ")


def test_words_and_paths_of_the_caller_arrive_as_they_are(tmp_path: Path) -> None:
    folder, elsewhere = ready_tree(tmp_path / "house"), tmp_path / "else where"
    elsewhere.mkdir()
    (elsewhere / "core").mkdir()
    (elsewhere / "core" / "__init__.py").touch()
    result = reprise(folder, "add", "./a film.mp4", "--set", "model=tiny", cwd=elsewhere)
    assert result.stdout == "core: add ./a film.mp4 --set model=tiny\n", result.stderr


@pytest.mark.parametrize(
    ("given", "seen"), [("", "{house}/storage"), ("data", "{here}/data"), ("/srv/reprise", "/srv/reprise")]
)
def test_the_storage_lies_beside_the_command_unless_told_otherwise(tmp_path: Path, given: str, seen: str) -> None:
    folder, elsewhere = ready_tree(tmp_path / "house"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (folder / "core" / "__main__.py").write_text("import os; print(os.environ['REPRISE_STORAGE'])", "utf-8")
    result = reprise(folder, "status", cwd=elsewhere, REPRISE_STORAGE=given)
    assert result.stdout.strip() == seen.format(house=folder, here=elsewhere)


@pytest.fixture
def dashboard_tree(tmp_path: Path) -> Path:
    """A tree with the real core, whose dashboard is looked at only up to the moment before it starts."""
    folder = ready_tree(tmp_path / "house")
    shutil.rmtree(folder / "core")
    (folder / "core").symlink_to(ROOT / "core")
    return folder


def test_a_busy_port_is_said_before_anything_starts(dashboard_tree: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = reprise(dashboard_tree, REPRISE_PORT=str(port))
    assert result.returncode == 4
    assert result.stderr.startswith(f"Error: Port {port} on 127.0.0.1 cannot be used: Address already in use.\nHint: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_every_address_of_this_machine_alone_is_listened_on_and_allowed(dashboard_tree: Path, host: str) -> None:
    streamlit = dashboard_tree / "streamlit"
    streamlit.mkdir()
    (streamlit / "__init__.py").touch()
    (streamlit / "__main__.py").write_text("import sys; print(*sys.argv[1:])", "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = reprise(dashboard_tree, REPRISE_HOST=host, REPRISE_PORT=str(port)).stdout.split()
    address = "127.0.0.1" if host == "localhost" else host
    assert words[:4] == ["run", "app.py", f"--server.address={address}", f"--server.port={port}"]
    assert {"--server.allowedHosts=localhost", f"--server.allowedHosts={address}"} <= set(words)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("REPRISE_HOST", "0.0.0.0", "The dashboard has no sign-in and does not listen on 0.0.0.0."),
        ("REPRISE_HOST", "example", "The host example is not an IP address."),
        ("REPRISE_PORT", "0", "The configuration setting port is not usable"),
        ("REPRISE_PROT", "8502", "There is no configuration setting “prot”"),
    ],
)
def test_a_wrong_address_is_refused_in_one_sentence(dashboard_tree: Path, name: str, value: str, sentence: str) -> None:
    result = reprise(dashboard_tree, **{name: value})
    assert result.returncode == 5
    assert result.stderr.startswith(f"Error: {sentence}")
    assert "Traceback" not in result.stderr


def test_an_unknown_word_beside_keep_service_is_wrong_usage(tmp_path: Path) -> None:
    result = reprise(ready_tree(tmp_path / "house"), "--keep-service", "--port=1")
    assert result.returncode == 2
    assert "--port=1" in result.stderr


def test_arguments_of_test_go_to_pytest_alone(tmp_path: Path) -> None:
    folder = ready_tree(tmp_path / "house")
    shutil.copy(folder / "requirements-test.txt", folder / ".venv" / "requirements-test.txt")
    (folder / "test_one.py").write_text("def test_a(): pass\ndef test_b(): pass\n", "utf-8")
    result = reprise(folder, "test", "-q", "-k", "test_b", "-p", "no:cacheprovider")
    assert result.returncode == 0, result.stdout
    assert result.stdout.strip().splitlines()[-1].startswith("1 passed, 1 deselected")
