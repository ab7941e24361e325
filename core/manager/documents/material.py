"""What a document is made of: the published JSON of one run, read once and in the shapes that are needed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from core.domain.errors import Damaged
from core.domain.harmless import printable
from core.domain.markup import one_line
from core.domain.sentences import Segment, Transcript, read_transcript

TITLE_LENGTH = 200
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "iw", "ps", "sd", "ur", "yi"})


class Material:
    """The published files (`files`, by name) of the run called `title`; nothing else may enter a document."""

    def __init__(self, title: str, files: Mapping[str, bytes]) -> None:
        self.title, self._files = one_line(printable(title), TITLE_LENGTH), files
        self._transcript: Transcript | None = None

    @property
    def transcript(self) -> Transcript:
        """The transcript, empty where the run has none. Raises `Damaged` when it has another shape."""
        if self._transcript is None:
            content = self._files.get("transcript.json")
            self._transcript = read_transcript(content) if content is not None else Transcript(segments=())
        return self._transcript

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments of the transcript in which something is said."""
        return tuple(segment for segment in self.transcript.segments if segment.text.strip())

    @property
    def is_right_to_left(self) -> bool:
        """Whether what is said is written from right to left."""
        return self.transcript.language in RIGHT_TO_LEFT

    def json(self, name: str) -> Any:
        """The document `name`. Raises `Damaged` when it is none."""
        try:
            return msgspec.json.decode(self._files[name])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Damaged(f"{name} cannot be read: {error}.") from None
