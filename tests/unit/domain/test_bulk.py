"""How many files of a folder are worked on at once, and what of an export is a result."""

import pytest

from core.domain.bulk import results_only, workers
from core.domain.errors import BadInput
from core.domain.exports import Kind, Packed


@pytest.mark.parametrize(
    ("asked", "parallel", "at_once", "told"),
    [
        (None, True, 3, False),
        (4, True, 4, False),
        (5, True, 5, False),
        (8, True, 5, True),
        (None, False, 1, False),
        (1, False, 1, False),
        (4, False, 1, True),
    ],
)
def test_as_many_files_go_at_once_as_asked_and_possible_and_else_it_is_said(
    asked: int | None, parallel: bool, at_once: int, told: bool
) -> None:
    number, notice = workers(asked, 3, 5, parallel=parallel)
    assert (number, bool(notice)) == (at_once, told)


@pytest.mark.parametrize("asked", [0, -1])
def test_nobody_is_no_number_of_workers(asked: int) -> None:
    with pytest.raises(BadInput):
        workers(asked, 3, 5, parallel=True)


def packed(run_id: str, kind: Kind, stage: str) -> Packed:
    return Packed(name=f"{run_id}.{stage}.{kind}", kind=kind, run_id=run_id, stage=stage)


def test_a_video_as_it_came_is_a_result_only_where_nothing_was_made_of_it() -> None:
    as_it_came, text = packed("r_1", "video", "download"), packed("r_1", "transcript", "transcribe")
    cut, of_cut = packed("r_2", "video", "export"), packed("r_2", "transcript", "transcribe")
    alone, note = packed("r_3", "video", "download"), packed("", "note", "")
    assert results_only([as_it_came, text, cut, of_cut, alone, note]) == [text, cut, of_cut, alone, note]
