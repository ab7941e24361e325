"""The stage that brings a source into the storage: `DownloadStage`, and what a source is: `source`."""

from core.stages.download.stage import DownloadStage

__all__ = ["DownloadStage"]
