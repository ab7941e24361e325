"""The model hub: asking for a checksum, and fetching weights in a child process that can be stopped at any moment."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from core.domain.errors import ErrorClass, StageError
from core.system.programs import run_program

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
_FETCH = (
    "import sys; from huggingface_hub import snapshot_download as get; get(sys.argv[1], allow_patterns=sys.argv[2:])"
)
_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_ETAG_TIMEOUT": "10",
    "HF_HUB_DOWNLOAD_TIMEOUT": "30",
}


def weights_checksum(repository: str, timeout_s: float) -> str | None:
    """The SHA-256 the hub promises for the weights of `repository`; None when it does not answer in time."""
    from concurrent.futures import ThreadPoolExecutor
    from concurrent.futures import TimeoutError as TooLate

    # The client's own time-out is one of each connection; name resolution and retries come on top.
    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(_ask, repository, timeout_s).result(timeout_s + 1)
    except TooLate:
        return None
    finally:
        pool.shutdown(wait=False)


def _ask(repository: str, timeout_s: float) -> str | None:
    from huggingface_hub import HfApi

    try:
        info = HfApi().model_info(repository, files_metadata=True, timeout=timeout_s)
    except Exception:  # noqa: BLE001 - the client has no common error; all of them mean that the hub is of no help
        return None
    return next((file.lfs.sha256 for file in info.siblings or () if file.rfilename == "model.bin" and file.lfs), None)


def fetch(
    name: str,
    repository: str,
    *,
    check: Callable[[], None],
    log: Callable[[str], None],
    progress: Callable[[float], None],
) -> None:
    """Bring the weights of `repository` into the hub's cache; `progress` is told the bytes so far.

    What was fetched before a stop is kept and gone on with. Raises `StageError(MODEL_MISSING)` when the hub fails.
    """
    cache = Path(os.environ.get("HF_HUB_CACHE", "") or _default_cache()).expanduser()
    blobs = cache / f"models--{repository.replace('/', '--')}" / "blobs"

    def tick() -> None:
        check()
        progress(float(sum(blob.stat().st_size for blob in blobs.glob("*"))) if blobs.is_dir() else 0.0)

    log(f"fetching the model {name} from {repository}")
    ended = run_program([sys.executable, "-c", _FETCH, repository, *FILES], check=tick, env={**os.environ, **_QUIET})
    if ended.returncode != 0:
        for line in ended.tail_stderr[-5:]:
            log(line)
        said = ended.tail_stderr[-1] if ended.tail_stderr else "no reason given"
        if "No space left" in said:
            raise StageError(ErrorClass.DISK_FULL, f"The disk is full: the model “{name}” could not be fetched.")
        raise StageError(ErrorClass.MODEL_MISSING, f"The model “{name}” could not be fetched from the model hub.")


def _default_cache() -> str:
    home = os.environ.get("HF_HOME") or str(Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface")
    return str(Path(home) / "hub")
