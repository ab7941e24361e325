"""A batch whose videos are there, without a stage that made them: what an export is made of."""

import hashlib
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.exports import ExportOptions, ExportRecord
from core.domain.run import RunRecord, Source, StageState
from core.domain.states import BatchPhase, Phase, StageStatus
from core.manager.exports.desk import open_exports
from core.manager.index import Index
from core.manager.writer import Writer
from core.store.artifacts import Artifacts, Receipt
from core.store.layout import Layout
from core.store.state import open_store
from core.system.clock import ManualClock
from tests.support.storage import BATCH, NOON, a_batch, a_run

ANA = "local:ana"
DAY_S = 24 * 3600.0


class Shop:
    """A storage with one batch, and whoever exports it."""

    def __init__(self, folder: Path, **batch: Any) -> None:
        self.clock = ManualClock(NOON)
        self.layout = Layout(folder / "storage")
        self.layout.create()
        self.store = open_store(self.layout, self.clock)
        self.artifacts = Artifacts(self.layout, self.clock)
        self.index = Index(self.store)
        self.writer = Writer(store=self.store, index=self.index, via="test")
        self.exports = open_exports(self.index, self.writer, self.store, self.artifacts, DAY_S)
        self.batch: BatchRecord = a_batch(**({"phase": BatchPhase.COMPLETED} | batch))
        self.store.batches.create(BATCH, self.batch)
        self._count = 0
        self.index.load()

    def video(
        self,
        title: str = "",
        content: bytes = b"",
        *,
        phase: Phase = Phase.COMPLETED,
        stage: str = "download",
        name: str = "media.mp4",
        texts: tuple[str, ...] = (),
        **facts: Any,
    ) -> RunRecord:
        """One more run, with a video that is published, and the texts of these stages."""
        self._count += 1
        number = self._count
        title = title or f"Talk {number}"
        content = content or f"moving pictures of {title}".encode() * 20
        stages = {
            "download": self.publish("download", {name if stage == "download" else "media.mp4": content}, **facts)
        }
        if stage != "download":
            stages[stage] = self.publish(stage, {name: b"cut: " + content}, **facts)
        for made in texts:
            names = {
                "transcribe": ("transcript.srt", "transcript.txt"),
                "summary": ("summary.md",),
                "quotes": ("quotes.md",),
            }
            stages[made] = self.publish(made, {one: f"{one} of {title}".encode() for one in names[made]}, language="en")
        run = a_run(
            f"r_{number:02d}",
            position=number,
            title=title,
            phase=phase,
            stages=stages,
            source=Source(kind="url", value=f"https://example.com/{number}.mp4"),
        )
        self.store.runs.create(run.run_id, run)
        self.index.load()
        return run

    def publish(self, stage: str, files: dict[str, bytes], **facts: Any) -> StageState:
        """Files published under the key that their bytes give."""
        key = hashlib.sha256(repr((stage, files)).encode()).hexdigest()[:32]
        out = self.layout.work(stage, key) / "tmp.a_1"
        out.mkdir(parents=True)
        for name, content in files.items():
            (out / name).write_bytes(content)
        receipt = Receipt(
            stage=stage, key=key, version=1, params={}, facts={"duration": 60.0, **facts}, started_at=NOON
        )
        self.artifacts.publish(stage, key, out, receipt)
        return StageState(status=StageStatus.COMMITTED, key=key)

    def change_run(self, run: RunRecord, **changes: Any) -> None:
        """The record of a run is another now."""
        self.store.runs.update(run.run_id, lambda old: replace(old, **changes))
        self.index.load()

    def change_batch(self, **changes: Any) -> None:
        """The record of the batch is another now."""
        self.store.batches.update(BATCH, lambda old: replace(old, **changes))
        self.index.load()

    def file(self, run: RunRecord, stage: str = "download", name: str = "media.mp4") -> Path:
        """Where a published file lies."""
        key = run.stages[stage].key
        assert key is not None
        return self.layout.artifact(stage, key) / name

    def ask(self, *, partial: bool = False, **options: Any) -> ExportRecord:
        """An export of the batch."""
        return self.exports.asking.ask(BATCH, ExportOptions(**options), by=ANA, partial=partial)[0]

    def names(self, **options: Any) -> list[str]:
        """What the files of an export of the batch would be called."""
        return [member.name for member in self.exports.asking.plan(BATCH, ExportOptions(**options)).members]
