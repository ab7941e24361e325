"""The quotes stage, top to bottom: read the transcript, collect what is offered, keep what was said."""

import hashlib
import importlib.metadata
from typing import Any

from core.domain.quotes import Index, Quote
from core.domain.run import Work
from core.domain.sentences import join, read_transcript
from core.domain.settings import Settings
from core.stages import language
from core.stages.language_offers import offered
from core.stages.language_stage import LanguageStage, transcript_of
from core.stages.quotes.ask import PROMPT_VERSION, QUESTION
from core.stages.quotes.extract import extract
from core.stages.quotes.render import quotes_json, quotes_md
from core.stages.quotes.verify import verify
from core.stages.stage import Attempt, Made


class QuotesStage(LanguageStage):
    """Verbatim quotes of a transcript: by the configured language model, or by an extractive choice without one.

    Either way every quote is cut out of the transcript; what a model offers is only looked up in it.
    """

    name = "quotes"
    version = 1
    prompt = PROMPT_VERSION

    def wanted(self, settings: Settings) -> bool:
        """Quotes are made when they and a transcript are asked for."""
        return settings.transcribe and settings.quotes

    def run(self, attempt: Attempt) -> Made:
        """Write `quotes.json` and `quotes.md`; one durable unit for each part of the transcript a model was asked about."""
        attempt.check()
        content = transcript_of(attempt)
        sha256 = hashlib.sha256(content).hexdigest()
        text = join(read_transcript(content))
        attempt.check()
        index = Index(text)
        attempt.check()
        llm = self.model(attempt)
        rejected = 0
        facts: dict[str, Any] = {}
        tools: dict[str, str] = {}
        if llm is None or not text.trusted:
            quotes: list[Quote] = extract(text, index, sha256, attempt.check) if text.trusted else []
            work = Work(unit=self.unit, done=float(len(index.tokens)))
            facts["source"] = "extractive"
        else:
            offers = offered(attempt, llm, text, QUESTION)
            quotes, rejected = verify(offers.chunks, text, index, sha256, attempt.check)
            rejected += offers.malformed
            work = Work(unit=self.unit, done=offers.done, reused=offers.reused)
            tools |= {"openai": language.version(), "rapidfuzz": importlib.metadata.version("rapidfuzz")}
            facts |= {"source": "llm", "chunks": len(offers.chunks), "chunks_total": offers.chunks_total}
        attempt.log(f"{len(quotes)} quotes kept, {rejected} rejected.")
        (attempt.out / "quotes.json").write_bytes(quotes_json(quotes, rejected, sha256))
        (attempt.out / "quotes.md").write_bytes(quotes_md(quotes, rejected))
        return Made(facts={"quotes": len(quotes), "rejected": rejected, **facts}, tools=tools, work=work)
