"""What the pages of a batch say beside its runs: its report, and the description it is made with."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core.api import process
from core.domain.states import Phase
from tests.pages.reading import html
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]


def test_the_report_of_a_batch_says_what_resuming_saved(case: Showcase, page: Open) -> None:
    batch_id = case.batch("Talks")
    case.run(batch_id, "Talk", Phase.COMPLETED, done=4)
    drawn = page("batches.py", batch=batch_id)
    assert "Taken over" not in html(drawn), "the journal is read only when somebody wants to see it"
    drawn.session_state["report"] = True
    drawn.run()
    assert not drawn.exception, drawn.exception
    assert "12 s of audio were not transcribed again" in html(drawn)
    assert "<td>56 s</td><td>12 s</td>" in html(drawn)


def test_a_batch_can_be_made_with_a_description(case: Showcase, page: Open) -> None:
    sound = case.layout.root.parent / "talk.wav"
    sound.write_bytes(b"RIFF")
    drawn = page("new_batch.py")
    drawn.text_area[0].set_value(str(sound))
    next(one for one in drawn.text_input if one.label == "Description").set_value("For the archive")
    next(one for one in drawn.button if one.label == "Keep as draft").click().run()
    made = list(process.current().manager.storage.index.batches.values())
    assert [batch.description for batch in made] == ["For the archive"]
