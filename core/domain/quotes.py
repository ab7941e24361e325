"""Finding words in a transcript again: how words are compared, where a quotation stands, what a quote is.

Two spellings are the same words when they agree after NFKC, case folding and without punctuation; words joined by
hyphens or dashes are several, and scripts without spaces are compared character by character.
"""

import hashlib
import re
import unicodedata
from bisect import bisect_left
from typing import Literal

import msgspec

from core.domain.sentences import Text

MIN_TOKENS = 4

_JOINERS = re.compile(r"[-/_\u2010-\u2015\u2212\u2053\u301c]+")
_CHARACTERWISE = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """One quote as `quotes.json` holds it; times in seconds, `score` is how well the asked-for words matched, 0 to 1."""

    quote_id: str
    text: str
    start: float
    end: float
    segment_ids: tuple[int, ...]
    status: Literal["verified", "repaired"]
    score: float
    why: str
    source: Literal["llm", "extractive"]


def tokens(text: str) -> list[str]:
    """The words of `text` as they are compared: folded, without punctuation, symbols and invisible characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if not folded.isascii():
        folded = _CHARACTERWISE.sub(r" \1 ", folded)
    split = _JOINERS.sub(" ", folded)
    kept = (char if char.isalnum() or char.isspace() or _is_mark(char) else "" for char in split)
    return "".join(kept).split()


def _is_mark(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] == "M"


class Index:
    """The tokens of a transcript with the word each belongs to, and where every token occurs."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.word_of: list[int] = []
        self._occurrences: dict[str, list[int]] = {}
        for number, word in enumerate(text.words):
            for token in tokens(text.text[word.left : word.right]):
                self._occurrences.setdefault(token, []).append(len(self.tokens))
                self.tokens.append(token)
                self.word_of.append(number)

    def find(self, wanted: list[str]) -> list[int]:
        """Every token position at which `wanted` stands word for word."""
        if not wanted:
            return []
        rarest = min(range(len(wanted)), key=lambda at: len(self._occurrences.get(wanted[at], ())))
        starts = (at - rarest for at in self._occurrences.get(wanted[rarest], ()))
        return [at for at in starts if at >= 0 and self.tokens[at : at + len(wanted)] == wanted]

    def token_range(self, first_word: int, last_word: int) -> tuple[int, int]:
        """The tokens `[start, end)` of the words `[first_word, last_word)`."""
        return bisect_left(self.word_of, first_word), bisect_left(self.word_of, last_word)

    def word_range(self, start: int, end: int) -> tuple[int, int]:
        """The words `[first, last)` that the tokens `[start, end)` belong to."""
        return self.word_of[start], self.word_of[end - 1] + 1


def make_quote(
    text: Text,
    first: int,
    last: int,
    *,
    transcript_sha256: str,
    status: Literal["verified", "repaired"],
    score: float,
    why: str,
    source: Literal["llm", "extractive"],
) -> Quote:
    """The quote of the words `[first, last)`: always the transcript's own words, with an id made of transcript and span."""
    span = f"{transcript_sha256}:{first}:{last}"
    return Quote(
        quote_id="q_" + hashlib.sha256(span.encode()).hexdigest()[:20],
        text=text.span(first, last),
        start=round(text.words[first].start, 3),
        end=round(text.words[last - 1].end, 3),
        segment_ids=text.segment_ids(first, last),
        status=status,
        score=round(score, 3),
        why=why,
        source=source,
    )
