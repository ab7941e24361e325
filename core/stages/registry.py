"""All stages there are, in pipeline order; the one list that a new stage is added to."""

from core.config import Config
from core.stages.catalog import Catalog
from core.stages.download.stage import DownloadStage
from core.stages.language import LlmConfig
from core.stages.quotes import QuotesStage
from core.stages.summary import SummaryStage
from core.stages.transcribe import TranscribeStage


def build_stages(config: Config) -> Catalog:
    """Every stage, configured."""
    llm = None
    if config.llm_base_url or config.llm_model or config.llm_api_key:
        llm = LlmConfig(
            base_url=config.llm_base_url,
            model=config.llm_model,
            api_key=config.llm_api_key,
            timeout_s=config.llm_timeout_s,
        )
    return Catalog(
        (
            DownloadStage(
                allowed_hosts=config.allowed_hosts,
                socket_timeout_s=config.socket_timeout_s,
                max_media_bytes=config.max_media_bytes,
                max_media_s=config.max_media_s,
                free_space_bytes=config.free_space_bytes,
            ),
            TranscribeStage(threads=config.transcribe_threads, models_dir=config.models_dir, hub=config.hub),
            QuotesStage(llm),
            SummaryStage(llm),
        )
    )
