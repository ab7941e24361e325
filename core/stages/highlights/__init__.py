"""The highlights stage: the passages of a recording that stand out, each with a score and a reason."""

from core.stages.highlights.stage import HighlightsStage

__all__ = ["HighlightsStage"]
