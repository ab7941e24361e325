"""What asking a language model costs is known also when nothing comes of it."""

from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.stages.language import Reply
from core.stages.language_stage import ask_for_unit
from tests.support.attempt import FolderAttempt


def raises(error: BaseException) -> Reply[str]:
    raise error


def test_a_question_is_noted_before_it_is_asked(tmp_path: Path) -> None:
    attempt = FolderAttempt(tmp_path)

    def ask() -> Reply[str]:
        assert attempt.units.begun == [3]
        return Reply("yes", 12)

    assert ask_for_unit(attempt, 3, ask).value == "yes"
    assert attempt.units.withdrawn == []


@pytest.mark.parametrize("error_class", [ErrorClass.RATE_LIMITED, ErrorClass.LLM_UNAVAILABLE, ErrorClass.LLM_REFUSED])
def test_a_question_that_nobody_answered_cost_nothing(tmp_path: Path, error_class: ErrorClass) -> None:
    attempt = FolderAttempt(tmp_path)
    with pytest.raises(StageError):
        ask_for_unit(attempt, 0, lambda: raises(StageError(error_class, "No.")))
    assert attempt.units.withdrawn == [0]


@pytest.mark.parametrize("error", [Stop(), StageError(ErrorClass.LLM_INVALID, "Nonsense.")])
def test_a_question_that_was_broken_off_or_answered_with_nonsense_was_paid_for(
    tmp_path: Path, error: BaseException
) -> None:
    attempt = FolderAttempt(tmp_path)
    with pytest.raises(type(error)):
        ask_for_unit(attempt, 0, lambda: raises(error))
    assert (attempt.units.begun, attempt.units.withdrawn) == ([0], [])
