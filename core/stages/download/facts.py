"""What the download tells the stages after it about its media file."""

import msgspec


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a media file is; times and durations in seconds with 3 decimals."""

    container: str
    suffix: str
    duration: float
    has_audio: bool
    has_video: bool
    audio_codec: str | None = None
    video_codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    sample_rate: int | None = None
    audio_start: float | None = None
    video_start: float | None = None
