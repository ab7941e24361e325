"""The download process: `python -m core.stages.download.child`, a task as JSON on stdin, events as JSON lines on stdout."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import msgspec

PROGRESS_EVERY_S = 0.25


class Events:
    """Writes events to standard output; progress at most 4 times a second."""

    def __init__(self) -> None:
        self._stream = sys.stdout
        self._told_at = 0.0

    def emit(self, event: str, **data: Any) -> None:
        if event == "progress":
            now = monotonic()
            if now - self._told_at < PROGRESS_EVERY_S:
                return
            self._told_at = now
        self._stream.write(json.dumps({"event": event, **data}) + "\n")
        self._stream.flush()


def describe(error: BaseException | None) -> list[dict[str, Any]]:
    """The chain of errors behind `error`, outermost first, as plain facts that `classify` judges."""
    chain: list[dict[str, Any]] = []
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting and len(chain) < 12:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        response = getattr(one, "response", None)
        headers = getattr(response, "headers", None) or {}
        chain.append(
            {
                "type": [kind.__name__ for kind in type(one).__mro__],
                "text": str(one)[:2000],
                "status": getattr(one, "status", None) if isinstance(getattr(one, "status", None), int) else None,
                "errno": one.errno if isinstance(one, OSError) else None,
                "retry_after": headers.get("Retry-After"),
                "refused": headers.get("X-Reprise-Refused"),
                "failed": headers.get("X-Reprise-Failed"),
                "countries": _countries(getattr(one, "countries", None) or ()),
            }
        )
        info = getattr(one, "exc_info", None)
        waiting += [info[1] if info else None, getattr(one, "cause", None), one.__cause__, one.__context__]
    return chain


def _countries(codes: Iterable[Any]) -> list[str]:
    """The names of the countries with these codes; what the site calls so and is none is left out."""
    codes = list(codes)
    if not codes:
        return []
    from yt_dlp.utils import ISO3166Utils

    return [name for code in codes if (name := ISO3166Utils.short2full(str(code)))]


def main() -> int:
    """Do the task on standard input; the last event is `done`, `playlist` or `error`."""
    events = Events()
    try:
        from core.stages.download import fetch, guard, options

        task = msgspec.json.decode(sys.stdin.buffer.read(), type=options.Task)
        guard.lock_down(Path(task.work), urlsplit(task.proxy).port or 0)
        fetch.run(task, events.emit)
    except Exception as error:  # noqa: BLE001 - every error becomes data; the parent judges it
        events.emit("error", chain=describe(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
