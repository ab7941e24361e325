"""The stage `transcribe`: reads like the list of its steps; each step is a module beside this one."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.domain import subtitles
from core.domain.errors import ErrorClass, StageError
from core.domain.run import Work
from core.domain.settings import Settings
from core.stages.sound.recording import NAME as SAMPLES
from core.stages.sound.recording import RATE, Recording, extract
from core.stages.stage import Attempt, Job, Made
from core.stages.transcribe import gate, hub, imported, models, plan
from core.stages.transcribe.assemble import assemble
from core.stages.transcribe.gate import Heard
from core.stages.transcribe.imported import Imported
from core.stages.transcribe.loading import COMPUTE_TYPE, Loader, Loading
from core.stages.transcribe.models import Model
from core.stages.transcribe.plan import FIRST, SECOND, Plan
from core.stages.transcribe.planning import find_plan, make_plan
from core.stages.transcribe.windows import Decoder, decode_all
from core.system.allocator import give_back

# Speech in another language: at least so much of it, a good part of the recording, and most of it refused by the gate.
FOREIGN_S, FOREIGN_SPEECH_SHARE, FOREIGN_FAULTY_SHARE = 8.0, 0.2, 0.5


class TranscribeStage:
    """Speech to text by Whisper on the processor; one object serves many attempts and keeps its model loaded.

    `threads` windows are decoded at a time (0: one a core this process may use). Publishes `transcript.json`, `.txt`,
    `.srt` and `.vtt`; the same plan, weights, libraries and kind of processor give the same bytes, whatever the number
    of cores, attempts and kills in between.
    """

    name = "transcribe"
    version = 1
    lane = "cpu"
    unit = "audio_s"
    needs: tuple[str, ...] = ("download",)

    def __init__(self, threads: int = 0, models_dir: str = "", hub: bool = True) -> None:
        self._threads = threads
        self._models_dir = models_dir
        self._hub = hub
        self._loader = Loader()

    def wanted(self, settings: Settings) -> bool:
        """Whether a run with these settings is transcribed."""
        return settings.transcribe

    def params(self, job: Job) -> dict[str, Any]:
        """What changes the text: weights, language, recipes, or the transcript that is taken instead.

        Raises `StageError` when no model fits, and when the transcript that was given is gone.
        """
        given = imported.find(job)
        if given is not None:
            return {"imported": given.sha256, "language": given.language, "format": imported.FORMAT}
        model = self._model(job)
        return {
            "model": model.name,
            "model_sha256": model.sha256,
            "language": job.settings.language,
            "compute_type": COMPUTE_TYPE,
            "recipes": msgspec.to_builtins([FIRST, SECOND]),
            "plan_format": plan.FORMAT,
        }

    def warm(self, job: Job) -> None:
        """Load the model that `job` needs, if it is installed, so that the next attempt begins at once."""
        if imported.find(job) is not None:
            return
        model = self._model(job)
        if model.path is not None:
            self._loader.load(model, self._cores())

    def run(self, attempt: Attempt) -> Made:
        """Transcribe what `download` published.

        Raises `StageError`: NO_AUDIO, NOT_MEDIA, INPUT_LOST, MODEL_MISSING, LANGUAGE_MISMATCH, TOOLING, DISK_FULL,
        OUT_OF_MEMORY. Sound without speech is no error: the transcript is empty and `facts["speech"]` is False.
        """
        source = attempt.job.inputs["download"]
        given = imported.find(attempt.job)
        if given is not None:
            return _take_over(attempt, given)
        if not source.facts.get("has_audio", True):
            raise StageError(ErrorClass.NO_AUDIO, "The video has no sound.")
        model = self._installed(attempt)
        threads = self._cores()
        loading = self._loader.begin(model, threads)
        recording = _recording(attempt, source.path / source.facts["media"])
        try:
            return self._transcribe(attempt, model, recording, loading, threads=threads)
        finally:
            recording.close()
            give_back()

    def _transcribe(
        self, attempt: Attempt, model: Model, recording: Recording, loading: Loading, *, threads: int
    ) -> Made:
        earlier = attempt.units.done()
        made = find_plan(attempt, model, recording) or make_plan(
            attempt,
            model,
            recording,
            loading=loading,
            threads=threads,
            # Units of a plan that no longer holds keep their numbers; the new plan's come after them.
            first_unit=max(earlier, default=-1) + 1,
        )
        heard = _heard(made, earlier)
        todo = [number for number in range(len(made.windows)) if number not in heard]
        reused_s = sum(plan.seconds(made.windows[number]) for number in heard)
        total_s = sum(plan.seconds(pieces) for pieces in made.windows)
        done_s = 0.0

        def begin(number: int) -> None:
            attempt.units.begin(made.first_unit + number, plan.seconds(made.windows[number]))

        def keep(number: int, result: Heard) -> None:
            nonlocal done_s
            size = plan.seconds(made.windows[number])
            attempt.units.add(made.first_unit + number, size, gate.to_unit(result, made.id))
            heard[number] = result
            done_s += size
            attempt.progress(reused_s + done_s, total_s, "transcribing")
            if result.faults:
                attempt.log(f"window {number + 1} of {len(made.windows)} stays suspect: {', '.join(result.faults)}")

        if todo:
            attempt.progress(reused_s, total_s, "transcribing")
            assert made.language is not None, "there are windows, so the language was found"
            decoder = Decoder(loading.result(attempt), made.language)
            decode_all(made, todo, decoder, recording, threads=threads, check=attempt.check, begin=begin, keep=keep)
        _refuse_foreign_speech(attempt.job.settings, model, made, heard)
        work = Work(unit=self.unit, done=round(done_s, 3), reused=round(reused_s, 3))
        return _publish(attempt.out, made, heard, work)

    def _cores(self) -> int:
        return self._threads or len(os.sched_getaffinity(0))

    def _model(self, job: Job) -> Model:
        return models.choose(job.settings.model, job.settings.language, self._models_dir, self._hub)

    def _installed(self, attempt: Attempt) -> Model:
        model = self._model(attempt.job)
        if model.path is not None:
            return model
        hub.fetch(
            model.name,
            models.REPOSITORIES[model.name],
            check=attempt.check,
            log=attempt.log,
            progress=lambda read: attempt.progress(read, None, f"fetching the model {model.name}"),
        )
        model = self._model(attempt.job)
        if model.path is None:
            raise StageError(ErrorClass.MODEL_MISSING, f"The model “{model.name}” was fetched but cannot be found.")
        return model


def _recording(attempt: Attempt, media: Path) -> Recording:
    target = attempt.work / SAMPLES
    if not target.exists():
        attempt.progress(0, None, "reading the sound")
        extract(media, target, check=attempt.check, log=attempt.log)
    return Recording(target)


def _heard(made: Plan, units: Mapping[int, dict[str, Any]]) -> dict[int, Heard]:
    """What earlier attempts heard in windows of this very plan, by window."""
    return {
        number - made.first_unit: gate.from_unit(data)
        for number, data in units.items()
        if data.get("plan") == made.id and 0 <= number - made.first_unit < len(made.windows)
    }


def _refuse_foreign_speech(settings: Settings, model: Model, made: Plan, heard: Mapping[int, Heard]) -> None:
    """English-only weights make nonsense of other languages; when most of it fails the gate, say so instead."""
    if not model.english_only or settings.language != "auto":
        return
    total_s = sum(plan.seconds(pieces) for pieces in made.windows)
    faulty_s = sum(plan.seconds(made.windows[number]) for number, result in heard.items() if result.faults)
    is_speech = total_s >= max(FOREIGN_S, FOREIGN_SPEECH_SHARE * made.samples / RATE)
    if is_speech and faulty_s > FOREIGN_FAULTY_SHARE * total_s:
        raise StageError(
            ErrorClass.LANGUAGE_MISMATCH,
            f"Most of this does not sound like English, and the model “{model.name}” understands nothing else.",
            hint="Choose a multilingual model such as base; if it is English after all, set the language to en.",
        )


def _take_over(attempt: Attempt, given: Imported) -> Made:
    """Publish what somebody else transcribed."""
    source = attempt.job.inputs["download"]
    attempt.log(f"taken over, not transcribed: {len(given.captions.passages)} captions ({given.origin})")
    if given.captions.dropped:
        attempt.log(f"{given.captions.dropped} captions cannot be used and are left out")
    duration_s = max(float(source.facts.get("duration") or 0.0), given.captions.passages[-1].end)
    transcript = imported.transcript_of(given, duration_s)
    _write(attempt.out, transcript)
    return Made(
        facts={
            "language": given.language,
            "duration": transcript["duration"],
            "segments": len(transcript["segments"]),
            "speech": True,
            "suspect": 0,
            "imported": given.origin,
            "dropped": given.captions.dropped,
        },
        work=Work(unit="audio_s", reused=transcript["duration"]),
        duration_s=transcript["duration"],
    )


def _write(out: Path, transcript: dict[str, Any]) -> None:
    (out / "transcript.json").write_bytes(msgspec.json.format(msgspec.json.encode(transcript), indent=1) + b"\n")
    for suffix, render in (("txt", subtitles.as_txt), ("srt", subtitles.as_srt), ("vtt", subtitles.as_vtt)):
        (out / f"transcript.{suffix}").write_bytes(render(transcript).encode())


def _publish(out: Path, made: Plan, heard: Mapping[int, Heard], work: Work) -> Made:
    transcript = assemble(made, heard)
    _write(out, transcript)
    segments = transcript["segments"]
    return Made(
        facts={
            "language": made.language,
            "duration": transcript["duration"],
            "segments": len(segments),
            "speech": bool(segments),
            "suspect": sum(bool(segment["flags"]) for segment in segments),
            "model": made.model,
        },
        tools={**made.environment, "compute_type": made.compute_type},
        work=work,
        duration_s=transcript["duration"],
    )
