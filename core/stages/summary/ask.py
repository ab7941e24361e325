"""Asking a language model for a summary: every part of the transcript, then the answers together until one is left.

Every answer is a durable unit, numbered level by level; since each level is a pure function of the one before, a
restart asks only what was not answered yet. A statement that names no sentence that exists is dropped and counted.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from core.domain.markup import one_line
from core.domain.sentences import Sentence, Text
from core.stages.language import Language, LlmConfig
from core.stages.language_chunks import CHUNK_CHARACTERS, chunks, numbered, within_cap
from core.stages.language_errors import UnusableError
from core.stages.language_stage import ask_for_unit
from core.stages.stage import Attempt
from core.stages.summary.records import Point, Summary

PROMPT_VERSION = 1
MOST_STATEMENTS = 8
MOST_IDS = 12
MAX_STATEMENT = 400
MAX_TITLE = 120

_TASK = """You summarise {what}
Write in the language of the material. Give a title of at most ten words, an abstract of two to four sentences, at most
eight points worth knowing (one sentence each), and at most ten keywords. With every sentence of the abstract and every
point, give the numbers (ids, like S000123) of the sentences it rests on. Say only what they say."""
_OF_SPEECH = "part of the transcript of a recording. Each line is one sentence and begins with its number."
_OF_SUMMARIES = """the summaries of the parts of one recording, in order, as one whole. Each line is one statement and
begins with the numbers of the sentences it rests on; give those numbers again."""

_STRING = {"type": "string"}
_STATEMENTS = {
    "type": "array",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["text", "ids"],
        "properties": {"text": _STRING, "ids": {"type": "array", "items": _STRING}},
    },
}
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "abstract", "points", "keywords"],
    "properties": {
        "title": _STRING,
        "abstract": _STATEMENTS,
        "points": _STATEMENTS,
        "keywords": {"type": "array", "items": _STRING},
    },
}


class Statement(msgspec.Struct, frozen=True):
    """One sentence of a model, and the numbers of the transcript's sentences it rests on."""

    text: str
    ids: tuple[int, ...]


class Answer(msgspec.Struct, frozen=True):
    """One unit: the summary of one part, what of it rested on nothing, and the tokens it cost."""

    title: str
    abstract: tuple[Statement, ...]
    points: tuple[Statement, ...]
    keywords: tuple[str, ...]
    unsupported: int
    tokens: int = 0


class Condensed(msgspec.Struct, frozen=True, kw_only=True):
    """The summary, how many parts it is made of and how many there are, and the tokens spent now and before."""

    summary: Summary
    chunks: int
    chunks_total: int
    unsupported: int
    done: float
    reused: float


def condensed(attempt: Attempt, llm: LlmConfig, text: Text) -> Condensed:
    """The summary of `text` by the model; questions answered in an earlier attempt are not asked again."""
    every = chunks(text.trusted)
    asked = within_cap(every)
    if len(asked) < len(every):
        attempt.log(f"The transcript is very long: {len(asked)} of its {len(every)} parts are sent to the model.")
    with Language(llm, attempt.check) as model:
        talk = _Talk(attempt, model)
        level = [talk.answer(_OF_SPEECH, list(map(numbered, chunk)), _numbers(chunk), len(asked)) for chunk in asked]
        while len(level) > 1:
            groups = _grouped([_lines(answer) for answer in level])
            level = [talk.answer(_OF_SUMMARIES, lines, numbers, len(groups)) for lines, numbers in groups]
    last = level[0]
    abstract = _points(last.abstract or last.points[:3], text)
    summary = Summary(
        title=last.title or abstract[0].text[:MAX_TITLE],
        abstract=" ".join(point.text for point in abstract),
        abstract_points=abstract,
        points=_points(last.points or last.abstract, text),
        keywords=last.keywords,
        source="llm",
        model=llm.model,
    )
    return Condensed(
        summary=summary,
        chunks=len(asked),
        chunks_total=len(every),
        unsupported=talk.unsupported,
        done=float(talk.done),
        reused=float(talk.reused),
    )


class _Talk:
    """The questions of one attempt in their fixed order, each answered from its unit when there is one."""

    def __init__(self, attempt: Attempt, model: Language) -> None:
        self._attempt = attempt
        self._model = model
        self._known = {number: msgspec.convert(data, Answer) for number, data in attempt.units.done().items()}
        self._number = 0
        self.done = self.reused = self.unsupported = 0

    def answer(self, what: str, lines: list[str], numbers: frozenset[int], of: int) -> Answer:
        """The summary of `lines`, whose statements may rest on the sentences `numbers` only."""
        self._attempt.check()
        number, self._number = self._number, self._number + 1
        self._attempt.progress(number, max(of, number + 1), f"summary: part {number + 1}")
        answer = self._known.get(number)
        if answer is None:
            task, question = _TASK.format(what=what), "\n".join(lines)
            reply = ask_for_unit(
                self._attempt,
                number,
                partial(self._model.ask, task, question, _SCHEMA, lambda given: _read(given, numbers)),
            )
            answer = msgspec.structs.replace(reply.value, tokens=reply.tokens)
            self._attempt.units.add(number, answer.tokens, msgspec.to_builtins(answer))
            self._attempt.log(f"Part {number + 1}: {len(answer.points)} points, {reply.tokens} tokens.")
            self.done += answer.tokens
        else:
            self.reused += answer.tokens
        self.unsupported += answer.unsupported
        return answer


def _numbers(chunk: tuple[Sentence, ...]) -> frozenset[int]:
    return frozenset(sentence.number for sentence in chunk)


def _points(statements: Sequence[Statement], text: Text) -> tuple[Point, ...]:
    """The statements with the segments of the sentences they rest on."""
    return tuple(
        Point(
            statement.text,
            tuple(sorted({segment for number in statement.ids for segment in text.sentences[number].segment_ids})),
        )
        for statement in statements
    )


def _lines(answer: Answer) -> tuple[list[str], frozenset[int]]:
    """An answer as lines for the next level, and the sentences they rest on."""
    statements = answer.points or answer.abstract
    lines = [",".join(f"S{number:06d}" for number in said.ids) + " " + said.text for said in statements]
    return lines, frozenset(number for said in statements for number in said.ids)


def _grouped(parts: list[tuple[list[str], frozenset[int]]]) -> list[tuple[list[str], frozenset[int]]]:
    """Neighbouring parts joined to as much as one question holds.

    Two always fit, by the limits on statements, so that every level is shorter than the one before.
    """
    groups: list[tuple[list[str], frozenset[int]]] = []
    room = 0
    for lines, numbers in parts:
        size = sum(len(line) + 1 for line in lines)
        if size > room:
            groups.append(([], frozenset()))
            room = CHUNK_CHARACTERS
        groups[-1] = (groups[-1][0] + lines, groups[-1][1] | numbers)
        room -= size
    return groups


def _read(given: Any, numbers: frozenset[int]) -> Answer:
    """The answer, cleaned to plain lines, without the statements that rest on nothing."""
    if not isinstance(given, dict):
        raise UnusableError("it is no object")
    abstract, unsupported = _statements(given.get("abstract"), numbers)
    points, more = _statements(given.get("points"), numbers)
    if not abstract and not points:
        raise UnusableError("none of its statements has a text and the numbers of sentences that exist")
    keywords = given.get("keywords")
    listed = keywords if isinstance(keywords, list) else []
    title = given.get("title")
    return Answer(
        title=one_line(title, MAX_TITLE) if isinstance(title, str) else "",
        abstract=abstract,
        points=points,
        keywords=tuple(
            dict.fromkeys(one_line(word, 60) for word in listed[:10] if isinstance(word, str) and word.strip())
        ),
        unsupported=unsupported + more,
    )


def _statements(given: Any, numbers: frozenset[int]) -> tuple[tuple[Statement, ...], int]:
    """The supported ones of the statements in an answer, and how many were not supported."""
    listed = given if isinstance(given, list) else []
    supported = []
    for item in listed[:MOST_STATEMENTS]:
        text = item.get("text") if isinstance(item, dict) else None
        ids = item.get("ids") if isinstance(item, dict) else None
        said = one_line(text, MAX_STATEMENT) if isinstance(text, str) else ""
        known = (
            sorted({number for label in ids if (number := _number(label)) in numbers}) if isinstance(ids, list) else []
        )
        if said and known:
            supported.append(Statement(said, tuple(known[:MOST_IDS])))
    return tuple(supported), len(listed) - len(supported)


def _number(label: Any) -> int:
    """The number of the sentence a label names; -1 when it names none."""
    digits = label.strip().removeprefix("S") if isinstance(label, str) else ""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else -1
