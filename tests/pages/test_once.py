"""A form that is sent twice makes one batch, whatever becomes of the first drawing of the page."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import StopException
from streamlit.testing.v1 import AppTest

from core.domain.errors import BadInput
from pages.components.session import once
from tests.pages.reading import labels, press
from tests.support.media_files import media_file
from tests.support.showcase import Showcase

Open = Callable[..., AppTest]
PATIENCE_S = 20.0


def test_two_who_ask_at_the_same_time_get_one_thing() -> None:
    begun, go, made = threading.Event(), threading.Event(), []

    def make() -> int:
        begun.set()
        assert go.wait(PATIENCE_S)
        made.append(1)
        return len(made)

    found: list[int] = []
    asking = [threading.Thread(target=lambda: found.append(once("two", make))) for _ in range(2)]
    asking[0].start()
    assert begun.wait(PATIENCE_S)
    asking[1].start()
    assert once("another", lambda: 7) == 7  # nobody waits for what somebody else's form is made of
    go.set()
    for one in asking:
        one.join(PATIENCE_S)
    assert found == [1, 1]


def test_what_failed_is_tried_again() -> None:
    def fail() -> int:
        raise BadInput("There is nothing to add.")

    with pytest.raises(BadInput):
        once("failed", fail)
    assert once("failed", lambda: 3) == 3


def test_a_page_that_is_drawn_anew_while_its_batch_is_made_makes_no_second_one(
    case: Showcase, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second click ends the first script at its next word to the browser: at the latest the end of the spinner."""
    drawn = page("new_batch.py")
    drawn.text_area[0].input(str(media_file("talk.mp4")))
    whole = st.spinner

    @contextmanager
    def interrupted(text: str) -> Iterator[None]:
        with whole(text):
            yield
        raise StopException

    monkeypatch.setattr(st, "spinner", interrupted)
    press(drawn, "Start")
    assert len(case.store.batches.ids()) == 1
    monkeypatch.setattr(st, "spinner", whole)
    press(drawn, "Start")
    assert len(case.store.batches.ids()) == 1
    assert "Start" not in labels(drawn)
