"""What a test left behind: files in the repository, and processes that were started by it and still run."""

import os
from pathlib import Path

import psutil

CACHES = frozenset(
    {".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache"}
)
SOURCES = frozenset({".py", ".md", ".toml", ".css", ".js", ".html"})  # somebody may be writing code while tests run
GRACE_S = 5.0


def files_of(root: Path) -> set[str]:
    """Every file under `root` that is neither source text nor a cache, as relative paths."""
    found: set[str] = set()
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in CACHES and not name.startswith(".venv")]
        found.update(str(Path(folder, file).relative_to(root)) for file in files if Path(file).suffix not in SOURCES)
    return found


def survivors(home: str, *, orphans_only: bool, grace_s: float = GRACE_S) -> list[str]:
    """Ends the processes that run with `home` as their HOME, and tells their command line and the test that started them.

    A process that is just ending is given `grace_s` seconds. With `orphans_only` the descendants of this process are
    left alone: fixtures of a wider scope may still need them.
    """
    me = psutil.Process()
    ours = {me.pid, *(parent.pid for parent in me.parents())}
    kin = {child.pid for child in me.children(recursive=True)}
    suspects: dict[psutil.Process, str] = {}
    for process in psutil.process_iter():
        if process.pid in ours or (orphans_only and process.pid in kin):
            continue
        try:
            environment = process.environ()
            if environment.get("HOME") == home and process.status() != psutil.STATUS_ZOMBIE:
                test = environment.get("PYTEST_CURRENT_TEST", "no test")
                suspects[process] = f"{process.pid} {' '.join(process.cmdline())[:200]} (started in {test})"
        except psutil.Error:
            continue  # it is gone, or belongs to another user and so was not started here
    _, alive = psutil.wait_procs(list(suspects), timeout=grace_s)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=GRACE_S)
    return [suspects[process] for process in alive]
