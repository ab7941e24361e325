"""Which files of this machine somebody may name: an administrator any, others what they uploaded and what is in the inbox."""

from pathlib import Path
from urllib.parse import urlsplit

from core.config import Config
from core.domain.access import Scope
from core.domain.errors import BadInput, NotFound
from core.manager.access import Gate
from core.manager.inbox import inbox_folders
from core.manager.submission import Submission
from core.store.layout import Layout
from core.store.uploads import UploadStore


class Reach:
    """What one actor may name."""

    def __init__(self, gate: Gate, layout: Layout, config: Config) -> None:
        self._gate, self._uploads, self._store = gate, layout.uploads, UploadStore(layout)
        self._inboxes = inbox_folders(layout, config.inbox)

    @property
    def is_wide(self) -> bool:
        """Whether it is every file that this process may read."""
        return self._gate.actor.may(Scope.ADMIN)

    def check(self, submission: Submission) -> None:
        """Raise `NotAllowed` for who may only look, or for what is an administrator's; `BadInput` for files beside the sources."""
        self._gate.need(Scope.OPERATE, "add")
        if self.is_wide:
            return
        for name in ("proxy", "cookies"):
            if getattr(submission, name):
                self._gate.need(Scope.ADMIN, name)
        for path in (*submission.transcripts, *([submission.archive] if submission.archive else [])):
            self.check_file(path)

    def check_source(self, text: str) -> None:
        """Raise `BadInput` unless this is a web address, or a file or folder that may be named."""
        if not self.is_wide and not _is_address(text):
            self.check_file(text)

    def check_file(self, text: str) -> None:
        """Raise `BadInput` unless the file or folder may be named; says the same whether it is there or not."""
        if self.is_wide:
            return
        try:
            path = Path(text.strip()).resolve()
        except (OSError, ValueError, RuntimeError):
            path = Path("/")
        if not (any(path.is_relative_to(inbox.resolve()) for inbox in self._inboxes) or self._is_upload(path)):
            raise BadInput(
                "Only what you uploaded, and what is in the inbox, can be named by its path.",
                hint="Upload the file first.",
                code="path_not_allowed",
            )

    def _is_upload(self, path: Path) -> bool:
        """Whether this is a file that this very owner sent."""
        root = self._uploads.resolve()
        if not path.is_relative_to(root) or len(path.relative_to(root).parts) != 2:
            return False
        try:
            return self._store.find(path.parent.name).upload.owner == self._gate.actor.name
        except NotFound:
            return False


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text.strip()).scheme.lower() in ("http", "https")
    except ValueError:
        return True  # what is wrong with it is said where it is parsed
