"""The settings of a batch: what should be made of each of its videos."""

import difflib
from typing import Annotated, Any, Literal

import msgspec

from core.domain.errors import BadInput

MODELS = ("tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en", "large-v3", "turbo")

Name = Annotated[str, msgspec.Meta(max_length=100)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a batch asks for; the field names are those of the outside contract.

    `model` is `auto` (the best installed one) or a size from `MODELS`; `language` is `auto` or an ISO 639-1 code;
    `silence_threshold` is in dB and used by the mode `fixed` only; `auto` follows the recording's own background.
    """

    transcribe: bool = True
    language: Annotated[str, msgspec.Meta(pattern=r"^(auto|[a-z]{2,3})$")] = "auto"
    model: str = "auto"
    use_subtitles: Literal["never", "manual", "any"] = "never"
    quotes: bool = True
    summary: bool = True
    llm: Literal["auto", "offline", "openai-compatible"] = "auto"
    remove_silence: bool = False
    silence_mode: Literal["auto", "fixed"] = "auto"
    silence_threshold: Annotated[float, msgspec.Meta(ge=-60, le=-20)] = -40.0
    min_silence_s: Annotated[float, msgspec.Meta(ge=0.5, le=5)] = 0.5
    silence_margin_s: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2
    detect_highlights: bool = False
    highlight_sensitivity: Literal["low", "medium", "high", "max"] = "medium"
    keywords: Annotated[tuple[Name, ...], msgspec.Meta(max_length=100)] = ()
    export: bool = False
    export_format: Literal["mp4", "mov", "webm"] = "mp4"
    export_quality: Literal["720p", "1080p", "4K"] = "1080p"
    export_upscale: bool = False
    max_retries: Annotated[int, msgspec.Meta(ge=0, le=10)] = 3
    on_exhausted: Literal["fail", "hold"] = "fail"
    format: Literal["best", "1080p", "720p", "audio"] = "best"


def parse_settings(given: dict[str, Any], base: Settings | None = None, *, strict: bool = False) -> Settings:
    """The settings `base` changed by what was `given`; text is converted (`true`, `3`, `-40`) unless it is `strict`.

    Who gives a threshold of silence and no mode wants that threshold, and so the mode `fixed`.
    Raises `BadInput` naming the field, what was wrong with it and, for an unknown name, the nearest known one.
    """
    known = Settings.__struct_fields__
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise BadInput(
                f"There is no setting “{name}”.",
                hint=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}.",
            )
    if "silence_threshold" in given and "silence_mode" not in given:
        given = {**given, "silence_mode": "fixed"}
    merged = {**msgspec.to_builtins(base or Settings()), **given}
    if isinstance(merged["keywords"], str) and not strict:
        merged["keywords"] = [word.strip() for word in merged["keywords"].split(",") if word.strip()]
    try:
        settings = msgspec.convert(merged, Settings, strict=strict)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise BadInput(
            f"The setting {where.strip('`$.') or 'given'} is not usable: {reason}.",
            hint="./reprise add --help lists the settings.",
        ) from None
    if settings.model != "auto" and settings.model not in MODELS:
        raise BadInput(f"There is no model “{settings.model}”.", hint=f"Choose one of auto, {', '.join(MODELS)}.")
    return settings


def as_kept(changes: dict[str, Any]) -> dict[str, Any]:
    """Changed settings as a record keeps them: lists, so that what is read back is equal to what was written."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in changes.items()}
