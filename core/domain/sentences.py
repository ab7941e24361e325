"""A transcript as one running text: its words with their places and times, joined into sentences with numbers.

Segments of a recogniser end where it ran out of window, not where a thought ends; people and language models both want
sentences. Everything here is a pure function of the transcript, so that numbers stay the same over a restart.
"""

import re
from collections.abc import Iterator

import msgspec

from core.domain.errors import Damaged

MAX_CHARACTERS = 400  # a sentence nobody ended is ended here
PAUSE_S = 2.0  # so is one whose speaker fell silent
UNPUNCTUATED_WORDS = 25  # without punctuation, a segment's end is a sentence's end once there are so many words

_END = re.compile(r"[.!?…。！？؟।]+[\"'”’»)\]」』]*$")
_ABBREVIATION = re.compile(r"^(?:[A-Z]|[A-Za-z]\.[A-Za-z]|mr|mrs|ms|dr|prof|st|vs|etc|no|e\.g|i\.e)\.$", re.IGNORECASE)
_SOUND = re.compile(r"^(?:[\[(*♪][^\])*♪]*[\])*♪]\s*)+$")
_SPACELESS = frozenset({"ja", "zh", "yue", "th", "lo", "my", "km"})


class SpokenWord(msgspec.Struct, frozen=True):
    """One recognised word; times in seconds, `probability` from 0 to 1."""

    word: str
    start: float
    end: float
    probability: float = 1.0


class Segment(msgspec.Struct, frozen=True):
    """One segment of a transcript; any flag marks it as suspect."""

    id: int
    start: float
    end: float
    text: str
    words: tuple[SpokenWord, ...] = ()
    flags: tuple[str, ...] = ()


class Transcript(msgspec.Struct, frozen=True):
    """`transcript.json` as the contract has it; fields not named here are ignored."""

    segments: tuple[Segment, ...]
    language: str | None = None
    duration: float | None = None


class Word(msgspec.Struct, frozen=True, gc=False):
    """One word of the running text: the characters `[left, right)`, the times in seconds, and its segment."""

    left: int
    right: int
    start: float
    end: float
    segment_id: int
    suspect: bool


class Sentence(msgspec.Struct, frozen=True):
    """The words `[first, last)` of the running text, and what they say. `number` counts from 0 without gaps."""

    number: int
    first: int
    last: int
    text: str
    start: float
    end: float
    segment_ids: tuple[int, ...]
    suspect: bool

    @property
    def label(self) -> str:
        """The name a language model knows this sentence by: `S000123`."""
        return f"S{self.number:06d}"


class Text(msgspec.Struct, frozen=True):
    """The running text of a transcript, its words and its sentences."""

    text: str
    words: tuple[Word, ...]
    sentences: tuple[Sentence, ...]
    language: str

    def span(self, first: int, last: int) -> str:
        """The words `[first, last)` as they stand in the running text."""
        return self.text[self.words[first].left : self.words[last - 1].right]

    def segment_ids(self, first: int, last: int) -> tuple[int, ...]:
        """The segments that the words `[first, last)` come from, in order."""
        return tuple(dict.fromkeys(word.segment_id for word in self.words[first:last]))

    def suspect(self, first: int, last: int) -> bool:
        """Whether any of the words `[first, last)` stands in a segment that is flagged."""
        return any(word.suspect for word in self.words[first:last])

    @property
    def trusted(self) -> tuple[Sentence, ...]:
        """The sentences that are speech and not suspect: all that quotes and summaries may rest on."""
        return tuple(said for said in self.sentences if not said.suspect and _is_speech(said.text))


def _is_speech(text: str) -> bool:
    """Whether words are in it; `[Music]`, `(applause)`, `♪ ♪` and dots are what recognisers write for sounds."""
    return any(map(str.isalnum, text)) and not _SOUND.match(text)


def read_transcript(content: bytes) -> Transcript:
    """The transcript in the bytes of a `transcript.json`. Raises `Damaged` when it has another shape."""
    try:
        return msgspec.json.decode(content, type=Transcript)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"The transcript cannot be read: {error}.") from None


def join(transcript: Transcript) -> Text:
    """The running text of `transcript`: its segments joined by one space, cut into sentences.

    The text holds every segment's own text, so whatever is cut out of it was said; no line breaks remain in it.
    """
    spaceless = transcript.language in _SPACELESS
    parts: list[str] = []
    words: list[Word] = []
    at = 0
    for segment in transcript.segments:
        said = " ".join(segment.text.split())
        if not said:
            continue
        suspect = bool(segment.flags)
        places = _spoken_places(segment, said) or _even_places(segment, said, spaceless)
        words += (Word(at + le, at + ri, start, end, segment.id, suspect) for le, ri, start, end in places)
        parts.append(said)
        at += len(said) + 1
    text = " ".join(parts)
    return Text(
        text=text, words=tuple(words), sentences=tuple(_sentences(text, words)), language=transcript.language or ""
    )


def _spoken_places(segment: Segment, said: str) -> list[tuple[int, int, float, float]]:
    """Where the recogniser's words stand in `said`; nothing when they are not the words of the text."""
    places: list[tuple[int, int, float, float]] = []
    at = 0
    for word in segment.words:
        surface = " ".join(word.word.split())
        if not surface:
            continue
        left = said.find(surface, at)
        # What lies between two words may be space only, else words of the text would be skipped.
        if left < 0 or said[at:left].strip():
            return []
        at = left + len(surface)
        places.append((left, at, word.start, word.end))
    return [] if said[at:].strip() else places


def _even_places(segment: Segment, said: str, spaceless: bool) -> list[tuple[int, int, float, float]]:
    """The words of `said` with times spread evenly over the characters of the segment."""
    length = max(segment.end - segment.start, 0.0) / len(said)
    return [
        (m.start(), m.end(), segment.start + m.start() * length, segment.start + m.end() * length)
        for m in re.finditer(r"\S" if spaceless else r"\S+", said)
    ]


def _sentences(text: str, words: list[Word]) -> Iterator[Sentence]:
    number = first = 0
    for index in range(len(words)):
        if index + 1 < len(words) and not _ends(text, words, first, index):
            continue
        inside = words[first : index + 1]
        yield Sentence(
            number=number,
            first=first,
            last=index + 1,
            text=text[inside[0].left : inside[-1].right],
            start=inside[0].start,
            end=inside[-1].end,
            segment_ids=tuple(dict.fromkeys(word.segment_id for word in inside)),
            suspect=inside[0].suspect,
        )
        number, first = number + 1, index + 1


def _ends(text: str, words: list[Word], first: int, index: int) -> bool:
    """Whether the sentence begun at `first` ends with the word `index`, which is not the last of all."""
    word, following = words[index], words[index + 1]
    surface = text[word.left : word.right]
    if _END.search(surface) and not _ABBREVIATION.match(surface):
        return True
    return (
        following.suspect != word.suspect
        or following.start - word.end > PAUSE_S
        or following.right - words[first].left > MAX_CHARACTERS
        or (following.segment_id != word.segment_id and index + 1 - first >= UNPUNCTUATED_WORDS)
    )
