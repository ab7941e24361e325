"""The progress of a run: what it is doing right now. Not durable; losing it costs nothing."""

import json
import os
import threading
from typing import Any

from core.store.layout import Layout
from core.system import files

_MAX_BYTES = 64 * 1024


def write_progress(layout: Layout, run_id: str, progress: dict[str, Any]) -> None:
    """Replace the progress of a run; readers see the old or the new, never half. Raises `OSError`."""
    path = str(layout.progress_file(run_id))
    temporary = f"{path}.{os.getpid()}.{threading.get_ident()}.tmp"
    try:
        files.write_new(temporary, json.dumps(progress, ensure_ascii=False).encode())
        os.replace(temporary, path)
    except OSError:
        files.remove(temporary)
        raise


def read_progress(layout: Layout, run_id: str) -> dict[str, Any] | None:
    """The last progress of a run; None when there is none or it makes no sense."""
    try:
        progress = json.loads(files.read_regular(layout.progress_file(run_id), _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return progress if isinstance(progress, dict) else None
