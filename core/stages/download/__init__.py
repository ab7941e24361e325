"""The stage that brings a source into the storage: `DownloadStage`, and what a source is: `source`.

The stage is loaded when it is asked for: who only reads sources, as the service does, starts without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.stages.download.stage import DownloadStage

__all__ = ["DownloadStage"]


def __getattr__(name: str) -> Any:
    if name == "DownloadStage":
        from core.stages.download.stage import DownloadStage

        return DownloadStage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
