"""A file fetched to the disk: whole or not there, going on where the connection broke."""

from pathlib import Path

from core.client.problems import Problem, ServerTrouble, TooMany, Unreachable
from core.client.wire import Wire

SILENCE_S = 60.0
PARTIAL_CONTENT = 206


def download(wire: Wire, url: str, path: Path) -> Path:
    """Fetch `url` into the file `path`, which appears when it is complete. Raises as `Wire.stream`, and `OSError`."""
    part = path.with_name(path.name + ".part")
    tried = got = 0
    tag = ""
    with part.open("wb") as file:
        while True:
            before, why = got, None
            # Only if it is still the same file: else all of it comes anew.
            headers = {"Range": f"bytes={got}-", "If-Range": tag} if got and tag else {}
            try:
                with wire.stream(url, headers, silence_s=SILENCE_S) as response:
                    if response.status_code != PARTIAL_CONTENT:
                        got = 0
                        file.seek(0)
                        file.truncate()
                    tag = response.headers.get("etag", "")
                    for piece in response.iter_bytes():
                        file.write(piece)
                        got += len(piece)
                break
            except (Unreachable, TooMany, ServerTrouble) as error:
                why = error
            tried = 1 if got > before else tried + 1
            asked_s = why.retry_after_s if isinstance(why, Problem) else None
            wait_s = wire.patience.wait_s(tried, asked_s)
            if wait_s is None:
                raise why
            wire.rest(wait_s)
    part.replace(path)
    return path
