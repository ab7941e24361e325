"""What is asked for has to be possible here."""

from core.domain.errors import BadInput
from core.domain.settings import Settings
from core.stages.catalog import Catalog


def check_settings(settings: Settings, catalog: Catalog) -> None:
    """Raise `BadInput` for a setting that `catalog` has no stage for: better refused than silently not done."""
    stages = ("remove_silence", "detect_highlights", "export")
    asked = [name for name in stages if getattr(settings, name) and name not in catalog.stages]
    if asked:
        raise BadInput(
            f"This version cannot do {', '.join(asked)} yet.", code="not_available", hint="Leave that setting out."
        )
