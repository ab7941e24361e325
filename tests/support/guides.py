"""The guides as programs: their shell blocks run one after the other, as somebody who follows them would run them.

What a fence says after its three backticks decides: `sh` is run, `python` is run too, `sh elsewhere` needs what a test
has not (systemd, Docker, a domain of one's own) and is only checked for its syntax. A `json` block that follows one that
was run is what that answered: each field of it was there, with a value of that kind, and where it says so exactly.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.support.media_files import mp4
from tests.support.product import ROOT, workers_of
from tests.support.waiting import until

LIMIT_S = 120.0
MARK = "\x1e"
_FENCE = re.compile(r"^```(\w*)(?: +(\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PYTHON = "GUIDE_PYTHON"


class Block(msgspec.Struct, frozen=True):
    """A fenced block of a document, its language, where it belongs (`elsewhere` or nothing) and its first line."""

    language: str
    place: str
    line: int
    text: str

    @property
    def runs(self) -> bool:
        """Whether a test runs it."""
        return self.language in ("sh", "python") and not self.place


def blocks(markdown: str) -> list[Block]:
    """Every fenced block."""
    return [
        Block(found[1], found[2] or "", markdown.count("\n", 0, found.start()) + 1, found[3])
        for found in _FENCE.finditer(markdown)
    ]


def script(name: str, found: list[Block]) -> str:
    """One program of all blocks that are run; it ends at the first command that fails and says where that stands."""
    said = f'echo "{name}, in the block at line $GUIDE_LINE: exit $? of: $BASH_COMMAND" >&2'
    lines = ["set -Eeuo pipefail", f"trap '{said}' ERR"]
    for block in found:
        if block.runs:
            lines.append(f"GUIDE_LINE={block.line}; printf '{MARK}%s\\n' {block.line}")
            python = block.language == "python"
            lines.append(f".venv/bin/python - <<'{_PYTHON}'\n{block.text}{_PYTHON}" if python else block.text)
    return "\n".join(lines) + "\n"


class Sandbox:
    """A folder like the one that holds `./reprise`, with a storage of its own and a few videos."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        self.folder, self.storage = folder, folder / "storage"
        self.environment = {
            **os.environ,
            "REPRISE_STORAGE": str(self.storage),
            "REPRISE_API_PORT": str(port),
            "REPRISE_URL": f"http://127.0.0.1:{port}",
            "REPRISE_HUB": "false",
            "REPRISE_FREE_SPACE_BYTES": "0",
            **settings,
        }
        for name in ("core", "docs"):
            (folder / name).symlink_to(ROOT / name)
        (folder / ".venv" / "bin").mkdir(parents=True)
        self._program(folder / ".venv" / "bin" / "python", f'exec "{sys.executable}" "$@"')
        if (ROOT / ".venv" / "bin" / "python").exists():
            (folder / "reprise").symlink_to(ROOT / "reprise")
        else:
            self._program(folder / "reprise", f'exec "{sys.executable}" -m core "$@"')
        (folder / "talks").mkdir()
        for name, seconds in (("one.mp4", 2.0), ("two.mp4", 3.0)):
            (folder / "talks" / name).symlink_to(mp4(seconds=seconds))
        (folder / "talks" / "long.mp4").symlink_to(mp4(seconds=60.0, size="640x360"))
        (folder / "broken.mp4").write_bytes(mp4(seconds=4.0).read_bytes()[:60_000])

    def run(self, program: str) -> dict[int, str]:
        """What each block of `program` printed, by its line; fails the test when a command failed."""
        (self.folder / "guide.sh").write_text(program, "utf-8")
        printed, said = self.folder / "printed.txt", self.folder / "said.txt"
        with printed.open("wb") as out, said.open("wb") as err:  # what a guide leaves running does not keep a pipe open
            process = subprocess.Popen(
                ["bash", "guide.sh"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                code = process.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                self._end(process)
        out_text, err_text = printed.read_text("utf-8", "replace"), said.read_text("utf-8", "replace")
        err_text = "\n".join(line for line in err_text.splitlines() if not line.startswith("{"))  # the log of a service
        assert code == 0, f"exit {code}\n{err_text[-3000:]}\n--- {out_text[-1000:]}"
        found = (part.partition("\n") for part in out_text.split(MARK)[1:])
        return {int(line): text for line, _, text in found}

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not workers_of(self.storage))

    @staticmethod
    def _program(path: Path, line: str) -> None:
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)


def differences(example: Any, answer: Any, where: str = "") -> list[str]:
    """In what an answer is otherwise than its example says; texts with `…` and numbers stand for any of their kind."""
    if isinstance(example, dict) and isinstance(answer, dict):
        missing = [f"{where}.{name} is not there" for name in example if name not in answer]
        shared = [name for name in example if name in answer]
        return missing + [
            line for name in shared for line in differences(example[name], answer[name], f"{where}.{name}")
        ]
    if isinstance(example, list) and isinstance(answer, list):
        if len(example) > len(answer):
            return [f"{where} has only {len(answer)}"]
        pairs = zip(example, answer, strict=False)
        return [
            line for index, (one, other) in enumerate(pairs) for line in differences(one, other, f"{where}[{index}]")
        ]
    alike = type(example) is type(answer) or {type(example), type(answer)} == {int, float}
    exact = isinstance(example, bool) or example is None or (isinstance(example, str) and "…" not in example)
    if not alike or (exact and example != answer):
        return [f"{where} is {json.dumps(answer)} and not {json.dumps(example)}"]
    return []
