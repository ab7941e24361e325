"""Published results: content-addressed folders with a receipt, made elsewhere and put in place by one rename."""

import hashlib
import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from core.domain.errors import Damaged
from core.domain.run import Work
from core.store.codec import MAX_BYTES, is_sealed, seal
from core.store.layout import Layout, keyed
from core.store.quarantine import Finding, move_to_quarantine
from core.system import files
from core.system.clock import Clock

RECEIPT = "receipt.json"
_KEY_LENGTH = 32


class FileEntry(msgspec.Struct, frozen=True):
    """One published file: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was published: how it was made, from what, by which attempt, and what its files are, bit for bit.

    `inputs` maps stage to the digest of what it had published, `files` relative name (with `/`) to size and checksum;
    `units` is their number. `cpu_s` and `memory_bytes` are what the attempt that published it used: seconds of processor
    time, its tools' too, and the most memory of its worker.
    """

    stage: str
    key: str
    version: int
    params: dict[str, Any]
    inputs: dict[str, str] = msgspec.field(default_factory=dict)
    files: dict[str, FileEntry] = msgspec.field(default_factory=dict)
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    tools: dict[str, str] = msgspec.field(default_factory=dict)
    work: Work | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempt: str = ""
    epoch: int = 0
    units: int = 0
    redo: int = 0
    cpu_s: float | None = None
    memory_bytes: int | None = None

    @property
    def content(self) -> str:
        """The digest of its files, whoever made them from whatever: the same names and bytes have the same.

        Files that `facts` name as `aside`, such as a picture to know it by, are for people; nothing is made of them.
        """
        aside = self.facts.get("aside", ())
        return _digest({name: entry.sha256 for name, entry in self.files.items() if name not in aside})


def stage_key(name: str, version: int, params: dict[str, Any], inputs: dict[str, str], redo: int) -> str:
    """The key of a stage's result: the same for the same work, another for anything that changes it.

    `inputs` maps each stage it reads to the `content` of its receipt, so that the same bytes from two places are
    worked on once. Raises `ValueError` for NaN and `TypeError` for what is not JSON in `params`.
    """
    return _digest({"stage": name, "version": version, "params": params, "inputs": inputs, "redo": redo})


class Artifacts:
    """The artifacts of one storage."""

    def __init__(self, layout: Layout, clock: Clock) -> None:
        self._layout = layout
        self._clock = clock
        self._made: set[str] = set()  # stages whose folder this process has made durable

    def moved(self, root: Path) -> "Artifacts":
        """Those that were moved below another root, with their places kept."""
        return Artifacts(Layout(root), self._clock)

    def receipt(self, stage: str, key: str) -> Receipt | None:
        """The receipt of what is published under this key; None when nothing is, or nothing that can be believed."""
        try:
            return self._read(stage, key)
        except Damaged:
            return None

    def verify(self, stage: str, key: str, deep: bool) -> Receipt | None:
        """The receipt if every file it names is there in its size, and with `deep` in every bit.

        What is not so goes to quarantine as a whole, and None is given: it will be made again. Raises `StorageError`
        when it cannot be read just now; that is no damage.
        """
        return self.inspect(stage, key, deep)[0]

    def inspect(self, stage: str, key: str, deep: bool, repair: bool = True) -> tuple[Receipt | None, Finding | None]:
        """Like `verify`, with what was found wrong; only looks when `repair` is off."""
        folder = self._layout.artifact(stage, key)
        try:
            receipt = self._read(stage, key)
            if receipt is None:
                return None, None
            self._compare(folder, receipt, deep)
        except Damaged as error:
            action = "not touched"
            if repair:
                try:
                    moved = move_to_quarantine(self._layout, self._clock, folder, error.message)
                except FileNotFoundError:
                    return None, None  # somebody else has just moved it
                except OSError as problem:
                    raise files.storage_error(problem, f"moving {folder} to quarantine") from problem
                action = f"moved to {moved.name}; it will be made again when it is needed"
            return None, Finding(path=str(folder), problem=error.message, action=action, repaired=repair)
        return receipt, None

    def publish(self, stage: str, key: str, tmp: Path, receipt: Receipt) -> Receipt:
        """Publish folder `tmp` under this key; durable when this returns.

        `receipt.files` is filled in here. When somebody has published meanwhile, theirs is given and `tmp` dropped.
        Raises `Damaged` for anything in `tmp` but files and folders, `StorageError` when the disk refuses.
        """
        final = self._layout.artifact(stage, key)
        try:
            entries = dict(sorted(_entries(str(tmp)).items()))
            ended_at = receipt.ended_at or self._clock.now()
            full = msgspec.structs.replace(receipt, stage=stage, key=key, files=entries, ended_at=ended_at)
            files.write_new(tmp / RECEIPT, seal(msgspec.json.format(msgspec.json.encode(full), indent=1)))
            if stage not in self._made or not final.parent.is_dir():
                files.make_folder(final.parent)
                self._made.add(stage)
            while not files.publish_folder(tmp, final):
                theirs = self.verify(stage, key, deep=False)
                if theirs is not None:
                    shutil.rmtree(tmp, ignore_errors=True)
                    return theirs
        except OSError as error:
            raise files.storage_error(error, f"publishing {stage}/{key}") from error
        return full

    def touch(self, stage: str, key: str) -> bool:
        """Note that a result was found useful just now, so that it is not swept; False when it is not there any more."""
        try:
            os.utime(self._layout.artifact(stage, key))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise files.storage_error(error, f"using {stage}/{key}") from error
        return True

    def published(self) -> list[tuple[str, str]]:
        """Stage and key of everything that is published, damaged or not."""
        return [(path.parent.name, path.name) for path in keyed(self._layout.artifacts, "*/*")]

    def _read(self, stage: str, key: str) -> Receipt | None:
        folder = self._layout.artifact(stage, key)
        try:
            data = files.read_regular(folder / RECEIPT, MAX_BYTES)
        except FileNotFoundError:
            if folder.exists():
                raise Damaged(f"The artifact {stage}/{key} has no receipt.") from None
            return None
        except OSError as error:
            if files.is_not_a_file(error):
                raise Damaged(f"The receipt of {stage}/{key} is no file: {error.strerror}.") from error
            raise files.storage_error(error, f"reading the receipt of {stage}/{key}") from error
        if not is_sealed(data):
            raise Damaged(f"The receipt of {stage}/{key} is not what was written.")
        try:
            receipt = msgspec.json.decode(data, type=Receipt)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Damaged(f"The receipt of {stage}/{key} cannot be understood: {error}.") from error
        if (receipt.stage, receipt.key) != (stage, key):
            raise Damaged(f"The artifact {stage}/{key} carries the receipt of {receipt.stage}/{receipt.key}.")
        return receipt

    def _compare(self, folder: Path, receipt: Receipt, deep: bool) -> None:
        for name, entry in receipt.files.items():
            path = folder / name
            try:
                status = path.lstat()
                if not path.is_file() or path.is_symlink() or status.st_size != entry.size:
                    raise Damaged(f"{receipt.stage}/{receipt.key}/{name} has not the size it was published with.")
                if deep and files.sha256_file(path) != entry.sha256:
                    raise Damaged(
                        f"{receipt.stage}/{receipt.key}/{name} is not what was published: its checksum differs."
                    )
            except (FileNotFoundError, NotADirectoryError):
                raise Damaged(f"{receipt.stage}/{receipt.key}/{name} is missing.") from None
            except OSError as error:
                raise files.storage_error(error, f"reading {path}") from error


def _digest(parts: dict[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def _entries(folder: str, prefix: str = "") -> dict[str, FileEntry]:
    """The files in `folder` and below, by their names with `/`; the receipt is none of them."""
    found: dict[str, FileEntry] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                found |= _entries(entry.path, f"{name}/")
            elif not entry.is_file(follow_symlinks=False):
                raise Damaged(f"{entry.name} cannot be published: it is neither a file nor a folder.")
            elif name != RECEIPT:
                found[name] = FileEntry(entry.stat(follow_symlinks=False).st_size, files.sha256_file(entry.path))
    return found
