"""What runs published, and the documents that can be made of it, by the names people ask for."""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from core.domain import names
from core.domain.errors import Damaged, NotFound, Refused
from core.domain.run import RunRecord
from core.domain.states import StageStatus
from core.manager.documents.material import Material
from core.manager.documents.recipes import RECIPES
from core.manager.index import Index
from core.store.artifacts import Artifacts
from core.store.layout import Layout

MEDIA = "media"
POSTER = "poster.jpg"
CUT = "silence_removed"
EXPORT = "export"
# Files whose suffix depends on what is in them, by the stage that makes them; a name without a suffix finds them too.
ONE_FILE = {MEDIA: "download", CUT: "remove_silence", EXPORT: "export"}
# What each stage publishes, so that a file that is not there yet is told from one that never will be.
PUBLISHES = {
    "download": (MEDIA, POSTER),
    "transcribe": ("transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt"),
    "quotes": ("quotes.json", "quotes.md"),
    "summary": ("summary.json", "summary.md"),
    "remove_silence": ("cuts.json", CUT, "transcript.json", "transcript.txt", "transcript.srt", "transcript.vtt"),
    "detect_highlights": ("highlights.json", "highlights.md"),
    "export": (EXPORT,),
}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One published file: the name it is asked for by, where it lies, its size in bytes and its SHA-256."""

    name: str
    stage: str
    path: Path
    size: int
    sha256: str


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is made on demand of the published file `of`: the same bytes each time."""

    name: str
    of: Result

    @property
    def stage(self) -> str:
        """The stage that published what it is made of."""
        return self.of.stage


class Results:
    """Finds published files; only what a receipt lists, and what is made of it, can be reached."""

    def __init__(self, index: Index, layout: Layout, artifacts: Artifacts) -> None:
        self._index, self._layout, self._artifacts = index, layout, artifacts
        self._posters: dict[str, str] = {}  # what is published under a key never changes; lists ask again and again

    def all(self, run_id: str) -> list[Result]:
        """Every file the run has published so far and that can be believed, in pipeline order."""
        run = self._index.run(run_id)
        return [result for stage in run.stages for result in self._of_stage(run, stage)]

    def documents(self, run_id: str) -> list[Document]:
        """Every document that can be made of what the run has published so far, in pipeline order."""
        made = self.all(run_id)
        there = {result.name for result in made}
        return [
            Document(name=name, of=result)
            for result in made
            for name, recipe in RECIPES.items()
            if recipe.of == result.name and there.issuperset(recipe.needs)
        ]

    def find(self, run_id: str, name: str) -> Result | Document:
        """The file `name`: `transcript.json`, `summary.pdf`, …, or `media`; with `STAGE/` before it that of one stage.

        Raises `Refused` (exit 4) when it is not made yet, `NotFound` when this run makes no such file, `Damaged` when it
        was made and can no longer be believed.
        """
        run = self._index.run(run_id)
        stage, _, file = name.rpartition("/")
        made = self.all(run_id)
        there = {result.name for result in made}
        for result in made:
            if stage not in ("", result.stage):
                continue
            if result.name == file or (ONE_FILE.get(file) == result.stage and result.name.startswith(f"{file}.")):
                return result
            if file in RECIPES and RECIPES[file].of == result.name and there.issuperset(RECIPES[file].needs):
                return Document(name=file, of=result)
        begin = file.partition(".")[0]
        wanted = RECIPES[file].of if file in RECIPES else begin if begin in ONE_FILE else file
        makers = [maker for maker, files in PUBLISHES.items() if wanted in files and stage in ("", maker)]
        maker = next((maker for maker in makers if maker in run.stages), makers[0] if makers else None)
        if maker not in run.stages or run.stages[maker].status == StageStatus.NOT_NEEDED:
            left_out = f", since its settings leave {maker} out" if maker in run.stages else ""
            needed = [one for one, state in run.stages.items() if state.status != StageStatus.NOT_NEEDED]
            published = [file for one in needed for file in PUBLISHES.get(one, ())]
            makeable = [file for file, recipe in RECIPES.items() if recipe.of in published]
            possible = dict.fromkeys(published + makeable)
            raise NotFound(f"Run {run_id} has no file {name}{left_out}.", hint=f"There may be: {', '.join(possible)}.")
        if run.stages[maker].status == StageStatus.COMMITTED:
            if self._artifacts.receipt(maker, run.stages[maker].key or "0") is not None:
                raise NotFound(f"Run {run_id} has no file {name}: none could be made of it.")
            raise Damaged(f"{name} of run {run_id} was made, but is gone or no longer what was published.")
        raise Refused(
            f"{name} of run {run_id} is not made yet; the run is {run.phase}.",
            hint=f"./reprise why {run_id} tells what it waits for.",
            code="not_made_yet",
        )

    def facts(self, run_id: str, stage: str) -> dict[str, Any] | None:
        """What `stage` said of what it published for a run, as its receipt has it; None when it published nothing."""
        state = self._index.run(run_id).stages.get(stage)
        if state is None or state.key is None or state.status != StageStatus.COMMITTED:
            return None
        receipt = self._artifacts.receipt(stage, state.key)
        return dict(receipt.facts) if receipt is not None else None

    def poster(self, run: RunRecord) -> str | None:
        """The checksum of the picture by which the video of `run` is known, `POSTER` among its files; None without one."""
        download = run.stages.get("download")
        if download is None or download.key is None or download.status != StageStatus.COMMITTED:
            return None
        if download.key not in self._posters:
            receipt = self._artifacts.receipt("download", download.key)
            if receipt is None:
                return None
            found = receipt.files.get(POSTER)
            self._posters[download.key] = found.sha256 if found is not None else ""
        return self._posters[download.key] or None

    def check(self, result: Result, run_id: str) -> Path:
        """The path of a result whose bytes were just compared with its receipt; raises `Damaged`."""
        run = self._index.run(run_id)
        key = run.stages[result.stage].key
        if key is None or self._artifacts.inspect(result.stage, key, deep=True, repair=False)[0] is None:
            raise Damaged(f"{result.name} of run {run_id} is not what was published.")
        return result.path

    def make(self, document: Document, run_id: str) -> bytes:
        """The bytes of a document; raises `Damaged` when what it is made of is not what was published."""
        run = self._index.run(run_id)
        recipe = RECIPES[document.name]
        beside = {
            result.name: result
            for result in self._of_stage(run, document.stage) + self.all(run_id)
            if result.name in (*recipe.beside, *recipe.needs)
        }
        files = {result.name: _read(result, run_id) for result in [document.of, *beside.values()]}
        return recipe.make(Material(run.title, files))

    def saved_name(self, run_id: str, found: Result | Document) -> str:
        """What the file is called where a person saves it: `Title [id].mp4`, `Title [id].en.srt`."""
        run = self._index.run(run_id)
        language = self._fact(run, "transcribe", "language")
        return names.file_name(self.stem(run), names.suffix_of(found.stage, found.name, language))

    def stem(self, run: RunRecord) -> str:
        """What all files of a run begin with where a person saves them: `Title [id]`."""
        return names.stem(run.title, self._fact(run, "download", "id"), PurePosixPath(run.source.value).stem)

    def _fact(self, run: RunRecord, stage: str, name: str) -> str:
        state = run.stages.get(stage)
        if state is None or state.key is None or state.status != StageStatus.COMMITTED:
            return ""
        receipt = self._artifacts.receipt(stage, state.key)
        return str(receipt.facts.get(name) or "") if receipt is not None else ""

    def _of_stage(self, run: RunRecord, stage: str) -> list[Result]:
        key = run.stages[stage].key
        if key is None or run.stages[stage].status != StageStatus.COMMITTED:
            return []
        receipt = self._artifacts.receipt(stage, key)
        folder = self._layout.artifact(stage, key)
        return [
            Result(name=name, stage=stage, path=folder / name, size=entry.size, sha256=entry.sha256)
            for name, entry in (receipt.files.items() if receipt is not None else ())
        ]


def _read(result: Result, run_id: str) -> bytes:
    """The bytes that were published."""
    try:
        content = result.path.read_bytes()
    except OSError as error:
        raise Damaged(f"{result.name} of run {run_id} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != result.sha256:
        raise Damaged(f"{result.name} of run {run_id} is not what was published.")
    return content
