"""The export stage: a video as a file to give away, in the format and size that were asked for."""

from core.stages.export.stage import ExportStage

__all__ = ["ExportStage"]
