from pathlib import Path

from core.domain.document import document
from core.domain.states import BATCH_TABLE, RUN_TABLE, STAGE_TABLE

DOCUMENT = Path(__file__).parents[3] / "docs" / "states.md"


def test_the_document_of_the_states_is_up_to_date() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run: python -m core.domain.document > docs/states.md"


def test_every_row_of_every_table_is_in_the_document() -> None:
    text = document()
    for row in (*RUN_TABLE, *BATCH_TABLE, *STAGE_TABLE):
        assert f"| {row.id} | {row.event} |" in text
