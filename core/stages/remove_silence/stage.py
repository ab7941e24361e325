"""The stage `remove_silence`: listens, decides, renders what is kept, and maps what was said onto it."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from core.domain.cuts import CutList
from core.domain.errors import ErrorClass, StageError
from core.domain.run import Work
from core.domain.sentences import read_transcript
from core.domain.settings import Settings
from core.domain.silence import Found, Rule, Voice, find_silence, rule_of, said, voice_of_transcript
from core.stages.remove_silence import publishing
from core.stages.rendering.groups import Rendered, render, scratch_bytes
from core.stages.rendering.media import Media, look
from core.stages.rendering.spec import Spec, sound_spec
from core.stages.sound import ear
from core.stages.sound.ear import Ear
from core.stages.stage import Attempt, Job, Made
from core.system.files import free_bytes

NAME = "silence_removed"
SPEC = Spec()
# How the decision is made; raised when the same sound must be cut in another way.
DECISION = 1
# While it is made every part of the result lies beside the whole.
_CODED_BYTES_PER_S = 1_000_000


class RemoveSilenceStage:
    """Cuts the pauses out of what `download` published; words of the transcript, where there is one, are never cut.

    Publishes `cuts.json` and, when there was something to cut, `silence_removed.mp4` (`.m4a` for sound alone) and the
    transcript as it fits it. The same medium, transcript and settings give the same bytes, whatever is killed.
    """

    name = "remove_silence"
    version = 1
    lane = "cpu"
    unit = "cuts"
    needs: tuple[str, ...] = ("download", "transcribe")

    def __init__(self, free_space_bytes: int = 0) -> None:
        self._free_space_bytes = free_space_bytes

    def wanted(self, settings: Settings) -> bool:
        """Whether a run with these settings has its silence removed."""
        return settings.remove_silence

    def params(self, job: Job) -> dict[str, Any]:
        """The rule, without what it does not use, and how the result is coded."""
        rule: dict[str, Any] = msgspec.to_builtins(rule_of(job.settings))
        if rule["mode"] == "auto":
            del rule["threshold_db"]
        return {"rule": rule, "decision": DECISION, "heard": ear.FORMAT, "spec": msgspec.to_builtins(SPEC)}

    def run(self, attempt: Attempt) -> Made:
        """Remove the silence.

        Raises `StageError`: INPUT_LOST, NOT_MEDIA, DISK_FULL, LIMIT_EXCEEDED, TOOLING, POSTPROCESS. A video without sound,
        without pauses or silent throughout is no error: nothing is cut, and there is no new video.
        """
        download = attempt.job.inputs["download"]
        path = download.path / str(download.facts["media"])
        attempt.progress(0, None, "looking")
        media = look(path, attempt.check)
        rule = rule_of(attempt.job.settings)
        found = self._found(attempt, path, media, rule) if media.sound is not None else None
        if found is None or not found.cuts.removed:
            return self._uncut(attempt, media, rule, found)
        attempt.log(f"{len(found.cuts.removed)} pauses to cut.")
        spec = SPEC if media.picture is not None else sound_spec(SPEC)
        self._require_space(attempt.work, media, scratch_bytes(media, found.cuts.kept, spec))
        name = f"{NAME}.{spec.suffix}"
        made = render(media, found.cuts.kept, spec, attempt=attempt, out=attempt.out / name, decode="keys")
        return self._cut(attempt, name, made, rule, found)

    def _found(self, attempt: Attempt, path: Path, media: Media, rule: Rule) -> Found:
        listener = Ear(path, attempt.work, check=attempt.check, log=attempt.log)
        levels = listener.levels(lambda seconds: attempt.progress(seconds, None, "listening"))
        attempt.check()
        return find_silence(levels, media.duration, rule, self._voice(attempt, listener, rule))

    def _voice(self, attempt: Attempt, listener: Ear, rule: Rule) -> Voice | None:
        """Who speaks where: by the transcript where there is one, else by listening where that is asked for."""
        spoken = attempt.job.inputs.get("transcribe")
        if spoken is not None:
            return voice_of_transcript(read_transcript((spoken.path / "transcript.json").read_bytes()))
        if rule.mode == "fixed":
            return None
        voices = listener.voices(lambda share: attempt.progress(share, None, f"listening for voices: {share:.0%}"))
        return Voice(spoken=voices, speech=voices)

    def _require_space(self, folder: Path, media: Media, scratch: int) -> None:
        needed = int(media.duration * _CODED_BYTES_PER_S) + scratch + self._free_space_bytes
        free = free_bytes(folder)
        if free < needed:
            raise StageError(
                ErrorClass.DISK_FULL,
                f"Only {free / 1e6:.0f} MB are free on the disk; removing the silence needs {needed / 1e6:.0f} MB.",
            )

    def _cut(self, attempt: Attempt, name: str, made: Rendered, rule: Rule, found: Found) -> Made:
        cuts = _in_whole_frames(made.cuts, Fraction(made.fps))
        attempt.log(f"{said(cuts)}; {cuts.kept_s:.1f} of {cuts.duration:.1f} s are left.")
        publishing.write_cuts(attempt.out, cuts, rule, found, fps=made.fps)
        spoken = attempt.job.inputs.get("transcribe")
        if spoken is not None:
            publishing.write_transcript(attempt.out, spoken.path / "transcript.json", cuts)
        if made.complaints:
            attempt.log(f"{made.complaints} places of the video could not be decoded cleanly.")
        return Made(
            facts=self._facts(cuts, found) | {"media": name},
            work=Work(unit=self.unit, done=made.done, reused=made.reused),
        )

    def _uncut(self, attempt: Attempt, media: Media, rule: Rule, found: Found | None) -> Made:
        """Nothing to cut: said, and written down as a cut list that keeps everything."""
        cuts = CutList.whole(media.duration)
        why = "no sound" if found is None else "silent throughout" if found.all_silent else "no pauses"
        attempt.log(f"Nothing is cut: {why}.")
        publishing.write_cuts(attempt.out, cuts, rule, found, why=why)
        return Made(facts=self._facts(cuts, found) | {"media": None, "why": why}, work=Work(unit=self.unit, done=0.0))

    def _facts(self, cuts: CutList, found: Found | None) -> dict[str, Any]:
        return {
            "duration": round(cuts.kept_s, 3),
            "pauses": len(cuts.removed),
            "removed_s": cuts.removed_s,
            "threshold_db": found.thresholds.quiet if found is not None else None,
        }


def _in_whole_frames(cuts: CutList, fps: Fraction) -> CutList:
    """`cuts` of a medium that ends with its last whole frame: what is left of a frame after it is no pause."""
    end = cuts.kept[-1].end
    return msgspec.structs.replace(cuts, duration=end) if (cuts.duration - end) * fps < 1 else cuts
