"""All stages there are, in pipeline order; the one list that a new stage is added to.

The code of a stage is loaded by the worker that makes an attempt of it, so that a service is up in half a second.
"""

from typing import TYPE_CHECKING

from core.config import Config
from core.stages.catalog import Catalog
from core.stages.deferred import Deferred
from core.stages.stage import Stage

if TYPE_CHECKING:
    from core.stages.language import LlmConfig


def build_stages(config: Config) -> Catalog:
    """Every stage, configured."""

    def download() -> Stage:
        from core.stages.download.stage import DownloadStage

        return DownloadStage(
            allowed_hosts=config.allowed_hosts,
            socket_timeout_s=config.socket_timeout_s,
            max_media_bytes=config.max_media_bytes,
            max_media_s=config.max_media_s,
            free_space_bytes=config.free_space_bytes,
        )

    def transcribe() -> Stage:
        from core.stages.transcribe import TranscribeStage

        return TranscribeStage(threads=config.transcribe_threads, models_dir=config.models_dir, hub=config.hub)

    def quotes() -> Stage:
        from core.stages.quotes import QuotesStage

        return QuotesStage(_llm(config))

    def summary() -> Stage:
        from core.stages.summary import SummaryStage

        return SummaryStage(_llm(config))

    return Catalog(
        (
            Deferred("download", lane="network", unit="bytes", wanted=lambda settings: True, load=download),
            Deferred(
                "transcribe",
                lane="cpu",
                unit="audio_s",
                needs=("download",),
                wanted=lambda settings: settings.transcribe,
                load=transcribe,
                warm=_warm_transcribe,
            ),
            Deferred(
                "quotes",
                lane="api",
                unit="tokens",
                needs=("transcribe",),
                wanted=lambda settings: settings.transcribe and settings.quotes,
                load=quotes,
            ),
            Deferred(
                "summary",
                lane="api",
                unit="tokens",
                needs=("transcribe",),
                wanted=lambda settings: settings.transcribe and settings.summary,
                load=summary,
            ),
        )
    )


def _warm_transcribe() -> None:
    from core.stages.transcribe.loading import import_ahead

    import_ahead()


def _llm(config: Config) -> "LlmConfig | None":
    from core.stages.language import LlmConfig

    if not (config.llm_base_url or config.llm_model or config.llm_api_key):
        return None
    return LlmConfig(
        base_url=config.llm_base_url, model=config.llm_model, api_key=config.llm_api_key, timeout_s=config.llm_timeout_s
    )
