"""Asking a language model for passages, a piece of the transcript at a time; every answer is a durable unit.

The model is asked for the numbers of sentences; the words it adds are only a cross-check. What it says is kept as it
came, cleaned to plain lines, so that the result is a pure function of transcript and units.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Self, TypeVar

import msgspec

from core.domain.markup import one_line
from core.domain.sentences import Text
from core.stages.language import Language, LlmConfig
from core.stages.language_chunks import chunks, numbered, within_cap
from core.stages.language_errors import UnusableError
from core.stages.language_stage import ask_for_unit
from core.stages.stage import Attempt

MOST_OF_A_CHUNK = 20  # offers beyond are not looked at


class Offer(msgspec.Struct, frozen=True):
    """One passage a model offers: the sentences it names, the words it believes are there, and why."""

    start_id: str
    end_id: str
    text: str
    why: str = ""

    def cleaned(self) -> Self:
        """The same with plain lines of bounded length."""
        return msgspec.structs.replace(
            self,
            start_id=one_line(self.start_id, 20),
            end_id=one_line(self.end_id, 20),
            text=one_line(self.text, 2_000),
            why=one_line(self.why, 200),
        )


Offers = TypeVar("Offers", bound=Offer)


class Answer(msgspec.Struct, Generic[Offers], frozen=True):
    """One unit: what was offered for one chunk, what of it had no usable shape, and the tokens it cost.

    `first` and `last` are the chunk's sentences, so that a unit of another plan is noticed.
    """

    first: int
    last: int
    offers: tuple[Offers, ...]
    malformed: int
    tokens: int


class Question(msgspec.Struct, Generic[Offers], frozen=True, kw_only=True):
    """What is asked about every chunk: the task, the schema of the answer, its list of offers and their type."""

    name: str
    task: str
    schema: dict[str, Any]
    kind: type[Offers]


class Offered(msgspec.Struct, Generic[Offers], frozen=True):
    """All answers in the order of the transcript, how many parts it has, and the tokens spent now and before."""

    chunks: tuple[Answer[Offers], ...]
    chunks_total: int
    done: float
    reused: float

    @property
    def malformed(self) -> int:
        """Offers that had no usable shape."""
        return sum(answer.malformed for answer in self.chunks)


def list_of(name: str, **fields: dict[str, Any]) -> dict[str, Any]:
    """The schema of an answer that is a list `name` of objects, which all have these fields and no other."""
    item = {"type": "object", "additionalProperties": False, "required": list(fields), "properties": fields}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name],
        "properties": {name: {"type": "array", "items": item}},
    }


def offered(attempt: Attempt, llm: LlmConfig, text: Text, question: Question[Offers]) -> Offered[Offers]:
    """What the model offers for every chunk; chunks answered in an earlier attempt are not asked about again."""
    every = chunks(text.trusted)
    asked = within_cap(every)
    if len(asked) < len(every):
        attempt.log(f"The transcript is very long: {len(asked)} of its {len(every)} parts are sent to the model.")
    kind = Answer[question.kind]  # type: ignore[name-defined]
    known = {number: msgspec.convert(data, kind) for number, data in attempt.units.done().items()}
    read: Callable[[Any], tuple[tuple[Offers, ...], int]] = partial(_read, question)
    answers: list[Answer[Offers]] = []
    done = reused = 0
    with Language(llm, attempt.check) as model:
        for number, chunk in enumerate(asked):
            attempt.check()
            attempt.progress(number, len(asked), f"{question.name}: part {number + 1} of {len(asked)}")
            first, last = chunk[0].number, chunk[-1].number
            answer = known.get(number)
            if answer is not None and (answer.first, answer.last) == (first, last):
                reused += answer.tokens
            else:
                lines = "\n".join(map(numbered, chunk))
                reply = ask_for_unit(attempt, number, partial(model.ask, question.task, lines, question.schema, read))
                offers, malformed = reply.value
                answer = Answer(first, last, offers, malformed, reply.tokens)
                attempt.units.add(number, answer.tokens, msgspec.to_builtins(answer))
                attempt.log(f"Part {number + 1} of {len(asked)}: {len(offers)} offered, {reply.tokens} tokens.")
                done += answer.tokens
            answers.append(answer)
    attempt.progress(len(asked), len(asked), question.name)
    return Offered(tuple(answers), len(every), float(done), float(reused))


def _read(question: Question[Offers], answer: Any) -> tuple[tuple[Offers, ...], int]:
    """The offers in an answer, cleaned, and how many had no usable shape."""
    listed = answer.get(question.name) if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise UnusableError(f"it has no list “{question.name}”")
    offers: list[Offers] = []
    for item in listed[:MOST_OF_A_CHUNK]:
        try:
            offers.append(msgspec.convert(item, question.kind).cleaned())
        except msgspec.ValidationError:
            continue
    if listed and not offers:
        *others, last = question.schema["properties"][question.name]["items"]["required"]
        raise UnusableError(f"none of its {question.name} has {', '.join(others)} and {last}")
    return tuple(offers), len(listed) - len(offers)
