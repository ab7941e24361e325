"""Events are followed over broken connections, each once."""

import threading
from collections.abc import Callable

import pytest

from core.client import BatchEvent, Client, NotFound, NotUnderstood, Patience, Unreachable
from tests.support.scripted_server import Said, ScriptedServer, json

SOON = Patience(tries=3, first_s=0.01, longest_s=0.05)
OVER = Said(204, b"")


def stream(text: str, **more: bool) -> Said:
    """A part of a stream that then breaks off."""
    return Said(200, text.encode(), {"Content-Type": "text/event-stream"}, **more)


def event(number: int, type_: str = "progress") -> str:
    return f'id: {number}\ndata: {{"type":"{type_}","batch_id":"b_1","video_id":"r_1","progress":{number}}}\n\n'


def followed(*answers: Said, after: str = "") -> tuple[list[BatchEvent], ScriptedServer]:
    with ScriptedServer(*answers) as server, Client(server.url, "x", patience=SOON) as reprise:
        return list(reprise.batch_events("b_1", after)), server


def test_each_event_is_told_with_what_it_says() -> None:
    events, _ = followed(stream("retry: 10\n\n: hello\n\n" + event(1)), OVER)
    (one,) = events
    assert (one.event_id, one.type, one.batch_id, one.video_id, one.progress) == ("1", "progress", "b_1", "r_1", 1)
    assert one.data["progress"] == 1


def test_a_stream_that_breaks_is_gone_on_with_after_the_last_event() -> None:
    half = event(3)[:20]
    events, server = followed(
        stream("retry: 1\n\n" + event(1) + event(2) + half), json({}, 503), stream(event(3) + event(4)), OVER
    )
    assert [one.event_id for one in events] == ["1", "2", "3", "4"]
    assert [asked.headers.get("Last-Event-ID") for asked in server.asked] == [None, "2", "2", "4"]


@pytest.mark.parametrize(
    "last", ['{"type":"completed","status":"failed"}', '{"type":"batch","status":"completed"}', '{"type":"deleted"}']
)
def test_it_ends_with_the_batch(last: str) -> None:
    middle = '{"type":"batch","status":"processing"}'
    events, server = followed(stream(f"{event(1)}data: {middle}\n\ndata: {last}\n\n{event(9)}"))
    assert (len(events), len(server.asked)) == (3, 1)


def test_it_begins_after_an_event_that_is_known() -> None:
    _, server = followed(OVER, after="17")
    assert server.asked[0].headers["Last-Event-ID"] == "17"


def test_what_will_not_mend_is_raised_at_once() -> None:
    with pytest.raises(NotFound):
        followed(json({}, 404))
    with pytest.raises(NotUnderstood):
        followed(stream("data: [1]\n\n"))


def test_nobody_answering_is_raised_in_the_end() -> None:
    gone = Said(200, b"", {"Content-Type": "text/event-stream", "Content-Length": "9"}, breaks=True)
    with pytest.raises(Unreachable):
        followed(stream("retry: 1\n\n"), gone)


def test_a_subscription_ends_when_it_is_told_to_even_while_nothing_comes() -> None:
    first, hold = threading.Event(), threading.Event()
    told: list[str] = []

    def note(one: BatchEvent) -> None:
        told.append(one.event_id)
        first.set()

    def endless() -> Callable[..., Said]:
        # More is promised than comes: the reader waits for it.
        return lambda _: Said(200, event(1).encode(), {"Content-Type": "text/event-stream", "Content-Length": "100000"})

    with ScriptedServer(endless()) as server, Client(server.url, "x", patience=SOON) as reprise:
        before = set(threading.enumerate())
        unsubscribe = reprise.subscribe_to_batch_progress("b_1", note)
        assert first.wait(10)
        (thread,) = (one for one in set(threading.enumerate()) - before if one.name == "reprise-events")
        unsubscribe()
        thread.join(5)
        assert not thread.is_alive()
        assert told == ["1"]
    hold.set()
