"""What the stages that may ask a language model have in common: what they read, and which model answers."""

from collections.abc import Callable
from typing import Any, TypeVar

from core.domain.errors import ErrorClass, StageError
from core.stages import language
from core.stages.language import LlmConfig, Reply
from core.stages.stage import Attempt, Job

T = TypeVar("T")


class LanguageStage:
    """The part of a stage's protocol that quotes and summary share; each adds its name, `wanted` and `run`."""

    lane = "api"
    unit = "tokens"
    needs: tuple[str, ...] = ("transcribe",)
    prompt: int
    """The version of the questions; a new one makes the result anew."""

    def __init__(self, llm: LlmConfig | None) -> None:
        self._llm = llm

    def params(self, job: Job) -> dict[str, Any]:
        """Whether a model is asked, and which; raises `StageError` when one must be and none is configured."""
        llm = language.chosen(job.settings.llm, self._llm)
        if llm is None:
            return {"mode": "offline"}
        return {"mode": "llm", "model": llm.model, "prompt": self.prompt}

    def model(self, attempt: Attempt) -> LlmConfig | None:
        """The model this attempt asks, or None; raises like `params`."""
        return language.chosen(attempt.job.settings.llm, self._llm)


def transcript_of(attempt: Attempt) -> bytes:
    """The transcript this attempt works on, as it was published."""
    return (attempt.job.inputs["transcribe"].path / "transcript.json").read_bytes()


def ask_for_unit(attempt: Attempt, number: int, ask: Callable[[], Reply[T]]) -> Reply[T]:
    """The answer of `ask` for unit `number`, which counts as begun by it; a question nobody answered cost no tokens."""
    attempt.units.begin(number)
    try:
        return ask()
    except StageError as error:
        if error.error_class != ErrorClass.LLM_INVALID:
            attempt.units.withdraw(number)
        raise
