"""Speech to text: from the downloaded media file to a transcript with word times, killed and resumed at will."""

from core.stages.transcribe.stage import TranscribeStage

__all__ = ["TranscribeStage"]
