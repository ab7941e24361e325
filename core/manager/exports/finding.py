"""What the runs of a batch have published that could go into an export."""

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from core.domain.batch import BatchRecord
from core.domain.exports import ExportOptions
from core.domain.names import stem
from core.domain.packing import VIDEO, VIDEO_STAGES, Found, Offer, found_phase
from core.domain.run import RunRecord
from core.domain.states import Phase, StageStatus
from core.manager.index import Index
from core.store.artifacts import Artifacts, Receipt

_GONE = {"export": "its exported video", "remove_silence": "its video without silence", "download": "its video"}
_TEXTS = {"transcripts": "transcribe", "summaries": "summary", "quotes": "quotes"}


class Finding:
    """Looks at the receipts; files are compared with them in their sizes, their bits when they are read."""

    def __init__(self, index: Index, artifacts: Artifacts) -> None:
        self._index, self._artifacts = index, artifacts

    def runs(self, batch_id: str, options: ExportOptions) -> list[Found]:
        """Every run of the batch in its order, with what it has of what is asked for; last those that cannot be read."""
        runs = self._index.runs_of(batch_id)
        found = [self._found(run, number, options) for number, run in enumerate(runs, start=1)]
        return found + list(self._unreadable(self._index.batch(batch_id), runs, len(runs) + 1))

    def _unreadable(self, batch: BatchRecord, runs: Sequence[RunRecord], number: int) -> Iterator[Found]:
        """The runs whose records are damaged: what they had is missing, and nobody knows that it was not finished."""
        named = {member.run_id: member.title or member.source.value for member in batch.members}
        named |= {entry.run_id: entry.title or entry.url for run in runs for entry in run.entries}
        for run_id in sorted(named.keys() & self._index.damaged.keys()):
            yield Found(
                run_id=run_id,
                number=number,
                title=named[run_id],
                id="",
                original="",
                added=batch.created_at,
                phase=Phase.COMPLETED,
                lost=("its record is damaged",),
            )

    def _found(self, run: RunRecord, number: int, options: ExportOptions) -> Found:
        lost: list[str] = []
        stage, receipt, video = self._film(run, lost)
        source = self._artifacts.receipt("download", run.stages["download"].key or "0") if stage else None
        original = PurePath(run.source.value).stem if run.source.kind == "file" else ""
        title = run.title or original or run.source.value
        site_id = str((source.facts.get("id") if source is not None else None) or "")
        return Found(
            run_id=run.run_id,
            number=number,
            title=title,
            id=site_id,
            original=original or stem(title, site_id),
            added=run.created_at,
            phase=found_phase(run),
            language=self._language(run),
            duration_s=_duration(receipt) or run.duration_s,
            video=video,
            others=self._others(run, video, options, lost),
            lost=tuple(lost),
        )

    def _film(self, run: RunRecord, lost: list[str]) -> tuple[str | None, Receipt | None, Offer | None]:
        """The latest stage that has a film, what it published, and the film; where there were no pauses none was cut."""
        stage: str | None = None
        receipt: Receipt | None = None
        for stage in (name for name in VIDEO_STAGES if _committed(run, name)):
            receipt = self._receipt(run, stage, lost, _GONE[stage])
            video = _video(receipt, _offers(receipt))
            if video is not None or receipt is None:
                return stage, receipt, video
        if stage is not None:
            lost.append(f"{_GONE[stage]} is gone")
        return stage, receipt, None

    def _others(self, run: RunRecord, video: Offer | None, options: ExportOptions, lost: list[str]) -> dict[str, Offer]:
        """The texts that are asked for; of a cut video those that belong to it."""
        found: dict[str, Offer] = {}
        for option, stage in _TEXTS.items():
            if getattr(options, option) and _committed(run, stage):
                found |= _offers(
                    self._receipt(
                        run, stage, lost, f"its {stage} result" if stage != "transcribe" else "its transcript"
                    )
                )
        cut = video is not None and video.stage != "download" and _committed(run, "remove_silence")
        if cut and found:
            of_cut = _offers(self._receipt(run, "remove_silence", lost, _GONE["remove_silence"]))
            found |= {name: offer for name, offer in of_cut.items() if name in found}
        return found

    def _receipt(self, run: RunRecord, stage: str, lost: list[str], what: str) -> Receipt | None:
        key = run.stages[stage].key
        receipt = self._artifacts.inspect(stage, key, deep=False, repair=False)[0] if key else None
        if receipt is None:
            lost.append(f"{what} is gone or damaged")
        return receipt

    def _language(self, run: RunRecord) -> str:
        if not _committed(run, "transcribe"):
            return ""
        receipt = self._artifacts.receipt("transcribe", run.stages["transcribe"].key or "0")
        return str(receipt.facts.get("language") or "") if receipt is not None else ""


def _committed(run: RunRecord, stage: str) -> bool:
    state = run.stages.get(stage)
    return state is not None and state.status == StageStatus.COMMITTED and state.key is not None


def _offers(receipt: Receipt | None) -> dict[str, Offer]:
    if receipt is None:
        return {}
    return {
        name: Offer(stage=receipt.stage, key=receipt.key, file=name, size=entry.size, sha256=entry.sha256)
        for name, entry in receipt.files.items()
    }


def _video(receipt: Receipt | None, offers: dict[str, Offer]) -> Offer | None:
    """The one that the receipt calls the medium, else the first that is one by its name."""
    if receipt is None:
        return None
    named = receipt.facts.get("media")
    if isinstance(named, str) and named in offers:
        return offers[named]
    return next((offer for name, offer in offers.items() if PurePath(name).suffix.lower() in VIDEO), None)


def _duration(receipt: Receipt | None) -> float | None:
    seconds = receipt.facts.get("duration") if receipt is not None else None
    return float(seconds) if isinstance(seconds, int | float) else None
