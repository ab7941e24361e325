"""The summary stage, top to bottom: read the transcript, condense it, write down what rests on what."""

import importlib.metadata
from typing import Any

from core.domain.run import Work
from core.domain.sentences import join, read_transcript
from core.domain.settings import Settings
from core.stages import language
from core.stages.language_stage import LanguageStage, transcript_of
from core.stages.stage import Attempt, Made
from core.stages.summary.ask import PROMPT_VERSION, condensed
from core.stages.summary.extract import extract
from core.stages.summary.records import NO_RELIABLE_SPEECH, NO_SPEECH
from core.stages.summary.render import summary_json, summary_md


class SummaryStage(LanguageStage):
    """A summary of a transcript: by the configured language model, or its most central sentences without one."""

    name = "summary"
    version = 1
    prompt = PROMPT_VERSION

    def wanted(self, settings: Settings) -> bool:
        """A summary is made when it and a transcript are asked for."""
        return settings.transcribe and settings.summary

    def run(self, attempt: Attempt) -> Made:
        """Write `summary.json` and `summary.md`; one durable unit for each question a model was asked."""
        attempt.check()
        transcript = read_transcript(transcript_of(attempt))
        text = join(transcript)
        attempt.check()
        llm = self.model(attempt)
        facts: dict[str, Any] = {}
        tools: dict[str, str] = {}
        note = ""
        if not text.trusted:
            heard = any(sentence.suspect for sentence in text.sentences)
            summary = NO_RELIABLE_SPEECH if heard else NO_SPEECH
            work = Work(unit=self.unit)
        elif llm is None:
            summary = extract(text, attempt.check)
            work = Work(unit=self.unit, done=float(len(text.words)))
            tools["sumy"] = importlib.metadata.version("sumy")
        else:
            made = condensed(attempt, llm, text)
            summary = made.summary
            work = Work(unit=self.unit, done=made.done, reused=made.reused)
            tools["openai"] = language.version()
            facts |= {"chunks": made.chunks, "chunks_total": made.chunks_total, "unsupported": made.unsupported}
            if made.chunks < made.chunks_total:
                note = f"It was very long: {made.chunks} of its {made.chunks_total} parts were read."
        attempt.log(f"Summary of {len(summary.points)} points.")
        (attempt.out / "summary.json").write_bytes(summary_json(summary))
        (attempt.out / "summary.md").write_bytes(summary_md(summary, transcript, note))
        facts |= {"source": summary.source, "points": len(summary.points), "speech": bool(text.trusted)}
        return Made(facts=facts, tools=tools, work=work)
