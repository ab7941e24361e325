"""The highlights stage, top to bottom: listen, read the transcript, find what stands out, keep what is asked for."""

import hashlib
import importlib.metadata
from typing import Any

from core.domain.errors import ErrorClass, StageError
from core.domain.highlights import Highlight, Highlights, cut_list, taken
from core.domain.loudness import Loudness
from core.domain.passages import weigh
from core.domain.quotes import Index, tokens
from core.domain.run import Work
from core.domain.sentences import Text, Transcript, join, read_transcript
from core.domain.settings import Settings
from core.stages import language
from core.stages.highlights.ask import PROMPT_VERSION, question
from core.stages.highlights.find import by_model, by_sound, by_weight
from core.stages.highlights.render import highlights_json, highlights_md
from core.stages.highlights.verify import verify
from core.stages.language_offers import offered
from core.stages.language_stage import LanguageStage
from core.stages.sound.levels import measure_levels
from core.stages.stage import Attempt, Job, Made, Published

EMPTY = Text(text="", words=(), sentences=(), language="")


class HighlightsStage(LanguageStage):
    """The passages of a recording that stand out: by the configured language model, or by weighing its sentences.

    Either way the loudness counts too, and without a transcript it alone. What a model offers is looked up in the
    transcript like a quote.
    """

    name = "detect_highlights"
    version = 1
    prompt = PROMPT_VERSION
    needs: tuple[str, ...] = ("download", "transcribe")

    def wanted(self, settings: Settings) -> bool:
        """Highlights are found when they are asked for."""
        return settings.detect_highlights

    def params(self, job: Job) -> dict[str, Any]:
        """Who finds them, how much is asked for, and the keywords in the order given, each once."""
        asked = super().params(job) if job.settings.transcribe else {"mode": "offline"}
        return {**asked, "sensitivity": job.settings.highlight_sensitivity, "keywords": _keywords(job.settings)}

    def run(self, attempt: Attempt) -> Made:
        """Write `highlights.json` and `highlights.md`; one durable unit for each part that a model was asked about."""
        attempt.check()
        media = attempt.job.inputs["download"]
        loudness = _loudness(attempt, media) if media.facts.get("has_audio", True) else None
        transcript, sha256 = _transcript(attempt)
        text = join(transcript) if transcript is not None else EMPTY
        duration = _duration(media.facts.get("duration"), transcript, loudness)
        attempt.check()
        finder = _Finder(attempt, text, sha256 or media.content, loudness, duration)
        if text.trusted:
            llm = self.model(attempt)
            found = finder.by_model(llm) if llm is not None else finder.by_weight()
        else:
            found = finder.by_sound(no_words=transcript is None)
        kept = taken(found, attempt.job.settings.highlight_sensitivity, duration)
        made = Highlights(
            highlights=tuple(kept),
            rejected=finder.rejected,
            sensitivity=attempt.job.settings.highlight_sensitivity,
            note=finder.note,
            transcript_sha256=sha256,
            cuts=cut_list(kept, duration, text),
        )
        attempt.log(
            f"{len(kept)} highlights kept, {made.cuts.kept_s:.0f} of {duration:.0f} s; {finder.rejected} rejected."
        )
        (attempt.out / "highlights.json").write_bytes(highlights_json(made))
        (attempt.out / "highlights.md").write_bytes(highlights_md(made))
        facts = {"highlights": len(kept), "rejected": finder.rejected, "kept_s": made.cuts.kept_s, **finder.facts}
        return Made(facts=facts, tools=finder.tools, work=finder.work)


class _Finder:
    """One attempt's way to highlights, with what has to be told of it."""

    def __init__(self, attempt: Attempt, text: Text, content: str, loudness: Loudness | None, duration: float) -> None:
        self._attempt, self._text, self._content = attempt, text, content
        self._loudness, self._duration = loudness, duration
        self._index = Index(text)
        self.rejected = 0
        self.note = ""
        self.facts: dict[str, Any] = {}
        self.tools: dict[str, str] = {}
        self.work = Work(unit="tokens", done=float(len(self._index.tokens)))

    def by_weight(self) -> list[Highlight]:
        """Without a model."""
        self.facts["source"] = "extractive"
        return by_weight(self._text, self._weighed(), self._content, self._duration, self._attempt.check)

    def by_model(self, llm: language.LlmConfig) -> list[Highlight]:
        """With a model, whose answers are looked up in the transcript."""
        settings = self._attempt.job.settings
        asked = question(settings.highlight_sensitivity, _keywords(settings))
        offers = offered(self._attempt, llm, self._text, asked)
        chosen, refused = verify(offers.chunks, self._text, self._index, self._attempt.check)
        self.rejected = refused + offers.malformed
        self.work = Work(unit="tokens", done=offers.done, reused=offers.reused)
        self.tools = {"openai": language.version(), "rapidfuzz": importlib.metadata.version("rapidfuzz")}
        self.facts = {"source": "llm", "chunks": len(offers.chunks), "chunks_total": offers.chunks_total}
        if len(offers.chunks) < offers.chunks_total:
            self.note = f"It was very long: {len(offers.chunks)} of its {offers.chunks_total} parts were read."
        return by_model(self._text, self._weighed(), chosen, self._content)

    def by_sound(self, *, no_words: bool) -> list[Highlight]:
        """Without any words to go by."""
        self.facts["source"] = "sound"
        why = "There is no transcript" if no_words else "No speech was recognised reliably"
        if self._loudness is None:
            self.note = f"{why}, and the video has no sound: nothing tells what stands out."
            return []
        self.note = f"{why}: these are the places that are louder than what is around them."
        return by_sound(self._loudness, self._content, self._duration)

    def _weighed(self) -> Any:
        keywords = _keywords(self._attempt.job.settings)
        return weigh(self._text, self._index, self._loudness, keywords, self._attempt.check)


def _keywords(settings: Settings) -> list[str]:
    """The keywords that have a letter or digit in them, each once, in the order given."""
    return list(dict.fromkeys(word for word in settings.keywords if tokens(word)))


def _loudness(attempt: Attempt, media: Published) -> Loudness:
    attempt.progress(0, None, "listening")
    path = media.path / media.facts["media"]

    def tell(seconds: float) -> None:
        attempt.progress(seconds, None, "listening")

    return Loudness(measure_levels(path, check=attempt.check, log=attempt.log, progress=tell))


def _transcript(attempt: Attempt) -> tuple[Transcript | None, str | None]:
    """The transcript and its checksum; nothing where the run makes none."""
    published = attempt.job.inputs.get("transcribe")
    if published is None:
        return None, None
    content = (published.path / "transcript.json").read_bytes()
    return read_transcript(content), hashlib.sha256(content).hexdigest()


def _duration(told: Any, transcript: Transcript | None, loudness: Loudness | None) -> float:
    """How long the recording is, in seconds, as well as is known."""
    heard = transcript.duration if transcript is not None and transcript.duration else 0.0
    measured = loudness.duration_s if loudness is not None else 0.0
    length = float(told) if isinstance(told, (int, float)) and told > 0 else heard or measured
    if length <= 0:
        raise StageError(ErrorClass.NOT_MEDIA, "The recording has no length.")
    return length
