"""Asking a language model through a real server: what comes back, what goes wrong, and that the key stays inside."""

import base64
import logging
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.stages.language import Language, LlmConfig, chosen
from core.stages.language_errors import UnusableError
from tests.support.llm_server import (
    KEY,
    LlmServer,
    Step,
    cut,
    dripping,
    fails,
    raw,
    refusing_options,
    says,
    silent,
)

SCHEMA = {"type": "object", "properties": {"quotes": {"type": "array", "items": {"type": "string"}}}}
MATERIAL = "S000000 One two three four five."


def read(answer: Any) -> Any:
    if "n" not in answer:
        raise UnusableError("it has no n")
    return answer["n"]


def ask(server: LlmServer, check: Callable[[], None] = lambda: None, **config: Any) -> Any:
    with Language(server.config(**config), check) as model:
        return model.ask("Answer.", MATERIAL, SCHEMA, read)


def ask_times(server: LlmServer, times: int) -> None:
    with Language(server.config(), lambda: None) as model:
        for _ in range(times):
            model.ask("Answer.", MATERIAL, SCHEMA, lambda answer: answer)


def failure(*script: Step, **config: Any) -> tuple[StageError, LlmServer]:
    with LlmServer(*script) as server, pytest.raises(StageError) as caught:
        ask(server, **config)
    return caught.value, server


@pytest.mark.parametrize(
    "content",
    [
        '{"n": 5}',
        '```json\n{"n": 5}\n```',
        '<think>maybe {"n": 4}?</think>\n{"n": 5}',
        'Here you are: {"n": 5} Glad to help!',
    ],
)
def test_the_json_is_found_however_it_is_wrapped(content: str) -> None:
    with LlmServer(says(content, tokens=321)) as server:
        reply = ask(server)
    assert (reply.value, reply.tokens) == (5, 321)


def test_a_question_has_no_tools_and_as_little_chance_as_possible() -> None:
    with LlmServer(says({"n": 1})) as server:
        ask(server)
    body = server.asked[0].body
    assert {"tools", "functions", "stream"}.isdisjoint(body)
    assert (body["temperature"], body["seed"], body["model"]) == (0, 7, "fake-1")
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert server.asked[0].path == "/v1/chat/completions"


def test_the_material_stands_between_marks_that_differ_from_call_to_call() -> None:
    with LlmServer(says({"n": 1}), says({"n": 1})) as server:
        ask(server)
        ask(server)
    one, other = (asked.mark for asked in server.asked)
    assert one != other
    assert len(one) >= 32
    assert server.asked[0].material == [MATERIAL]
    assert one in server.asked[0].system


def test_the_key_is_in_no_question() -> None:
    with LlmServer(says({"n": 1})) as server:
        ask(server)
    assert KEY not in str(server.asked[0].body)


@pytest.mark.parametrize(
    ("step", "expected", "words"),
    [
        (fails(400, "context is too long"), ErrorClass.LLM_REFUSED, "context is too long"),
        (fails(402, "Insufficient Balance"), ErrorClass.LLM_REFUSED, "no credit"),
        (fails(403), ErrorClass.LLM_REFUSED, "refuses the API key"),
        (fails(404, "The model `x` does not exist"), ErrorClass.LLM_REFUSED, "does not exist"),
        (fails(408), ErrorClass.LLM_UNAVAILABLE, "has trouble"),
        (fails(422, "bad messages"), ErrorClass.LLM_REFUSED, "bad messages"),
        (fails(429), ErrorClass.RATE_LIMITED, "slow down"),
        (fails(429, "You exceeded your quota", "insufficient_quota"), ErrorClass.LLM_REFUSED, "no credit"),
        (fails(500, "oops"), ErrorClass.LLM_UNAVAILABLE, "oops"),
        (fails(503), ErrorClass.LLM_UNAVAILABLE, "has trouble (503)"),
        (raw(b"<html>Sign in to the hotel network</html>"), ErrorClass.LLM_UNAVAILABLE, "a web page"),
        (raw(b"<html>Bad gateway</html>", 502), ErrorClass.LLM_UNAVAILABLE, "has trouble (502)"),
        (raw(b""), ErrorClass.LLM_UNAVAILABLE, "no chat completion"),
        (raw(b'{"choices": []}'), ErrorClass.LLM_UNAVAILABLE, "no chat completion"),
        (raw(b'{"choices": [{"mess'), ErrorClass.LLM_UNAVAILABLE, "no chat completion"),
        (raw(b"[" * 100_000), ErrorClass.LLM_UNAVAILABLE, "no chat completion"),
        (raw(b" " * 5_000_000), ErrorClass.LLM_INVALID, "larger than 4 MB"),
        (says("\ud800{"), ErrorClass.LLM_UNAVAILABLE, "no chat completion"),
        (cut, ErrorClass.LLM_UNAVAILABLE, "broke the connection"),
    ],
)
def test_each_failure_has_its_class_and_one_sentence_and_is_not_tried_again_here(
    step: Step, expected: ErrorClass, words: str
) -> None:
    error, server = failure(step)
    assert error.error_class == expected
    assert words in error.message
    assert "\n" not in error.message
    assert error.hint
    assert len(server.asked) == 1


def test_a_wrong_key_is_refused_without_showing_it() -> None:
    error, server = failure(key="sk-wrong-canary")
    assert error.error_class == ErrorClass.LLM_REFUSED
    assert "sk-wrong-canary" not in error.message + error.hint
    assert server.refused == 1


def test_a_server_that_asks_for_a_wait_in_seconds_is_given_it() -> None:
    error, _ = failure(fails(429, Retry_After="17"))
    assert error.retry_after_s == 17.0


def test_a_wait_given_as_a_date_is_measured_by_the_servers_own_clock() -> None:
    step = fails(429, Retry_After="Sat, 21 Nov 2037 10:00:30 GMT", Date="Sat, 21 Nov 2037 10:00:00 GMT")
    error, _ = failure(step)
    assert error.retry_after_s == 30.0


@pytest.mark.parametrize("given", ["soon", "nan", "-5", "1e99", ""])
def test_a_strange_wait_does_no_harm(given: str) -> None:
    error, _ = failure(fails(429, Retry_After=given))
    assert error.retry_after_s is None or 0 <= error.retry_after_s <= 24 * 3600


def test_nobody_listening_is_unavailable() -> None:
    with LlmServer() as server:
        config = server.config()
    with Language(config, lambda: None) as model, pytest.raises(StageError) as caught:
        model.ask("Answer.", MATERIAL, SCHEMA, read)
    assert caught.value.error_class == ErrorClass.LLM_UNAVAILABLE
    assert "cannot be reached" in caught.value.message


@pytest.mark.parametrize("step", [silent, dripping])
def test_no_whole_answer_in_time_is_unavailable(step: Step) -> None:
    error, _ = failure(step, timeout_s=0.4)
    assert error.error_class == ErrorClass.LLM_UNAVAILABLE
    assert "at most 0.4 seconds" in error.message


def test_nonsense_is_asked_about_once_more() -> None:
    with LlmServer(says("I'd rather not."), says({"n": 2}, tokens=50)) as server:
        reply = ask(server)
    assert (reply.value, reply.tokens) == (2, 150)
    assert "no JSON object" in server.asked[1].body["messages"][-1]["content"]


@pytest.mark.parametrize("content", ["", "no", '{"n": ', '{"m": 1}', "[" * 100_000 + "{}", '{"a":' * 50_000 + "}"])
def test_nonsense_twice_is_an_invalid_answer(content: str) -> None:
    error, server = failure(says(content), says(content))
    assert error.error_class == ErrorClass.LLM_INVALID
    assert len(server.asked) == 2


def test_a_stop_ends_the_request_and_its_connection_within_a_second() -> None:
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stop

    with LlmServer(silent) as server:

        def stop_when_asked() -> None:
            server.arrived.wait(10)
            stop.set()

        stopper = threading.Thread(target=stop_when_asked)
        stopper.start()
        with pytest.raises(Stop):
            ask(server, check)
        ended = time.monotonic()
        stopper.join()
        assert server.left.wait(1.0)
        assert time.monotonic() - ended < 1.0


def test_a_server_that_lacks_options_is_asked_without_them_and_they_stay_out() -> None:
    with LlmServer(otherwise=refusing_options("response_format=json_schema", "seed", "temperature")) as server:
        ask_times(server, 2)
        last = server.asked[-1].body
    assert len(server.asked) == 5
    assert last["response_format"] == {"type": "json_object"}
    assert {"seed", "temperature"}.isdisjoint(last)


def test_a_server_that_lacks_all_json_modes_is_asked_in_words_alone() -> None:
    with LlmServer(otherwise=refusing_options("response_format")) as server:
        ask_times(server, 1)
    assert "response_format" not in server.asked[-1].body


def test_a_redirect_carries_the_transcript_nowhere() -> None:
    with LlmServer() as elsewhere:
        target = elsewhere.base_url + "/chat/completions"
        error, server = failure(raw(b"", 307, Location=target))
    assert error.error_class == ErrorClass.LLM_REFUSED
    assert "redirects" in error.message
    assert (len(server.asked), len(elsewhere.asked), elsewhere.refused) == (1, 0, 0)


@pytest.mark.parametrize("key", ["sk-canary\nX: y", "sk-canäry-ключ", "sk-canary\x00"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    error, server = failure(key=key)
    assert error.error_class == ErrorClass.LLM_REFUSED
    assert key[:8] not in "".join(traceback.format_exception(error)) + error.hint
    assert not server.asked


@pytest.mark.parametrize("url", ["not a url", "ftp://host/v1", "http://", "http://[::1", "http://host:99999/v1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(StageError) as caught, Language(LlmConfig(url, "m", "k", 2.0), lambda: None) as model:
        model.ask("Answer.", MATERIAL, SCHEMA, read)
    assert caught.value.error_class == ErrorClass.LLM_REFUSED
    assert url not in caught.value.message


def test_the_key_shows_in_no_error_log_or_representation(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_LOG", "debug")
    caplog.set_level(logging.DEBUG)
    forms = (KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode().rstrip("="))
    echo = "you sent " + " and ".join(forms)
    shown = [repr(LlmConfig("http://x/v1", "m", KEY))]
    steps = (
        fails(400, echo),
        fails(404, echo),
        fails(500, echo),
        fails(429, echo),
        says(echo),
        raw(echo.encode()),
        cut,
    )
    for step in steps:
        error, server = failure(step, step)
        shown += ["".join(traceback.format_exception(error)), repr(error), error.hint, repr(server.config())]
    shown += [caplog.text, *(str(record.__dict__) for record in caplog.records)]
    for form in forms:
        assert not any(form in text for text in shown)


@pytest.mark.parametrize(
    ("wish", "llm", "expected"),
    [
        ("auto", None, False),
        ("auto", LlmConfig("http://x/v1", ""), False),
        ("auto", LlmConfig("http://x/v1", "m"), True),
        ("offline", LlmConfig("http://x/v1", "m"), False),
        ("openai-compatible", LlmConfig("http://x/v1", "m"), True),
    ],
)
def test_a_model_is_chosen_by_wish_and_configuration(wish: str, llm: LlmConfig | None, expected: bool) -> None:
    assert (chosen(wish, llm) is not None) == expected


@pytest.mark.parametrize(
    ("llm", "missing"), [(None, "address"), (LlmConfig("", "m"), "address"), (LlmConfig("http://x", ""), "model name")]
)
def test_a_model_that_must_be_asked_but_is_not_configured_is_a_refusal_that_says_what_to_set(
    llm: LlmConfig | None, missing: str
) -> None:
    with pytest.raises(StageError, match=missing) as caught:
        chosen("openai-compatible", llm)
    assert "REPRISE_LLM_MODEL" in caught.value.hint
