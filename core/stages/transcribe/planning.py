"""The plan of an attempt: the one an earlier attempt made durable, or a new one, durable before its first window."""

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.sound.recording import Recording
from core.stages.sound.voice import speech_probabilities
from core.stages.stage import Attempt
from core.stages.transcribe import plan
from core.stages.transcribe.environment import environment
from core.stages.transcribe.loading import COMPUTE_TYPE, Loading
from core.stages.transcribe.models import Model
from core.stages.transcribe.plan import FIRST, SECOND, Piece, Plan
from core.stages.transcribe.windows import detect_language

NAME = "plan.json"


def find_plan(attempt: Attempt, model: Model, recording: Recording) -> Plan | None:
    """The plan on disk, if it was made for the same samples, weights, recipes, libraries and processor."""
    try:
        found = msgspec.json.decode((attempt.work / NAME).read_bytes(), type=Plan)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        attempt.log("the plan on disk cannot be read: planning anew")
        return None
    is_same = (
        found.format == plan.FORMAT
        and found.environment == environment()
        and found.model_sha256 == model.sha256
        and found.compute_type == COMPUTE_TYPE
        and found.recipes == (FIRST, SECOND)
        and found.samples == recording.samples
        and found.audio_sha256 == recording.sha256(attempt.check)
    )
    if not is_same:
        attempt.log("the plan on disk was made for other samples, weights, libraries or processor: planning anew")
    return found if is_same else None


def make_plan(
    attempt: Attempt, model: Model, recording: Recording, *, loading: Loading, threads: int, first_unit: int
) -> Plan:
    """A new plan, durable. Raises `StageError(LANGUAGE_MISMATCH)` when the model does not know the language set."""

    def tell(share: float) -> None:
        attempt.progress(0, None, f"looking for speech: {share:.0%}")

    probabilities = speech_probabilities(recording, threads, attempt.check, tell)
    windows = plan.make_windows(probabilities, recording.samples)
    made = Plan(
        format=plan.FORMAT,
        environment=environment(),
        model=model.name,
        model_sha256=model.sha256,
        compute_type=COMPUTE_TYPE,
        recipes=(FIRST, SECOND),
        language=_language(attempt, model, recording, loading, windows),
        samples=recording.samples,
        audio_sha256=recording.sha256(attempt.check),
        windows=windows,
        first_unit=first_unit,
    )
    attempt.file(NAME, msgspec.json.encode(made))
    speech_s = sum(plan.seconds(pieces) for pieces in windows)
    attempt.log(f"{speech_s:.1f} s of speech in {recording.seconds:.1f} s, {len(windows)} windows")
    return made


def _language(
    attempt: Attempt, model: Model, recording: Recording, loading: Loading, windows: tuple[tuple[Piece, ...], ...]
) -> str | None:
    """The language set, else that of the weights, else the one that is heard; None where nothing is said."""
    language = attempt.job.settings.language
    if language != "auto":
        if language not in loading.result(attempt).supported_languages:
            raise StageError(
                ErrorClass.LANGUAGE_MISMATCH,
                f"The model “{model.name}” does not know the language “{language}”.",
                hint="Set the language to auto, or to a code such as en, de or fr.",
            )
        return language
    if model.english_only:
        return "en"
    if not windows:
        return None
    attempt.progress(0, None, "finding out the language")
    found = detect_language(loading.result(attempt), recording, windows)
    attempt.log(f"the language is {found}")
    return found
