"""Listening to a medium in a process of its own, for whoever must not wait: `python -m core.stages.sound.child`.

Arguments: the medium, the folder that keeps what is found, and `levels` or `voices`. Prints the seconds that were heard,
or the share, one a line, and at last one line of JSON when it went wrong: `{"error": class, "message": sentence}`.
"""

import json
import os
import sys
from pathlib import Path

from core.domain.errors import StageError
from core.stages.sound.ear import Ear

NICE = 5  # whoever looks can wait a moment longer than work that runs


def main() -> int:
    """Find out and keep one thing; 0 when it is there."""
    media, folder, wanted = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    os.nice(NICE)
    ear = Ear(media, folder, check=lambda: None, log=lambda line: None)

    def tell(value: float) -> None:
        sys.stdout.write(f"{value:.3f}\n")
        sys.stdout.flush()

    try:
        if wanted == "levels":
            ear.levels(tell)
        else:
            ear.voices(tell)
    except StageError as error:
        sys.stdout.write(json.dumps({"error": error.error_class.value, "message": error.message}) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
