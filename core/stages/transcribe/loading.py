"""Weights in memory: loaded beside other work, and kept for the attempts that follow in the same worker."""

import importlib
import os
import threading
from typing import Any

from core.domain.errors import ErrorClass, StageError
from core.stages.stage import Attempt
from core.stages.transcribe.models import Model
from core.system.allocator import keep_freed_memory

COMPUTE_TYPE = "int8"


class Loader:
    """Holds at most one loaded model, that of the last attempt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: tuple[tuple[str, int], Any] | None = None

    def begin(self, model: Model, threads: int) -> "Loading":
        """Start loading `model` for so many windows at a time; at once there if it was the last one."""
        return Loading(self, model, threads)

    def load(self, model: Model, threads: int) -> Any:
        """The loaded model. Raises `StageError`: OUT_OF_MEMORY, TOOLING when the weights are damaged."""
        with self._lock:
            if self._held is None or self._held[0] != (model.sha256, threads):
                self._held = None  # two models at a time may be more than memory holds
                self._held = ((model.sha256, threads), _load(model, threads))
            return self._held[1]


def import_ahead() -> None:
    """Begin to import the library, which takes longer than loading a small model; returns at once.

    For a process that does nothing but transcribe: from here on it keeps freed memory, and its arrays use one thread.
    """
    keep_freed_memory()
    # Read when numpy is loaded: its threads would wait in a loop on the cores that decode.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    threading.Thread(target=importlib.import_module, args=("faster_whisper",), name="import", daemon=True).start()


def _load(model: Model, threads: int) -> Any:
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(model.path), device="cpu", compute_type=COMPUTE_TYPE, cpu_threads=1, num_workers=threads
        )
    except MemoryError as error:
        raise StageError(
            ErrorClass.OUT_OF_MEMORY, f"There is not enough memory for the model “{model.name}”."
        ) from error
    except (RuntimeError, ValueError) as error:
        raise StageError(
            ErrorClass.TOOLING,
            f"The weights of the model “{model.name}” cannot be loaded: {error}.",
            hint="Remove that model and let it be fetched or installed again.",
        ) from error


class Loading:
    """A model on its way into memory, while the sound is unpacked and searched for speech."""

    def __init__(self, loader: Loader, model: Model, threads: int) -> None:
        self._loader, self._model, self._threads = loader, model, threads
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._loader.load(self._model, self._threads)
        except BaseException as error:  # noqa: BLE001 - raised again where the model is asked for
            self._error = error

    def result(self, attempt: Attempt) -> Any:
        """The model; `attempt.check` is called while it is waited for. Raises what loading raised."""
        while self._thread.is_alive():
            attempt.check()
            self._thread.join(0.2)
        if self._error is not None:
            raise self._error
        return self._value
