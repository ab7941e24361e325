"""How each setting is shown: one row a field, in the order of the form. Bounds and values come from `Settings` itself."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import inspect

from core.domain.languages import LANGUAGES
from core.domain.settings import MODELS, Settings

Kind = Literal["switch", "choice", "number", "words", "text"]
ON = (True,)

TRANSCRIPT, TEXTS, SILENCE, HIGHLIGHTS, EXPORT, COURSE = (
    "Transcript",
    "Quotes and summary",
    "Silence",
    "Highlights",
    "Export",
    "Download and failures",
)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads beside a setting.

    `only_if` names the settings it depends on and the values of theirs with which it has an effect. `names` says a value
    in words; values without one are shown as they are. `short` stands for it in the line that sums settings up.
    """

    section: str
    label: str
    help: str
    only_if: Mapping[str, tuple[Any, ...]] = {}
    names: Mapping[Any, str] = {}
    step: float | None = None
    unit: str = ""
    short: str = ""


_MODEL_NAMES = {"auto": "Automatic"} | {
    name: f"{name.removesuffix('.en')}, English only" for name in MODELS if name.endswith(".en")
}

FIELDS: dict[str, Field] = {
    "transcribe": Field(
        section=TRANSCRIPT,
        label="Transcribe",
        help="Write down what is said, word by word with its times.",
        short="Transcribe",
    ),
    "language": Field(
        section=TRANSCRIPT,
        label="Language",
        help="The language that is spoken. Automatic listens to the beginning.",
        only_if={"transcribe": ON},
        names={"auto": "Automatic", **LANGUAGES},
    ),
    "model": Field(
        section=TRANSCRIPT,
        label="Speech model",
        help="Larger models hear better and take longer. Automatic takes the best one installed.",
        only_if={"transcribe": ON},
        names=_MODEL_NAMES,
    ),
    "use_subtitles": Field(
        section=TRANSCRIPT,
        label="The video's own subtitles",
        help="Taken instead of transcribing where they are in the file or a site offers them; else it is transcribed.",
        only_if={"transcribe": ON},
        names={"never": "Never", "manual": "If a person wrote them", "any": "Also automatic ones"},
    ),
    "quotes": Field(
        section=TEXTS,
        label="Quotes",
        help="Passages worth quoting, each checked against the transcript.",
        only_if={"transcribe": ON},
        short="Quotes",
    ),
    "summary": Field(
        section=TEXTS,
        label="Summary",
        help="What is said, in points that name where.",
        only_if={"transcribe": ON},
        short="Summary",
    ),
    "llm": Field(
        section=TEXTS,
        label="Quotes and summary by",
        help="Automatic asks the configured language model, and does without one where none is configured.",
        only_if={"transcribe": ON},
        names={
            "auto": "Automatic",
            "offline": "On this machine, by extraction",
            "openai-compatible": "The configured language model",
        },
    ),
    "remove_silence": Field(
        section=SILENCE,
        label="Remove silence",
        help="Cut pauses out; transcript, quotes and chapters follow.",
        short="Remove silence",
    ),
    "silence_mode": Field(
        section=SILENCE,
        label="What counts as silent",
        help="Automatic measures the noise of each recording and cuts where nobody speaks.",
        only_if={"remove_silence": ON},
        names={"auto": "Automatic", "fixed": "Below a level"},
    ),
    "silence_threshold": Field(
        section=SILENCE,
        label="Silent below",
        help="What is quieter counts as silence. Nearer to −20 dB more is cut.",
        only_if={"remove_silence": ON, "silence_mode": ("fixed",)},
        step=1.0,
        unit="dB",
    ),
    "min_silence_s": Field(
        section=SILENCE,
        label="Shortest pause that is cut",
        help="Pauses that are shorter stay as they are.",
        only_if={"remove_silence": ON},
        step=0.1,
        unit="s",
    ),
    "silence_margin_s": Field(
        section=SILENCE,
        label="Kept before and after speech",
        help="So much of each pause stays on both sides, so that nothing sounds clipped.",
        only_if={"remove_silence": ON},
        step=0.05,
        unit="s",
    ),
    "detect_highlights": Field(
        section=HIGHLIGHTS,
        label="Detect highlights",
        help="Find the passages that stand out, each with a score and the reason.",
        short="Highlights",
    ),
    "highlight_sensitivity": Field(
        section=HIGHLIGHTS,
        label="Sensitivity",
        help="Higher finds more passages, also weaker ones.",
        only_if={"detect_highlights": ON},
        names={"low": "Low", "medium": "Medium", "high": "High", "max": "Max"},
    ),
    "keywords": Field(
        section=HIGHLIGHTS,
        label="Keywords",
        help="Words that matter to you, with commas between them. Passages with them score higher.",
        only_if={"detect_highlights": ON},
    ),
    "export": Field(
        section=EXPORT,
        label="Export a video",
        help="Make a file to keep or to pass on; without silence if that is removed.",
        short="Export",
    ),
    "export_format": Field(
        section=EXPORT,
        label="Format",
        help="MP4 plays everywhere, MOV suits editing, WebM is free and takes longest to make.",
        only_if={"export": ON},
        names={"mp4": "MP4", "mov": "MOV", "webm": "WebM"},
    ),
    "export_quality": Field(
        section=EXPORT,
        label="Quality",
        help="The largest height of the picture. A smaller one stays as it is.",
        only_if={"export": ON},
    ),
    "export_upscale": Field(
        section=EXPORT,
        label="Enlarge smaller pictures",
        help="Makes the file larger and no sharper; off, a smaller picture keeps its size.",
        only_if={"export": ON},
    ),
    "format": Field(
        section=COURSE,
        label="Download",
        help="What is fetched where a site offers several sizes.",
        names={"best": "Best", "audio": "Sound only"},
    ),
    "max_retries": Field(
        section=COURSE, label="Tries again by itself", help="After the first one, for each step.", step=1
    ),
    "on_exhausted": Field(
        section=COURSE,
        label="When all tries failed",
        help="A failed run can be retried at any time; one on hold asks for you.",
        names={"fail": "The run fails", "hold": "Hold it for me"},
    ),
}

_TYPES = {field.encode_name: field.type for field in inspect.type_info(Settings).fields}  # type: ignore[attr-defined]


def kind(name: str) -> Kind:
    """What sort of value a setting has."""
    match _TYPES[name]:
        case inspect.BoolType():
            return "switch"
        case inspect.LiteralType():
            return "choice"
        case inspect.IntType() | inspect.FloatType():
            return "number"
        case inspect.VarTupleType() | inspect.ListType():
            return "words"
    return "choice" if choices(name) else "text"


def choices(name: str) -> tuple[Any, ...]:
    """The values a setting can have, in the order of the form; none for a number or free text."""
    if name == "model":
        return ("auto", *MODELS)
    if name == "language":
        return ("auto", *sorted(LANGUAGES, key=lambda code: LANGUAGES[code]))
    of = _TYPES[name]
    if not isinstance(of, inspect.LiteralType):
        return ()
    own = getattr(Settings.__annotations__[name], "__args__", of.values)  # inspect sorts them, the model does not
    return tuple(own)


def bounds(name: str) -> tuple[float, float] | None:
    """The least and the greatest value of a number; None where there is not both."""
    of = _TYPES[name]
    if not isinstance(of, inspect.IntType | inspect.FloatType) or of.ge is None or of.le is None:
        return None
    return of.ge, of.le


def is_whole(name: str) -> bool:
    """Whether a number has no fractions."""
    return isinstance(_TYPES[name], inspect.IntType)


def has_effect(name: str, values: Mapping[str, Any]) -> bool:
    """Whether a setting changes anything beside these `values` of all settings."""
    return all(values[other] in wanted and has_effect(other, values) for other, wanted in FIELDS[name].only_if.items())


def said(name: str, value: Any) -> str:
    """The value of a setting in words."""
    field = FIELDS[name]
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple | list):
        return ", ".join(value) or "None"
    named = field.names.get(value)
    if named is None:
        named = f"{value:g}".replace("-", "−") if isinstance(value, float) else str(value)
    return f"{named} {field.unit}".strip()


def sections() -> Iterator[tuple[str, list[str]]]:
    """Each section of the form with its settings, in order."""
    names: dict[str, list[str]] = {}
    for name, field in FIELDS.items():
        names.setdefault(field.section, []).append(name)
    yield from names.items()


def summed_up(settings: Settings) -> str:
    """What settings ask for in one line: `Transcribe, Remove silence, 1080p`."""
    values = msgspec.structs.asdict(settings)
    parts = [
        FIELDS[name].short
        for name, value in values.items()
        if value is True and FIELDS[name].short and name != "export" and has_effect(name, values)
    ]
    if settings.transcribe and settings.language != "auto":
        parts.insert(1, said("language", settings.language))
    if settings.export:
        parts.append(f"{said('export_format', settings.export_format)} {settings.export_quality}")
    elif settings.format != "best":
        parts.append(said("format", settings.format))
    return ", ".join(parts) or "Download only"
