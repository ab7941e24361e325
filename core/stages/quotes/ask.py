"""Asking a language model for quotes, a piece of the transcript at a time; every answer is a durable unit.

The model is asked for the numbers of sentences; the words it adds are only a cross-check. What it says is kept as it
came, cleaned to plain lines, so that the result is a pure function of transcript and units.
"""

from functools import partial
from typing import Any

import msgspec

from core.domain.markup import one_line
from core.domain.sentences import Text
from core.stages.language import Language, LlmConfig
from core.stages.language_chunks import chunks, numbered, within_cap
from core.stages.language_errors import UnusableError
from core.stages.language_stage import ask_for_unit
from core.stages.stage import Attempt

PROMPT_VERSION = 1
MOST_OF_A_CHUNK = 20  # offers beyond are not looked at

_TASK = """You choose quotes from the transcript of a recording. Each line is one sentence and begins with its number.
Choose the at most 6 passages best worth quoting: a claim, a figure, a conclusion, a vivid remark. A passage is one to
three neighbouring sentences that can be understood alone. Give the numbers of its first and last sentence (start_id,
end_id), its words copied exactly, letter by letter, as they stand there (text), and in at most fifteen words what makes
it worth quoting (why). If nothing is worth quoting, give an empty list."""

_STRING = {"type": "string"}
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["quotes"],
    "properties": {
        "quotes": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["start_id", "end_id", "text", "why"],
                "properties": {"start_id": _STRING, "end_id": _STRING, "text": _STRING, "why": _STRING},
            },
        }
    },
}


class Offer(msgspec.Struct, frozen=True):
    """One passage a model offers: the sentences it names, the words it believes are there, and why."""

    start_id: str
    end_id: str
    text: str
    why: str = ""


class Answer(msgspec.Struct, frozen=True):
    """One unit: what was offered for one chunk, what of it had no usable shape, and the tokens it cost.

    `first` and `last` are the chunk's sentences, so that a unit of another plan is noticed.
    """

    first: int
    last: int
    offers: tuple[Offer, ...]
    malformed: int
    tokens: int


class Offered(msgspec.Struct, frozen=True):
    """All answers in the order of the transcript, and the tokens spent now and before."""

    chunks: tuple[Answer, ...]
    chunks_total: int
    done: float
    reused: float

    @property
    def malformed(self) -> int:
        """Offers that had no usable shape."""
        return sum(answer.malformed for answer in self.chunks)


def offered(attempt: Attempt, llm: LlmConfig, text: Text) -> Offered:
    """What the model offers for every chunk; chunks answered in an earlier attempt are not asked about again."""
    every = chunks(text.trusted)
    asked = within_cap(every)
    if len(asked) < len(every):
        attempt.log(f"The transcript is very long: {len(asked)} of its {len(every)} parts are sent to the model.")
    known = {number: msgspec.convert(data, Answer) for number, data in attempt.units.done().items()}
    answers: list[Answer] = []
    done = reused = 0
    with Language(llm, attempt.check) as model:
        for number, chunk in enumerate(asked):
            attempt.check()
            attempt.progress(number, len(asked), f"quotes: part {number + 1} of {len(asked)}")
            first, last = chunk[0].number, chunk[-1].number
            answer = known.get(number)
            if answer is not None and (answer.first, answer.last) == (first, last):
                reused += answer.tokens
            else:
                question = "\n".join(map(numbered, chunk))
                reply = ask_for_unit(attempt, number, partial(model.ask, _TASK, question, _SCHEMA, _read))
                offers, malformed = reply.value
                answer = Answer(first, last, offers, malformed, reply.tokens)
                attempt.units.add(number, answer.tokens, msgspec.to_builtins(answer))
                attempt.log(f"Part {number + 1} of {len(asked)}: {len(offers)} offered, {reply.tokens} tokens.")
                done += answer.tokens
            answers.append(answer)
    attempt.progress(len(asked), len(asked), "quotes")
    return Offered(tuple(answers), len(every), float(done), float(reused))


def _read(answer: Any) -> tuple[tuple[Offer, ...], int]:
    """The offers in an answer, cleaned, and how many had no usable shape."""
    listed = answer.get("quotes") if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise UnusableError("it has no list “quotes”")
    offers: list[Offer] = []
    for item in listed[:MOST_OF_A_CHUNK]:
        try:
            offer = msgspec.convert(item, Offer)
        except msgspec.ValidationError:
            continue
        offers.append(
            Offer(
                start_id=one_line(offer.start_id, 20),
                end_id=one_line(offer.end_id, 20),
                text=one_line(offer.text, 2_000),
                why=one_line(offer.why, 200),
            )
        )
    if listed and not offers:
        raise UnusableError("none of its quotes has start_id, end_id, text and why")
    return tuple(offers), len(listed) - len(offers)
