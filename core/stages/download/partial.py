"""What is known about the partial files of a download: of which remote file each is, and which ones are whole.

yt-dlp continues any `.part` it finds, whatever the server has by then, and believes any file under its final name. So
beside the partial files stands `partial.json`; a file is continued only if the server still has what it was begun
from, and believed only if it was marked whole after its last byte was on disk.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from core.system.identity import boot_id

RECORD = "partial.json"


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """The identity of a remote file, as the server tells it; `manifest` is the digest of a playlist of segments.

    `whole` is the size of the local file once it is finished; with `boot` that is believed only until the machine
    starts anew, since the bytes may not be on the disk yet.
    """

    address: str
    format_id: str
    size: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    manifest: str | None = None
    whole: int | None = None
    boot: str | None = None

    def validator(self) -> str | None:
        """What `If-Range` may carry: a strong entity tag, else the date of the last change."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified

    def continues(self, found: "Remote") -> bool:
        """Whether a file begun from this one may be continued from `found`."""
        if self.format_id != found.format_id:
            return False
        told = [
            (self.size, found.size),
            (self.etag, found.etag),
            (self.last_modified, found.last_modified),
            (self.manifest, found.manifest),
        ]
        if any(mine is not None and theirs is not None and mine != theirs for mine, theirs in told):
            return False
        # With nothing to tell them apart, only the very same address is taken for the same file.
        return any(mine is not None and mine == theirs for mine, theirs in told) or self.address == found.address


class Partials:
    """The partial files in `folder`, by the name of the finished file (`source.0`, `source.1`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, Remote] = {}
        try:
            found: Any = json.loads((folder / RECORD).read_bytes())
            self._known = msgspec.convert(found, dict[str, Remote])
        except (FileNotFoundError, ValueError, msgspec.ValidationError):
            # Lost or torn: then nothing is known about the partial files, and `clean` drops them.
            self._known = {}

    def get(self, name: str) -> Remote | None:
        """What the file `name` was begun from, if known."""
        return self._known.get(name)

    def note(self, name: str, remote: Remote) -> None:
        """Remember that `name` is begun from `remote`."""
        if self._known.get(name) != remote:
            self._known[name] = remote
            self._save()

    def mark_whole(self, name: str) -> None:
        """Remember that `name` is finished: at once, so that a kill loses nothing, and for good once it is durable."""
        path = self.folder / name
        remote = self._known.get(name) or Remote(address="", format_id="")
        whole = msgspec.structs.replace(remote, whole=path.stat().st_size)
        self.note(name, msgspec.structs.replace(whole, boot=boot_id()))
        with path.open("rb") as file:
            os.fsync(file.fileno())
        self.note(name, whole)

    def is_whole(self, name: str, format_id: str) -> bool:
        """Whether `name` was downloaded to its end, in this format, and has not changed since."""
        remote, path = self._known.get(name), self.folder / name
        return (
            remote is not None
            and remote.whole is not None
            and remote.format_id == format_id
            and path.is_file()
            and path.stat().st_size == remote.whole
            and remote.boot in (None, boot_id())
        )

    def size(self, name: str) -> int:
        """Bytes of `name` that are here, finished or not."""
        return sum(path.stat().st_size for path in self._files(name).values())

    def drop(self, name: str) -> int:
        """Delete all there is of `name`; gives how many bytes that was."""
        lost = self.size(name)
        for path in self.folder.glob(f"{name}*"):
            path.unlink(missing_ok=True)
        if self._known.pop(name, None) is not None:
            self._save()
        return lost

    def drop_fragments(self, name: str) -> int:
        """Delete the fragments of `name` that were not joined to it yet; gives how many bytes they had."""
        lost = 0
        for fragment in self.folder.glob(f"{name}.part-Frag*"):
            lost += fragment.stat().st_size
            fragment.unlink()
        return lost

    def clean(self, name: str, format_id: str) -> int:
        """Bring the files of `name` into a state that may be continued; gives the bytes that had to be dropped.

        A finished file that is not vouched for becomes a partial one again, so that the server is asked about it.
        """
        if self.is_whole(name, format_id):
            return 0
        files, remote = self._files(name), self._known.get(name)
        if not files:
            return 0
        if remote is None or remote.format_id != format_id:
            return self.drop(name)
        if name in files:
            if remote.manifest is not None or len(files) > 1:
                return self.drop(name)
            (self.folder / name).rename(self.folder / f"{name}.part")
        self._known[name] = msgspec.structs.replace(remote, whole=None, boot=None)
        return 0

    def _files(self, name: str) -> Mapping[str, Path]:
        paths = (self.folder / name, self.folder / f"{name}.part")
        return {path.name: path for path in paths if path.is_file()}

    def _save(self) -> None:
        temporary = self.folder / f"{RECORD}.tmp"
        temporary.write_bytes(msgspec.json.encode(self._known))
        temporary.replace(self.folder / RECORD)
