"""What a person should know about settings before work begins: what will not happen, take long, or fail."""

from collections.abc import Iterator

import msgspec

from core.domain.languages import LANGUAGES
from core.domain.settings import Settings

HEIGHTS = {"720p": 720, "1080p": 1080, "4K": 2160}
_LOUD_DB = -25.0


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the settings; None where it is not.

    `models` are the speech models on this machine, `hub` whether others may be fetched, `llm` whether a language model is
    configured. `height` (pixels), `has_sound` and `has_picture` are those of the recording that the settings are for.
    """

    models: tuple[str, ...] | None = None
    hub: bool = True
    llm: bool | None = None
    height: int | None = None
    has_sound: bool | None = None
    has_picture: bool | None = None


class Advice(msgspec.Struct, frozen=True):
    """One sentence about the setting `name`; `fails` when the work cannot succeed like this."""

    name: str
    said: str
    fails: bool = False


NOTHING_KNOWN = Around()


def advise(settings: Settings, around: Around = NOTHING_KNOWN) -> list[Advice]:
    """Everything worth saying about these settings, what fails first."""
    found = [
        *_speech(settings, around),
        *_texts(settings, around),
        *_picture(settings, around),
        *_sound(settings, around),
    ]
    return sorted(found, key=lambda advice: not advice.fails)


def _speech(settings: Settings, around: Around) -> Iterator[Advice]:
    if not settings.transcribe:
        return
    model, language, here = settings.model, settings.language, around.models
    spoken = LANGUAGES.get(language, language)
    foreign = language not in ("auto", "en")
    if foreign and model.endswith(".en"):
        yield Advice("model", f"{model} understands English only, and the language is {spoken}.", True)
    elif here is not None and model != "auto" and model not in here:
        if around.hub:
            yield Advice("model", f"{model} is not on this machine; it is fetched from the model hub first.")
        else:
            there = f"; there is {', '.join(here)}" if here else ""
            yield Advice("model", f"{model} is not on this machine, and none may be fetched{there}.", True)
    elif foreign and here is not None and model == "auto" and all(name.endswith(".en") for name in here):
        if around.hub:
            yield Advice("language", f"No model here understands {spoken}; one is fetched from the model hub first.")
        else:
            yield Advice("language", f"No model here understands {spoken}, and none may be fetched.", True)
    elif language == "auto" and here and model == "auto" and all(name.endswith(".en") for name in here):
        yield Advice("language", "The models here understand English only; other languages come out wrong.")


def _texts(settings: Settings, around: Around) -> Iterator[Advice]:
    read = settings.transcribe and (settings.quotes or settings.summary)
    if settings.llm == "openai-compatible" and around.llm is False and (read or settings.detect_highlights):
        yield Advice("llm", "No language model is configured; what needs one fails. Automatic does without.", True)
    if not (settings.transcribe or settings.remove_silence or settings.detect_highlights or settings.export):
        yield Advice("transcribe", "With everything off the recordings are only downloaded.")


def _picture(settings: Settings, around: Around) -> Iterator[Advice]:
    if not settings.export:
        return
    if settings.format == "audio" or around.has_picture is False:
        yield Advice("export", "There will be no picture; the export has the sound alone.")
        return
    wanted = HEIGHTS[settings.export_quality]
    fetched = HEIGHTS.get(settings.format)
    if around.height is not None and around.height < wanted:
        yield Advice("export_quality", f"The video is {around.height} pixels high; {_kept(settings)}.")
    elif around.height is None and fetched is not None and fetched < wanted:
        yield Advice("export_quality", f"At most {settings.format} is downloaded; {_kept(settings)}.")
    if settings.export_format == "webm" and wanted > HEIGHTS["1080p"]:
        yield Advice("export_format", "WebM at 4K takes many times as long as the video plays.")


def _kept(settings: Settings) -> str:
    return f"{settings.export_quality} is made of it, no sharper" if settings.export_upscale else "it keeps that size"


def _sound(settings: Settings, around: Around) -> Iterator[Advice]:
    if around.has_sound is False:
        if settings.transcribe:
            yield Advice("transcribe", "This video has no sound, so there is nothing to write down.")
        if settings.remove_silence:
            yield Advice("remove_silence", "This video has no sound, so no silence can be told from speech.")
    if settings.remove_silence and 2 * settings.silence_margin_s > settings.min_silence_s:
        yield Advice(
            "silence_margin_s",
            f"Pauses shorter than {2 * settings.silence_margin_s:g} s lose nothing, since both margins fill them.",
        )
    if settings.remove_silence and settings.silence_mode == "fixed" and settings.silence_threshold > _LOUD_DB:
        yield Advice(
            "silence_threshold", "So near to −20 dB quiet speech may be cut too. The preview of a run shows it."
        )
    if settings.detect_highlights and not settings.transcribe:
        yield Advice(
            "detect_highlights", "Without a transcript highlights go by loudness alone; keywords find nothing."
        )
