"""Asking about a foreign file in a child process with limits: a broken parser or a bomb costs that process only."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.domain.errors import ErrorClass, StageError
from core.system.programs import Limits, Program, signal_name

TIMEOUT_S = 900.0
MEMORY_BYTES = 1536 * 1024**2


def ask(
    module: str,
    words: Sequence[str],
    *,
    check: Callable[[], None],
    on_line: Callable[[str], None] | None = None,
    file_size_bytes: int = 0,
) -> Any:
    """What `python -m module words` answers: the `facts` of its one line of JSON.

    Raises `StageError` of the class and with the sentence it answered instead (`error`, `message`), NOT_MEDIA when it
    died, LIMIT_EXCEEDED when it took too long. `check` is polled meanwhile; `on_line` gets its other lines. It may write
    files of at most `file_size_bytes`.
    """
    argv = [sys.executable, "-m", module, *words]
    limits = Limits(
        address_space_bytes=MEMORY_BYTES, file_size_bytes=file_size_bytes, cpu_s=int(TIMEOUT_S), open_files=64
    )
    answer: dict[str, Any] = {}

    def watch_time() -> None:
        if program.active_s > TIMEOUT_S:
            raise StageError(ErrorClass.LIMIT_EXCEEDED, f"The file could not be examined within {TIMEOUT_S:g} seconds.")

    with Program(argv, check=check, cwd=Path(__file__).parents[2], limits=limits, max_line_bytes=2**20) as program:
        for stream, line in program.lines(on_poll=watch_time):
            if stream == "stdout" and line.startswith("{"):
                answer = json.loads(line)
            elif stream == "stdout" and on_line is not None:
                on_line(line)
        ended = program.finished
    if "error" in answer:
        raise StageError(ErrorClass(answer["error"]), answer["message"])
    if "facts" not in answer:
        raise StageError(
            ErrorClass.NOT_MEDIA, f"The file is damaged: examining it ended with {signal_name(ended.returncode)}."
        )
    return answer["facts"]


def answer(facts: Callable[[], Any]) -> int:
    """The other side of `ask`: print what `facts` gives, or the error it raises."""
    try:
        said: dict[str, Any] = {"facts": facts()}
    except StageError as error:
        said = {"error": error.error_class.value, "message": error.message}
    except MemoryError:
        said = {"error": "limit_exceeded", "message": "Examining the file needs more memory than is allowed."}
    sys.stdout.write(json.dumps(said) + "\n")
    return 0
