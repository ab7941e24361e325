"""The child process of `glance.at_files`: paths as JSON on standard input, a line of JSON for each file it can read."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.domain.errors import StageError
from core.stages.container import recognise
from core.stages.opening import is_cover, opened


def glance(path: Path) -> dict[str, Any]:
    """What the headers of the file say; raises what cannot be read."""
    with opened(path, recognise(path)) as media:
        streams = [*media.streams.audio, *(stream for stream in media.streams.video if not is_cover(stream))]
        lengths = [float(stream.duration * stream.time_base) for stream in streams if stream.duration]
        whole = media.duration / 1_000_000 if media.duration else max(lengths, default=0.0)
        return {
            "path": str(path),
            "size": path.stat().st_size,
            "duration_s": round(whole, 3) if 0 < whole < 1e9 else None,
            "has_sound": bool(media.streams.audio),
        }


def main() -> int:
    """Look at each file; one that is damaged is passed over."""
    import av

    for path in map(Path, json.loads(sys.stdin.buffer.read())):
        with suppress(StageError, OSError, av.FFmpegError, ValueError):
            sys.stdout.write(json.dumps(glance(path)) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
