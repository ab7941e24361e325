"""Decoding windows, several at a time: what a thread does with one window, and how the threads are fed and stopped."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from core.domain.errors import ErrorClass, StageError
from core.stages.sound.recording import RATE, Recording
from core.stages.transcribe import gate
from core.stages.transcribe.gate import Heard, Word
from core.stages.transcribe.plan import Piece, Plan, Recipe, seconds

if TYPE_CHECKING:
    from core.stages.sound.recording import Samples

FRAMES_PER_S = 100
MAX_LENGTH = 448  # tokens Whisper's decoder can hold
TOKENS_PER_S, SPARE_TOKENS = 12, 32  # nobody speaks faster; a loop in a short window ends early
TICK_S = 0.2
LINGER_S = 4.0  # after a stop a window in flight may still finish and be kept
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


class Decoder:
    """A loaded model that hears windows in one language; safe to use from as many threads as it was loaded for."""

    def __init__(self, model: Any, language: str) -> None:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        self._model = model
        self._tokenizer = Tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )
        self._language = language
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])
        # Lazy attributes are filled here, before threads share the tokenizer.
        self._prompt = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        self._end = self._tokenizer.eot

    def hear(self, recording: Recording, pieces: Sequence[Piece], recipes: Sequence[Recipe]) -> Heard:
        """What is said in `pieces`: by the first recipe, and by the second too when the gate refuses that."""
        speech_s = seconds(pieces)
        first = self._judged(self._by_recipe(recording, pieces, recipes[0]), speech_s, 1)
        if not first.faults:
            return first
        return gate.better(first, self._judged(self._by_recipe(recording, pieces, recipes[1]), speech_s, 2))

    def _judged(self, heard: Heard, speech_s: float, recipe: int) -> Heard:
        faults = gate.judge(heard, speech_s, self._language)
        return Heard(words=heard.words, logprob=heard.logprob, no_speech=heard.no_speech, recipe=recipe, faults=faults)

    def _by_recipe(self, recording: Recording, pieces: Sequence[Piece], recipe: Recipe) -> Heard:
        if not recipe.halves:
            return self._decode(recording.join(pieces), recipe)
        words: list[Word] = []
        heard: list[tuple[float, Heard]] = []
        before = 0.0
        for half in halves(pieces):
            part = self._decode(recording.join(half), recipe)
            words += [(round(start + before, 3), round(end + before, 3), *rest) for start, end, *rest in part.words]  # type: ignore[misc]
            before += seconds(half)
            heard.append((seconds(half), part))
        return Heard(
            words=tuple(words),
            logprob=round(sum(weight * part.logprob for weight, part in heard) / before, 4),
            no_speech=max(part.no_speech for _, part in heard),
        )

    def _decode(self, samples: "Samples", recipe: Recipe) -> Heard:
        from faster_whisper.audio import pad_or_trim

        length_s = len(samples) / RATE
        features = pad_or_trim(self._model.feature_extractor(samples)[..., :-1])
        encoded = self._model.encode(features)
        result = self._model.model.generate(
            encoded,
            [self._prompt],
            beam_size=recipe.beam,
            suppress_tokens=self._suppressed,
            max_length=min(MAX_LENGTH, len(self._prompt) + SPARE_TOKENS + int(TOKENS_PER_S * length_s)),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._end]
        count = len(result.sequences_ids[0])
        return Heard(
            words=self._align(encoded, tokens, length_s) if tokens else (),
            logprob=round(float(result.scores[0]) * count / (count + 1), 4),
            no_speech=round(float(result.no_speech_prob), 4),
        )

    def _align(self, encoded: Any, tokens: list[int], length_s: float) -> tuple[Word, ...]:
        from faster_whisper.transcribe import merge_punctuations

        frames = min(int(length_s * FRAMES_PER_S), 30 * FRAMES_PER_S)
        (alignment,) = self._model.find_alignment(self._tokenizer, [tokens], encoded, frames)
        merge_punctuations(alignment, PREPENDED, APPENDED)
        return tuple(
            (
                round(float(word["start"]), 3),
                round(float(word["end"]), 3),
                word["word"],
                round(float(word["probability"]), 3),
            )
            for word in alignment
            if word["word"].strip()
        )


def halves(pieces: Sequence[Piece]) -> list[Sequence[Piece]]:
    """A window in two, divided in the pause nearest to its middle; whole when it has no pause."""
    if len(pieces) < 2:
        return [pieces]
    middle = seconds(pieces) / 2
    cut = min(range(1, len(pieces)), key=lambda index: abs(seconds(pieces[:index]) - middle))
    return [pieces[:cut], pieces[cut:]]


def detect_language(model: Any, recording: Recording, windows: Sequence[Sequence[Piece]]) -> str:
    """The language spoken, by the first window; when that is unclear, by the middle and the last one too."""
    from faster_whisper.audio import pad_or_trim

    sums: dict[str, float] = {}
    for index in dict.fromkeys((0, len(windows) // 2, len(windows) - 1)):
        features = pad_or_trim(model.feature_extractor(recording.join(windows[index]))[..., :-1])
        for token, probability in model.model.detect_language(model.encode(features))[0]:
            sums[token[2:-2]] = sums.get(token[2:-2], 0.0) + probability
        if max(sums.values()) > 0.6 and index == 0:
            break
    return max(sorted(sums), key=lambda language: sums[language])


class _Crew:
    """Threads that take one window after another until there are none, one of them fails or they are told to stop."""

    def __init__(self, todo: Sequence[int], work: Callable[[int], Any]) -> None:
        self.results: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
        self._todo = iter(todo)
        self._work = work
        self._lock = threading.Lock()
        self._stopped = False

    def start(self, threads: int) -> list[threading.Thread]:
        crew = [threading.Thread(target=self._run, name=f"window-{n}", daemon=True) for n in range(threads)]
        for thread in crew:
            thread.start()
        return crew

    def stop(self) -> None:
        self._stopped = True

    def drain(self, keep: Callable[[int, Heard], None]) -> None:
        """Keep what is whole by now; errors are left out, there is already a reason to end."""
        while not self.results.empty():
            number, heard, error = self.results.get()
            if error is None:
                keep(number, heard)

    def _run(self) -> None:
        while not self._stopped:
            with self._lock:
                number = next(self._todo, None)
            if number is None:
                return
            try:
                self.results.put((number, self._work(number), None))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
                self.results.put((number, None, error))
                return


def decode_all(
    plan: Plan,
    todo: Sequence[int],
    decoder: Decoder,
    recording: Recording,
    *,
    threads: int,
    check: Callable[[], None],
    begin: Callable[[int], None],
    keep: Callable[[int, Heard], None],
) -> None:
    """Hear the windows `todo` of `plan`, one a thread, and `keep` each as soon as it is whole.

    `begin` is told each window right before it is heard, by the thread that hears it.
    What `check` raises is raised again once the windows in flight are kept, or after 4 s without them.
    """

    def hear(number: int) -> Heard:
        begin(number)
        return decoder.hear(recording, plan.windows[number], plan.recipes)

    crew = _Crew(todo, hear)
    threads_started = crew.start(max(1, min(threads, len(todo))))
    left = len(todo)
    try:
        while left:
            check()
            left -= _take(crew, keep, TICK_S)
    except BaseException:
        crew.stop()
        for thread in threads_started:
            thread.join(LINGER_S / len(threads_started))
        crew.drain(keep)
        raise


def _take(crew: _Crew, keep: Callable[[int, Heard], None], timeout_s: float) -> int:
    """Keep the next window if one is heard in time, and tell how many that were."""
    try:
        number, heard, error = crew.results.get(timeout=timeout_s)
    except queue.Empty:
        return 0
    if error is not None:
        if isinstance(error, MemoryError):
            raise StageError(ErrorClass.OUT_OF_MEMORY, "There is not enough memory for this model.") from error
        raise error
    keep(number, heard)
    return 1
