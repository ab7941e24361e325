"""What quotes, summary and highlights promise together: cheap to import, and the same bytes from every process."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.support.transcripts import published

WORDS = [
    "river",
    "weir",
    "salmon",
    "keeper",
    "mill",
    "spring",
    "bank",
    "water",
    "stone",
    "bridge",
    "otter",
    "heron",
    "reed",
    "gravel",
    "flood",
]
# Neighbours of the same words in another order: which of two is taken hangs on the last digits of their sums.
SAID = [
    f"{' '.join(said)} {number}."
    for number in range(300)
    for said in (WORDS[number % 15 :] + WORDS[: number % 15], WORDS[number % 7 :: -1] + WORDS[: number % 7 : -1])
]
HIGHLIGHTS = ["highlights.json", "highlights.md"]
IMPORTED = """
import sys
import core.stages.quotes, core.stages.summary, core.stages.highlights
print(*sorted({"openai", "sumy", "nltk", "rapidfuzz", "numpy", "httpx2"} & sys.modules.keys()))
"""
MADE = """
import sys
from pathlib import Path
from core.stages.highlights import HighlightsStage
from core.stages.quotes import QuotesStage
from core.stages.summary import SummaryStage
from core.domain.settings import Settings
from core.stages.stage import Published
from tests.support.attempt import FolderAttempt
from tests.support.transcripts import published
from tests.unit.stages.test_language_stages import SAID
folder = Path(sys.argv[1])
facts = {"media": "media.mp4", "has_audio": False, "duration": 9000.0}
media = {"download": Published(stage="download", key="d", content="d", path=folder, files={}, facts=facts)}
settings = Settings(highlight_sensitivity="max", keywords=("weir", "heron reed"))
for stage in (QuotesStage(None), SummaryStage(None), HighlightsStage(None)):
    stage.run(FolderAttempt(folder / stage.name, media | published(folder / "transcribe", SAID), settings))
"""


def python(code: str, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_stages_imports_nothing_heavy() -> None:
    assert python(IMPORTED) == ""


def test_another_process_with_another_order_of_sets_makes_the_same_bytes(tmp_path: Path) -> None:
    seen = set()
    for seed in ("1", "2", "3"):
        folder = tmp_path / seed
        published(folder / "transcribe", SAID)
        python(MADE, str(folder), PYTHONHASHSEED=seed)
        files = sorted(path for path in folder.rglob("out/*") if path.is_file())
        assert [path.name for path in files] == [*HIGHLIGHTS, "quotes.json", "quotes.md", "summary.json", "summary.md"]
        seen.add(hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest())
    assert len(seen) == 1
