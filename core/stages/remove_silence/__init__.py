"""Videos without their pauses: what is cut is decided by `core.domain.silence`, and made by `core.stages.rendering`."""

from core.stages.remove_silence.stage import RemoveSilenceStage

__all__ = ["RemoveSilenceStage"]
