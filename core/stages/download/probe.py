"""Is a file a whole video or sound that we accept? Judged by content, in a child process with limits.

A broken parser or a bomb then costs that process, not the worker.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import ErrorClass, StageError
from core.stages.download.container import Facts, recognise
from core.system.programs import Limits, Program, signal_name

TIMEOUT_S = 900.0
MEMORY_BYTES = 1536 * 1024**2


def probe(path: Path, *, max_media_s: float, check: Callable[[], None]) -> Facts:
    """What the media file `path` is.

    Raises `StageError` with NOT_MEDIA, TRUNCATED, LIMIT_EXCEEDED or DRM and one sentence about the file. `check` is
    polled meanwhile.
    """
    # The judgement by the first bytes needs no library and gives the plainest words.
    recognise(path)
    argv = [sys.executable, "-m", "core.stages.download.examine", str(path), str(max_media_s)]
    limits = Limits(address_space_bytes=MEMORY_BYTES, file_size_bytes=0, cpu_s=int(TIMEOUT_S), open_files=64)
    answer: dict[str, Any] = {}

    def watch_time() -> None:
        if program.active_s > TIMEOUT_S:
            raise StageError(ErrorClass.LIMIT_EXCEEDED, f"The file could not be examined within {TIMEOUT_S:g} seconds.")

    with Program(argv, check=check, cwd=Path(__file__).parents[3], limits=limits) as program:
        for stream, line in program.lines(on_poll=watch_time):
            if stream == "stdout" and line.startswith("{"):
                answer = json.loads(line)
        ended = program.finished
    if "error" in answer:
        raise StageError(ErrorClass(answer["error"]), answer["message"])
    if "facts" not in answer:
        raise StageError(
            ErrorClass.NOT_MEDIA, f"The file is damaged: examining it ended with {signal_name(ended.returncode)}."
        )
    return msgspec.convert(answer["facts"], Facts)
