"""`search`: finds words in the transcripts, quotes, summaries and highlights of all runs. The files are the index."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from core.domain import search as searching
from core.domain.errors import Damaged
from core.domain.run import RunRecord
from core.domain.search import Passage, Query
from core.domain.sentences import Transcript, join, read_transcript
from core.domain.states import StageStatus
from core.manager.index import Index
from core.store.layout import Layout

LIMIT = 100
# Folded texts of artifacts are kept, so that the next search of a dashboard reads nothing: about 1,000 hours of speech.
KEPT_CHARACTERS = 48_000_000


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of a run in which everything was found; `marks` are the words that were looked for in it."""

    run_id: str
    title: str
    kind: str
    start: float | None
    text: str
    marks: tuple[tuple[int, int], ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The hits, newest run first; `more` tells that there are others, `unreadable` names runs that could not be read."""

    hits: tuple[Hit, ...]
    more: bool
    unreadable: tuple[str, ...]


class Folded:
    """Texts of artifacts as a search compares them, which never change; the last ones used are kept. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._folded: OrderedDict[Path, str] = OrderedDict()
        self._kept = 0

    def of(self, path: Path) -> str:
        """The folded text of a file; empty when there is none. Raises `OSError`."""
        with self._guard:
            known = self._folded.get(path)
            if known is not None:
                self._folded.move_to_end(path)
                return known
        try:
            text = searching.fold(path.read_text("utf-8", "replace"))
        except FileNotFoundError:
            return ""
        with self._guard:
            if path not in self._folded:
                self._folded[path] = text
                self._kept += len(text)
            while self._kept > KEPT_CHARACTERS:
                self._kept -= len(self._folded.popitem(last=False)[1])
        return text


class Search:
    """Looks through what was published; never writes."""

    def __init__(self, index: Index, layout: Layout, folded: Folded | None = None) -> None:
        self._index, self._layout, self._folded = index, layout, folded or Folded()

    def find(self, text: str, *, limit: int = LIMIT) -> Found:
        """At most `limit` passages that have every word of `text`. Raises `BadInput` when there is no word in it."""
        query = searching.parse(text)
        hits: list[Hit] = []
        unreadable: list[str] = []
        runs, batches, _ = self._index.snapshot()
        for run in sorted(runs.values(), key=lambda run: run.run_id, reverse=True):
            if run.removed or run.batch_id not in batches:
                continue
            found, whole = self._of_run(run, query)
            hits += [_hit(run, one, query) for one in dict.fromkeys(found)]
            unreadable += [] if whole else [run.run_id]
            if len(hits) > limit:
                break
        return Found(hits=tuple(hits[:limit]), more=len(hits) > limit, unreadable=tuple(unreadable))

    def _of_run(self, run: RunRecord, query: Query) -> tuple[list[Passage], bool]:
        """What was found in the files of a run that may have it, and whether all of them could be read."""
        found: list[Passage] = []
        whole = True
        for stage, name, light, read in _READERS:
            state = run.stages.get(stage)
            if state is None or state.key is None or state.status != StageStatus.COMMITTED:
                continue
            folder = self._layout.artifact(stage, state.key)
            try:
                if searching.may_have(query, self._folded.of(folder / light)):
                    passages = read((folder / name).read_bytes(), lambda: self._transcript(run))
                    found += searching.find(query, passages)
            except (Damaged, OSError):
                whole = False
        return found, whole

    def _transcript(self, run: RunRecord) -> Transcript:
        state = run.stages.get("transcribe")
        if state is None or state.key is None or state.status != StageStatus.COMMITTED:
            return Transcript(segments=())
        return read_transcript((self._layout.artifact("transcribe", state.key) / "transcript.json").read_bytes())


def _hit(run: RunRecord, found: Passage, query: Query) -> Hit:
    return Hit(
        run_id=run.run_id,
        title=run.title or run.source.value,
        kind=found.kind,
        start=found.start,
        text=found.text,
        marks=tuple(searching.marks(query, found.text)),
    )


def _said(content: bytes, transcript: Callable[[], Transcript]) -> Iterator[Passage]:
    del transcript
    for sentence in join(read_transcript(content)).sentences:
        yield Passage(kind="transcript", text=sentence.text, start=round(sentence.start, 3))


def _quoted(content: bytes, transcript: Callable[[], Transcript]) -> Iterator[Passage]:
    del transcript
    for quote in _json(content).get("quotes", ()):
        yield Passage(kind="quote", text=quote["text"], start=quote["start"])


def _highlighted(content: bytes, transcript: Callable[[], Transcript]) -> Iterator[Passage]:
    del transcript
    for one in _json(content).get("highlights", ()):
        yield Passage(kind="highlight", text=one["text"], start=one["start"])


def _summed_up(content: bytes, transcript: Callable[[], Transcript]) -> Iterator[Passage]:
    summary = _json(content)
    for name in ("title", "abstract"):
        yield Passage(kind="summary", text=summary.get(name) or "")
    points = summary.get("points", ())
    starts = {segment.id: segment.start for segment in transcript().segments} if points else {}
    for point in points:
        said = [starts[number] for number in point.get("segment_ids", ()) if number in starts]
        yield Passage(kind="summary", text=point["text"], start=min(said) if said else None)


def _json(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(f"A result cannot be read: {error}.") from None


# Stage, the file with places, the file that tells fast whether it is worth reading, and how it is read.
_READERS = (
    ("summary", "summary.json", "summary.json", _summed_up),
    ("quotes", "quotes.json", "quotes.json", _quoted),
    ("detect_highlights", "highlights.json", "highlights.json", _highlighted),
    ("transcribe", "transcript.json", "transcript.txt", _said),
)
