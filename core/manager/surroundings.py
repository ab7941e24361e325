"""What advice on settings rests on: the models and services of this machine, and the recording they are for."""

from core.config import Config
from core.domain.advice import Around
from core.domain.run import RunRecord
from core.stages.transcribe.models import installed
from core.store.artifacts import Artifacts


def surroundings(config: Config, artifacts: Artifacts, run: RunRecord | None = None) -> Around:
    """What is known now; of the recording only with a `run` that has downloaded it."""
    download = run.stages.get("download") if run is not None else None
    receipt = artifacts.receipt("download", download.key) if download is not None and download.key else None
    facts = receipt.facts if receipt is not None else {}
    height = facts.get("height")
    return Around(
        models=tuple(installed(config.models_dir)),
        hub=config.hub,
        llm=bool(config.llm_base_url and config.llm_model),
        height=height if isinstance(height, int) else None,
        has_sound=facts.get("has_audio"),
        has_picture=facts.get("has_video"),
    )
