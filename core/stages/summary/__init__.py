"""The summary stage: what a recording says, in a few sentences that name the segments they rest on."""

from core.stages.summary.stage import SummaryStage

__all__ = ["SummaryStage"]
