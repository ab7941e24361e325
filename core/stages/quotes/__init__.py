"""The quotes stage: what was said word for word, with its place, checked against the transcript."""

from core.stages.quotes.stage import QuotesStage

__all__ = ["QuotesStage"]
