"""A summary without a model: central sentences as they were said, in any language, without any download."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from core.stages.summary import SummaryStage
from tests.support.attempt import FolderAttempt
from tests.support.llm_server import LlmServer
from tests.support.transcripts import TALK, attempt_at, long_talk, transcript

FIELDS = {"title", "abstract", "abstract_points", "points", "keywords", "source", "model"}
MANY = long_talk(900)


def document(attempt: FolderAttempt) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((attempt.out / "summary.json").read_text())
    return made


def test_without_a_model_the_summary_is_the_central_sentences_with_their_segments(tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path)
    made = SummaryStage(None).run(attempt)
    written = document(attempt)
    assert set(written) == FIELDS
    assert written["points"]
    assert all(said["text"] == TALK[said["segment_ids"][0]] for said in written["points"])
    assert written["abstract"] == " ".join(said["text"] for said in written["abstract_points"])
    assert (written["source"], written["model"]) == ("extractive", None)
    assert "river" in written["keywords"]
    assert "the" not in written["keywords"]
    assert made.facts == {"source": "extractive", "points": len(written["points"]), "speech": True}


@pytest.mark.parametrize("said", [[], [""], ["  ", "..."], ["[Music]"]])
@pytest.mark.parametrize("model", [False, True])
def test_without_speech_it_says_so_and_asks_nobody(tmp_path: Path, said: list[str], model: bool) -> None:
    with LlmServer() as server:
        attempt = attempt_at(tmp_path, said)
        SummaryStage(server.config() if model else None).run(attempt)
        assert len(server.asked) == 0
    assert "No speech was detected" in document(attempt)["abstract"]
    assert document(attempt)["points"] == []
    assert "No speech was detected" in (attempt.out / "summary.md").read_text()


def test_only_suspect_segments_are_no_ground_for_a_summary(tmp_path: Path) -> None:
    said = transcript(["Thanks for watching!"] * 3, flags={number: ["repetition"] for number in range(3)})
    with LlmServer() as server:
        attempt = attempt_at(tmp_path, said)
        made = SummaryStage(server.config()).run(attempt)
        assert server.asked == []
    assert "reliably" in document(attempt)["abstract"]
    assert made.facts["speech"] is False


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ["Yes."]),
        ("en", ["The the the."]),
        ("de", ["Der Fluss ist kalt.", "Die Lachse sind im Fluss zurück.", "Das freut die Leute am Fluss sehr."]),
        ("ja", ["川の水は冷たい。", "鮭が川に戻った。"]),
        ("cy", ["Mae'r afon yn oer.", "Mae'r eog yn ôl yn yr afon."]),
        ("xx", ["abc def ghi jkl mno.", "abc def ghi jkl pqr."]),
        ("", ["abc def ghi jkl mno."]),
        ("ar", ["عاد السلمون إلى النهر.", "النهر بارد الآن؟"]),
    ],
)
def test_any_language_and_length_is_summed_up_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, said: list[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    attempt = attempt_at(tmp_path, transcript(said, language=language))
    SummaryStage(None).run(attempt)
    assert document(attempt)["points"]
    assert document(attempt)["title"]


def test_no_tokenizer_data_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("nltk data was asked for")

    monkeypatch.setattr(nltk, "download", refuse)
    monkeypatch.setattr(nltk.data, "find", refuse)
    SummaryStage(None).run(attempt_at(tmp_path))


def test_two_million_characters_are_summed_up_offline_in_bounds(tmp_path: Path) -> None:
    attempt = attempt_at(tmp_path, transcript(MANY * 30, words=False))
    SummaryStage(None).run(attempt)
    assert len(document(attempt)["points"]) == 7
    assert len((attempt.out / "summary.json").read_bytes()) < 20_000
