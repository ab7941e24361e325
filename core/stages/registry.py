"""All stages there are, in pipeline order; the one list that a new stage is added to.

The code of a stage is loaded by the worker that makes an attempt of it, so that a service is up in half a second.
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.config import Config
from core.domain.breaker import HOST, LLM, NETWORK
from core.domain.run import Source
from core.domain.settings import Settings
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

    def remove_silence() -> Stage:
        from core.stages.remove_silence import RemoveSilenceStage

        return RemoveSilenceStage(free_space_bytes=config.free_space_bytes)

    def highlights() -> Stage:
        from core.stages.highlights import HighlightsStage

        return HighlightsStage(_llm(config))

    def export() -> Stage:
        from core.stages.export import ExportStage

        return ExportStage(free_space_bytes=config.free_space_bytes)

    def language_model(source: Source, settings: Settings) -> tuple[str, ...]:
        asked = settings.llm != "offline" and bool(config.llm_base_url and config.llm_model)
        return (LLM,) if asked else ()

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
            Deferred(
                "remove_silence",
                lane="cpu",
                unit="cuts",
                needs=("download", "transcribe"),
                wanted=lambda settings: settings.remove_silence,
                load=remove_silence,
            ),
            Deferred(
                "detect_highlights",
                lane="api",
                unit="tokens",
                needs=("download", "transcribe"),
                wanted=lambda settings: settings.detect_highlights,
                load=highlights,
            ),
            Deferred(
                "export",
                lane="cpu",
                unit="audio_s",
                needs=("download", "remove_silence"),
                wanted=lambda settings: settings.export,
                load=export,
            ),
        ),
        outside={
            "download": host_of_source,
            "quotes": language_model,
            "summary": language_model,
            "detect_highlights": lambda source, settings: (
                language_model(source, settings) if settings.transcribe else ()
            ),
        },
    )


def host_of_source(source: Source, settings: Settings) -> tuple[str, ...]:
    """What a download needs: the host of its address, and the network; a file needs nothing."""
    if source.kind != "url":
        return ()
    try:
        host = urlsplit(source.value).hostname or ""
    except ValueError:
        host = ""
    return (f"{HOST}{host}", NETWORK) if host else (NETWORK,)


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
