"""What is said about settings before work begins."""

from typing import Any

import pytest

from core.domain.advice import Around, advise
from core.domain.settings import parse_settings

SILENT, SMALL = Around(has_sound=False), Around(height=480)
ENGLISH = Around(models=("tiny.en",))


def told(around: Around, **given: Any) -> list[tuple[str, bool]]:
    return [(advice.name, advice.fails) for advice in advise(parse_settings(given), around)]


def test_usual_settings_on_a_machine_that_is_set_up_need_no_advice() -> None:
    assert told(Around(models=("base", "tiny.en"), llm=False, height=1080, has_sound=True, has_picture=True)) == []


@pytest.mark.parametrize(
    ("around", "given", "expected"),
    [
        (Around(), {"language": "de", "model": "tiny.en"}, [("model", True)]),
        (ENGLISH, {"model": "large-v3"}, [("model", False)]),
        (Around(models=("tiny.en",), hub=False), {"model": "large-v3"}, [("model", True)]),
        (ENGLISH, {"language": "de"}, [("language", False)]),
        (Around(models=("tiny.en",), hub=False), {"language": "de"}, [("language", True)]),
        (ENGLISH, {}, [("language", False)]),
        (ENGLISH, {"language": "en"}, []),
        (Around(models=()), {}, []),
        (Around(llm=False), {"llm": "openai-compatible"}, [("llm", True)]),
        (Around(llm=False), {"llm": "openai-compatible", "quotes": False, "summary": False}, []),
        (Around(llm=True), {"llm": "openai-compatible"}, []),
        (Around(), {"transcribe": False}, [("transcribe", False)]),
        (Around(), {"export": True, "format": "audio", "export_quality": "4K"}, [("export", False)]),
        (SMALL, {"export": True}, [("export_quality", False)]),
        (Around(), {"export": True, "export_quality": "4K", "format": "720p"}, [("export_quality", False)]),
        (Around(height=2160), {"export": True, "export_quality": "4K", "format": "720p"}, []),
        (Around(), {"export": True, "export_quality": "4K", "export_format": "webm"}, [("export_format", False)]),
        (SMALL, {"export_quality": "4K"}, []),
        (SILENT, {"remove_silence": True}, [("transcribe", False), ("remove_silence", False)]),
        (SILENT, {"transcribe": False, "export": True}, []),
        (Around(), {"remove_silence": True, "silence_threshold": -22}, [("silence_threshold", False)]),
        (Around(), {"remove_silence": True, "silence_mode": "auto", "silence_threshold": -22}, []),
        (Around(), {"remove_silence": True, "silence_margin_s": 0.4}, [("silence_margin_s", False)]),
        (Around(), {"transcribe": False, "detect_highlights": True}, [("detect_highlights", False)]),
    ],
)
def test_what_will_not_happen_or_will_fail_is_said_beforehand(
    around: Around, given: dict[str, Any], expected: list[tuple[str, bool]]
) -> None:
    assert told(around, **given) == expected


def test_what_fails_is_said_first() -> None:
    given = {"language": "de", "model": "tiny.en", "remove_silence": True, "silence_threshold": -20}
    assert told(Around(), **given) == [("model", True), ("silence_threshold", False)]
    first, *_ = advise(parse_settings(given))
    assert first.said == "tiny.en understands English only, and the language is German."
