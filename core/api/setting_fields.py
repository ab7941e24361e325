"""The settings of a batch as a body has them: described and checked by the one model of settings there is."""

from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, WithJsonSchema

from core.domain.batch_job_words import settings_from
from core.domain.errors import BadInput
from core.domain.settings import Settings, parse_settings

_, _COMPONENTS = msgspec.json.schema_components([Settings], ref_template="#/components/schemas/{name}")
SCHEMA: dict[str, Any] = {
    **_COMPONENTS["Settings"],
    "title": "BatchSettings",
    "additionalProperties": False,
    "examples": [{"transcribe": True, "remove_silence": True, "silence_threshold": -40, "language": "en"}],
}


def _checked(given: Any) -> dict[str, Any]:
    """`given` in our words; raises `ValueError` naming the setting that is not usable, which becomes a 422."""
    if not isinstance(given, dict):
        raise ValueError("settings are an object")
    settings = settings_from(given)
    try:
        parse_settings(settings, strict=True)
    except BadInput as error:
        raise ValueError(f"{error.message} {error.hint}") from None
    return settings


Given = Annotated[dict[str, Any], BeforeValidator(_checked), WithJsonSchema(SCHEMA)]
