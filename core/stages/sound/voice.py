"""Where somebody speaks: Silero's voice activity detection over a recording of any length.

The network looks at frames of 512 samples. A recording is cut into fixed blocks, each begun anew with some frames of
run-up, so that blocks can be done side by side in flat memory and the result does not depend on how many are.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from core.domain.cuts import Span
from core.stages.sound.recording import RATE, Recording

if TYPE_CHECKING:
    from core.stages.sound.recording import Samples

FRAME = 512  # samples, 32 ms
BLOCK = 2_000  # frames, 64 s
RUN_UP = 64  # frames, 2 s: what the network needs to forget that it was started in the middle
CONTEXT = 64  # samples of the frame before, which the network wants in front of each frame
STATE = 128
ON, OFF = 0.5, 0.35  # probability at which speech begins, and below which it may end
MIN_SPEECH = 3  # frames: what is shorter is a click
PAUSE = 4  # frames: a pause in which a window may end


def speech_probabilities(
    recording: Recording, threads: int, check: Callable[[], None], progress: Callable[[float], None]
) -> list[float]:
    """How likely each frame of `recording` is speech, 0 to 1, rounded so that it can be compared and written."""
    from faster_whisper.vad import get_vad_model

    session = get_vad_model().session
    frames = -(-recording.samples // FRAME)
    starts = list(range(0, frames, BLOCK))
    found: list[float] = []
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="speech") as pool:
        # A few blocks at a time: a stop is noticed within a second.
        for first in range(0, len(starts), threads):
            check()
            jobs = [pool.submit(_block, session, recording, start, frames) for start in starts[first : first + threads]]
            for job in jobs:
                found += job.result()
            progress(min(1.0, len(found) / max(1, frames)))
    return found


def speech_runs(probabilities: Sequence[float]) -> list[tuple[int, int]]:
    """Frames of speech: from the first above ON to where it stays below OFF for a pause."""
    runs: list[tuple[int, int]] = []
    start, quiet = -1, 0
    for index, probability in enumerate(probabilities):
        if start < 0:
            if probability >= ON:
                start, quiet = index, 0
        elif probability >= OFF:
            quiet = 0
        else:
            quiet += 1
            if quiet >= PAUSE:
                runs.append((start, index + 1 - quiet))
                start = -1
    if start >= 0:
        runs.append((start, len(probabilities) - quiet))
    return [(first, last) for first, last in runs if last - first >= MIN_SPEECH]


def speech_spans(probabilities: Sequence[float]) -> tuple[Span, ...]:
    """Where somebody speaks, in seconds, without anything round it."""
    return tuple(Span(first * FRAME / RATE, last * FRAME / RATE) for first, last in speech_runs(probabilities))


def _block(session: Any, recording: Recording, start: int, frames: int) -> list[float]:
    import numpy as np

    run_up = min(RUN_UP, start)
    end = min(start + BLOCK, frames)
    samples = recording.read((start - run_up) * FRAME, end * FRAME)
    samples = np.pad(samples, (0, (end - start + run_up) * FRAME - len(samples)))
    probabilities = _run(session, samples.reshape(-1, FRAME))
    return [round(float(value), 3) for value in probabilities[run_up:]]


def _run(session: Any, frames: "Samples") -> "Samples":
    import numpy as np

    context = np.zeros((len(frames), CONTEXT), np.float32)
    context[1:] = frames[:-1, -CONTEXT:]
    state = np.zeros((1, 1, STATE), np.float32)
    output, _, _ = session.run(None, {"input": np.concatenate([context, frames], 1), "h": state, "c": state})
    return np.asarray(output, np.float32).reshape(-1)
