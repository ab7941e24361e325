"""Node.js of the tests' own environment, and what `docs/api/package.json` names.

`python -m tests.support.node` writes `docs/api` anew.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

API = Path(__file__).resolve().parent.parent.parent / "docs" / "api"
PACKAGES = Path(sys.prefix) / "node" / "node_modules"
GENERATOR = PACKAGES / "openapi-typescript" / "bin" / "cli.js"
COMPILER = PACKAGES / "typescript" / "bin" / "tsc"


def node_path() -> str | None:
    """Where Node.js is: that of the tests' environment, else the machine's."""
    own = Path(sys.executable).parent / "node"
    return str(own) if own.exists() else shutil.which("node")


def missing() -> str:
    """Why nothing can be generated or compiled here, or an empty text."""
    if node_path() is None:
        return "no Node.js (requirements-test.txt brings it)"
    if not (GENERATOR.exists() and COMPILER.exists()):
        return "no TypeScript beside the tests (./reprise test installs it by npm)"
    return ""


def run(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """What a script says."""
    argv = [node_path() or "node", str(script), *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def types_of(described: Path) -> str:
    """The TypeScript types of an OpenAPI document."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "types.ts"
        # What has a default may be left out of what is sent.
        done = run(GENERATOR, described, "--default-non-nullable", "false", "--output", made)
        assert done.returncode == 0, done.stderr
        return made.read_text("utf-8")


if __name__ == "__main__":
    from core.api.document import document  # everything of the API; whoever only asks what is missing needs none of it

    (API / "openapi.json").write_text(document(), "utf-8")
    (API / "types.ts").write_text(types_of(API / "openapi.json"), "utf-8")
