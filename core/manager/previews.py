"""What removing silence would do, before anything is rendered: numbers, cuts and a picture of the sound."""

from typing import Any, Literal

import msgspec

from core.domain.cuts import CutList
from core.domain.errors import Refused
from core.domain.levels import Levels, coarse
from core.domain.run import RunRecord
from core.domain.sentences import read_transcript
from core.domain.settings import Settings, parse_settings
from core.domain.silence import Rule, Thresholds, Voice, find_silence, rule_of, said, voice_of_transcript
from core.domain.states import StageStatus
from core.manager.index import Index
from core.manager.listening import Asked, Job, Listening, wait
from core.store.artifacts import Artifacts
from core.store.layout import Layout
from core.system.files import explained

COLUMNS = 1200
SOUND_FPS, SLOWEST_FPS, FASTEST_FPS = 100.0, 20.0, 120.0
NOT_THERE = "The video is not downloaded yet."
NO_SOUND = "The video has no sound, so there is nothing to cut."
SILENT = "It is silent throughout; nothing would be cut."
UNSURE = "The transcript is not made yet; once it is, every word in it is kept."


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would be cut from a run's video by some settings.

    `status` is `ready`, `listening` (nothing is known yet; `share` of it was heard) or `impossible` (`note` says why).
    A ready one that is `refining` is judged by levels alone while voices are still being looked for. `wave` is the
    loudness in dB, evenly over `duration`.
    """

    status: Literal["ready", "listening", "impossible"]
    settings: Settings
    note: str = ""
    share: float = 0.0
    refining: bool = False
    duration: float = 0.0
    cuts: CutList | None = None
    thresholds: Thresholds | None = None
    wave: tuple[float, ...] = ()

    @property
    def said(self) -> str:
        """The preview in a few words: `214 pauses, -11:20`."""
        return said(self.cuts) if self.cuts is not None else self.note

    def told(self) -> dict[str, Any]:
        """The preview as commands and programs are told of it."""
        cuts, levels = self.cuts, self.thresholds
        return {
            "status": self.status,
            "said": self.said,
            "note": self.note,
            "pauses": len(cuts.removed) if cuts is not None else None,
            "removed_s": cuts.removed_s if cuts is not None else None,
            "kept_s": cuts.kept_s if cuts is not None else None,
            "duration_s": self.duration or None,
            "threshold_db": levels.quiet if levels is not None else None,
            "threshold_unvoiced_db": levels.nearly if levels is not None else None,
            "floor_db": levels.floor if levels is not None else None,
            "settings": {
                name: getattr(self.settings, name)
                for name in ("silence_mode", "silence_threshold", "min_silence_s", "silence_margin_s")
            },
            "removed": [[span.start, span.end] for span in cuts.removed] if cuts is not None else None,
        }


class Previews:
    """Makes previews of any run whose video is there; what is decided is what the stage will decide."""

    def __init__(
        self,
        index: Index,
        layout: Layout,
        artifacts: Artifacts,
        free_space_bytes: int,
        listening: Listening | None = None,
    ) -> None:
        self._index, self._layout, self._artifacts = index, layout, artifacts
        self._listening = listening or Listening(layout, free_space_bytes)

    def silence(self, run_id: str, changes: dict[str, Any] | None = None, *, patient: bool = False) -> Preview:
        """What would be cut by the run's settings with `changes`; answers at once unless `patient`.

        Raises `NotFound`, and `BadInput` for settings that are not usable.
        """
        run = self._index.run(run_id)
        settings = parse_settings(changes or {}, run.settings or self._index.batch(run.batch_id).settings)
        asked = self._asked(run)
        if isinstance(asked, str):
            return Preview(status="impossible", settings=settings, note=asked)
        if patient:
            wait(lambda: self._listening.levels(asked))
        levels = self._listening.levels(asked)
        if isinstance(levels, Job):
            if levels.error:
                return Preview(status="impossible", settings=settings, note=levels.error)
            share = min(1.0, levels.told / max(asked.duration, 0.01))
            return Preview(status="listening", settings=settings, duration=asked.duration, share=share)
        return self._decided(run, asked, levels, settings, patient)

    def require(self, run_id: str, changes: dict[str, Any] | None = None) -> Preview:
        """The preview, waited for; raises `Refused` when there can be none."""
        found = self.silence(run_id, changes, patient=True)
        if found.status != "ready":
            raise Refused(f"There is no preview for run {run_id}: {found.note}", code="no_preview")
        return found

    def _decided(self, run: RunRecord, asked: Asked, levels: Levels, settings: Settings, patient: bool) -> Preview:
        rule = rule_of(settings)
        voice, note, refining = self._voice(run, asked, rule, patient)
        found = find_silence(levels, asked.duration, rule, voice)
        # As it will be rendered: cuts fall between frames, and what is kept grows to whole ones.
        cuts = found.cuts.snapped(asked.fps)
        return Preview(
            status="ready",
            settings=settings,
            note=SILENT if found.all_silent else note,
            refining=refining,
            duration=asked.duration,
            cuts=cuts,
            thresholds=found.thresholds,
            wave=tuple(_picture(levels, asked.duration)),
        )

    def _voice(self, run: RunRecord, asked: Asked, rule: Rule, patient: bool) -> tuple[Voice | None, str, bool]:
        """Who speaks where, as the stage will know it; a note, and whether it is still being found out."""
        spoken = run.stages.get("transcribe")
        key = spoken.key if spoken is not None and spoken.status == StageStatus.COMMITTED else None
        if key is not None and self._artifacts.receipt("transcribe", key) is not None:
            path = self._layout.artifact("transcribe", key) / "transcript.json"
            with explained("reading the transcript"):
                return voice_of_transcript(read_transcript(path.read_bytes())), "", False
        if spoken is not None and spoken.status != StageStatus.NOT_NEEDED:
            return None, UNSURE, False
        if rule.mode == "fixed":
            return None, "", False
        if patient:
            wait(lambda: self._listening.voices(asked))
        voices = self._listening.voices(asked)
        if isinstance(voices, Job):
            return None, voices.error, not voices.error
        return Voice(spoken=voices, speech=voices), "", False

    def _asked(self, run: RunRecord) -> Asked | str:
        """The run's medium, or why there is none to listen to."""
        stage = run.stages.get("download")
        receipt = None
        if stage is not None and stage.status == StageStatus.COMMITTED and stage.key is not None:
            receipt = self._artifacts.receipt("download", stage.key)
        if receipt is None or stage is None or stage.key is None:
            return NOT_THERE
        if not receipt.facts.get("has_audio", True):
            return NO_SOUND
        name = str(receipt.facts.get("media", ""))
        if name not in receipt.files:
            return NOT_THERE
        return Asked(
            sha256=receipt.files[name].sha256,
            path=self._layout.artifact("download", stage.key) / name,
            duration=float(receipt.facts.get("duration") or run.duration_s or 0.0),
            fps=_frames_per_s(receipt.facts),
        )


def _frames_per_s(facts: dict[str, Any]) -> float:
    """How many frames a second the cut video will have, nearly; sound alone is cut in hundredths of a second."""
    fps = float(facts.get("fps") or 0.0) if facts.get("has_video") else 0.0
    return SOUND_FPS if fps <= 0 else max(SLOWEST_FPS, min(fps, FASTEST_FPS))


def _picture(levels: Levels, duration: float) -> list[float]:
    """The sound as columns over the whole duration; silent where there is none."""
    share = min(1.0, levels.duration / duration) if duration > 0 else 1.0
    drawn = coarse(levels.peaks, max(1, round(COLUMNS * share)))
    return [*drawn, *[-127.5] * round(len(drawn) * (1 / share - 1))] if drawn else []
