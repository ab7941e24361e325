"""The list of stages says of each, before its code is loaded, what the stage itself says."""

import subprocess
import sys

import pytest

from core.config import Config
from core.domain.run import Source
from core.domain.settings import Settings
from core.stages.registry import build_stages

ASKED = Config(llm_base_url="https://llm.example/v1", llm_model="m")
NAMES = ("download", "transcribe", "quotes", "summary", "remove_silence", "detect_highlights", "export")
HEAVY = ("yt_dlp", "faster_whisper", "ctranslate2", "numpy", "openai", "sumy", "streamlit", "structlog", "asyncio")


def test_the_stages_stand_in_the_order_of_the_pipeline() -> None:
    assert tuple(build_stages(Config()).stages) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_is_announced_as_it_is(name: str) -> None:
    announced = build_stages(Config()).stages[name]
    stage = announced.stage  # type: ignore[attr-defined]
    for fact in ("name", "lane", "unit", "needs", "version"):
        assert getattr(announced, fact) == getattr(stage, fact), fact
    for transcribe in (True, False):
        for extras in (True, False):
            settings = Settings(
                transcribe=transcribe, quotes=extras, summary=extras, detect_highlights=extras, export=extras
            )
            assert announced.wanted(settings) == stage.wanted(settings)


def test_a_service_starts_without_what_only_its_workers_need() -> None:
    program = f"import sys, core.cli.main, core.service.service; print([n for n in {HEAVY} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


@pytest.mark.parametrize(
    ("stage", "source", "settings", "config", "needs"),
    [
        (
            "download",
            Source(kind="url", value="https://Example.org:444/v"),
            Settings(),
            Config(),
            ("host:example.org", "network"),
        ),
        ("download", Source(kind="file", value="/v.mp4"), Settings(), Config(), ()),
        ("transcribe", Source(kind="url", value="https://example.org/v"), Settings(), Config(), ()),
        ("quotes", Source(kind="file", value="/v.mp4"), Settings(), Config(), ()),
        ("quotes", Source(kind="file", value="/v.mp4"), Settings(), ASKED, ("llm",)),
        ("summary", Source(kind="file", value="/v.mp4"), Settings(llm="offline"), ASKED, ()),
    ],
)
def test_what_a_stage_needs_outside_follows_from_source_settings_and_configuration(
    stage: str, source: Source, settings: Settings, config: Config, needs: tuple[str, ...]
) -> None:
    assert build_stages(config).outside(stage, source, settings) == needs
