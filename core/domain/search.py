"""Searching what was said: what is looked for, and whether a passage has it. Words are compared as quotes are.

Every word must occur in a passage, in any order; a word also finds those that begin with it, and words in quotation marks
are found only as they stand. Nothing typed is a pattern: it is taken literally.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from core.domain.errors import BadInput
from core.domain.quotes import tokens

MAX_CHARACTERS = 200
MAX_WORDS = 20
_PARTS = re.compile(r'["“„«]([^"“”„«»]*)["”“»]?|(\S+)')
_NO_WORD = re.compile(r"[^\w\s]+")


class Phrase(msgspec.Struct, frozen=True):
    """Tokens that must follow each other; the last may be the beginning of a word unless the phrase is `exact`."""

    tokens: tuple[str, ...]
    exact: bool


class Query(msgspec.Struct, frozen=True):
    """What is looked for."""

    phrases: tuple[Phrase, ...]


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of text that can be found: in what it stands, where in the recording (seconds), and what it says."""

    kind: str
    text: str
    start: float | None = None


def parse(text: str) -> Query:
    """What `text` asks for. Raises `BadInput` when it asks for no word, or for too much."""
    if len(text) > MAX_CHARACTERS:
        raise BadInput(f"A search has at most {MAX_CHARACTERS} characters.", hint="Search for fewer words.")
    phrases = []
    for found in _PARTS.finditer(text):
        split = tuple(tokens(found[1] if found[1] is not None else found[2]))
        if split:
            phrases.append(Phrase(split, exact=found[1] is not None))
    if not phrases:
        raise BadInput("There is no word to search for.", hint='Example: ./reprise search salmon "upper river"')
    if sum(len(phrase.tokens) for phrase in phrases) > MAX_WORDS:
        raise BadInput(f"A search has at most {MAX_WORDS} words.", hint="Search for fewer words.")
    return Query(tuple(phrases))


def find(query: Query, passages: Iterable[Passage]) -> list[Passage]:
    """Those of `passages` that have everything that `query` asks for, in their order."""
    return [passage for passage in passages if _has_all(query, tokens(passage.text))]


def fold(text: str) -> str:
    """`text` for `may_have`: what a search ignores is gone, much faster than by `tokens`."""
    return _NO_WORD.sub("", unicodedata.normalize("NFKC", text).casefold())


def may_have(query: Query, folded: str) -> bool:
    """Whether a text that was folded may have what `query` asks for; False is certain."""
    return all(_NO_WORD.sub("", token) in folded for phrase in query.phrases for token in phrase.tokens)


def _has_all(query: Query, words: Sequence[str]) -> bool:
    return all(_has(phrase, words) for phrase in query.phrases)


def _has(phrase: Phrase, words: Sequence[str]) -> bool:
    *whole, last = phrase.tokens
    length = len(phrase.tokens)
    for at in range(len(words) - length + 1):
        end = words[at + length - 1]
        if (end == last if phrase.exact else end.startswith(last)) and list(words[at : at + length - 1]) == whole:
            return True
    return False


def marks(query: Query, text: str) -> list[tuple[int, int]]:
    """Which words of `text` were looked for, as ranges of characters `[left, right)`, to be shown in bold."""
    found = []
    for piece in re.finditer(r"\S+", text):
        split = tokens(piece[0])
        if any(_asks_for(phrase, token) for phrase in query.phrases for token in split):
            found.append(piece.span())
    return found


def _asks_for(phrase: Phrase, token: str) -> bool:
    return token in phrase.tokens or (not phrase.exact and token.startswith(phrase.tokens[-1]))
