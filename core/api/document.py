"""The described API as a file, for who makes clients of it: `python -m core.api.document > docs/api/openapi.json`."""

import json
import sys

from core.api.app import build_app


def document() -> str:
    """What `/openapi.json` answers, in the same order, to be read and compared."""
    return json.dumps(build_app().openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
