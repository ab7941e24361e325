"""Where everything lies in the storage folder, and the ids that name it."""

import os
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.domain.errors import BadInput, StorageError
from core.system import files
from core.system.clock import Clock

_ID = re.compile(r"[rbe]_[a-z0-9]{1,40}\Z")
_STAGE = re.compile(r"[a-z][a-z_]{0,30}\Z")
_KEY = re.compile(r"[0-9a-z]{1,64}\Z")
_ATTEMPT = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sorts as it counts, no look-alikes
_RANDOM_BITS = 70
_EPOCH = datetime.fromtimestamp(0, UTC)
_REMOTE = re.compile(r"(nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre)\Z")


def new_run_id(clock: Clock) -> str:
    """A new run id: sorts by time (microseconds), cannot be guessed."""
    return "r_" + _sortable(clock)


def new_batch_id(clock: Clock) -> str:
    """A new batch id: sorts by time (microseconds), cannot be guessed."""
    return "b_" + _sortable(clock)


def new_export_id(clock: Clock) -> str:
    """A new export id: sorts by time (microseconds), cannot be guessed."""
    return "e_" + _sortable(clock)


def _sortable(clock: Clock) -> str:
    # A ULID (48 bits of milliseconds, 80 of chance) whose first 10 bits of chance are the microseconds instead, as
    # RFC 9562 (6.2, method 3) has it: two batches of one millisecond would come in an order of chance without.
    milliseconds, microseconds = divmod((clock.now() - _EPOCH) // timedelta(microseconds=1), 1000)
    number = (milliseconds << 10 | microseconds) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str, kind: str = "") -> bool:
    """Whether `text` is the id of a run, batch or export (`kind` narrows it to `r`, `b` or `e`): safe as a file name."""
    return _ID.match(text) is not None and text.startswith(kind)


def keyed(folder: Path, pattern: str) -> list[Path]:
    """What `pattern` (`*/*…`: stage, key, …) finds in `artifacts/` or `work/`, without folders that are not ours."""
    with files.explained(f"listing {folder}"):
        paths = sorted(folder.glob(pattern))
    found = []
    for path in paths:
        stage, key = path.relative_to(folder).parts[:2]
        if _STAGE.match(stage) and _KEY.match(key):
            found.append(path)
    return found


def _checked(text: str, pattern: re.Pattern[str], what: str) -> str:
    if not pattern.match(text) or ".." in text:
        raise BadInput(f"“{text[:80]}” is no {what}.")
    return text


class Layout:
    """The paths below one storage folder. Names are checked, so that none leads out of it (`BadInput`)."""

    def __init__(self, root: Path) -> None:
        self.root = root = root.resolve()  # the storage itself may be a symlink, nothing in it is
        self.state = root / "state"
        self.batches = self.state / "batches"
        self.locks = root / "locks"
        self.artifacts = root / "artifacts"
        self.work_root = root / "work"
        self.progress = root / "progress"
        self.journal = root / "journal"
        self.uploads = root / "uploads"
        self.exports = root / "exports"
        self.sound = root / "sound"
        self.backups = root / "backups"
        self.quarantine = root / "quarantine"
        self.logs = root / "logs"
        self.inbox = root / "inbox"
        self.templates = root / "templates"
        self.people = root / "people"
        self.archive = root / "archive"
        self.access = root / "access"
        self.tokens = self.access / "tokens"
        self.notices = root / "notices"

    def run_state(self, run_id: str) -> Path:
        """The state file of a run."""
        return self.state / f"{_checked(run_id, _ID, 'run id')}.json"

    def batch_state(self, batch_id: str) -> Path:
        """The state file of a batch."""
        return self.batches / f"{_checked(batch_id, _ID, 'batch id')}.json"

    def export_state(self, export_id: str) -> Path:
        """The state file of an export."""
        return self.exports / f"{_checked(export_id, _ID, 'export id')}.json"

    def link_key(self) -> Path:
        """The secret that links to exports are signed with."""
        return self.exports / "link.key"

    def admin_token(self) -> Path:
        """The token of whoever administrates this storage, for programs of this machine's user."""
        return self.access / "admin.token"

    def cookie_key(self) -> Path:
        """The secret that the dashboard's sign-in cookies are signed with."""
        return self.access / "cookie.key"

    def upload_key(self) -> Path:
        """The secret that addresses of uploads are signed with."""
        return self.access / "upload.key"

    def people_list(self) -> Path:
        """Who may sign in."""
        return self.access / "people.json"

    def people_lock(self) -> Path:
        """Held while that list is changed."""
        return self.locks / "people.lock"

    def keys_lock(self) -> Path:
        """Held while a batch is made for a request that may come twice."""
        return self.locks / "keys.lock"

    def board(self) -> Path:
        """What people are told, and what is still to be sent of it."""
        return self.notices / "board.json"

    def notices_lock(self) -> Path:
        """Held while somebody marks notices as read."""
        return self.locks / "notices.lock"

    def exports_lock(self) -> Path:
        """Held while an export is asked for, so that asking twice makes one."""
        return self.locks / "exports.lock"

    def archived(self, record_id: str) -> Path:
        """What is left of a batch or an export that was cleaned up."""
        return self.archive / f"{_checked(record_id, _ID, 'id')}.json"

    def pool_state(self) -> Path:
        """The state file of the pool."""
        return self.state / "pool.json"

    def state_lock(self, record_id: str) -> Path:
        """Held for the milliseconds of one change of a state file."""
        name = record_id if record_id == "pool" else _checked(record_id, _ID, "id")
        return self.locks / f"{name}.state"

    def owner_lock(self, run_id: str) -> Path:
        """Held by the worker for the whole attempt: held means alive."""
        return self.locks / f"{_checked(run_id, _ID, 'run id')}.owner"

    def service_lock(self) -> Path:
        """Held by the one service of this storage."""
        return self.locks / "service.lock"

    def service_beat(self) -> Path:
        """When the service took its last turn; not durable."""
        return self.locks / "service.beat"

    def journal_lock(self) -> Path:
        """Held while lines are appended to the journal."""
        return self.locks / "journal.lock"

    def purge_lock(self) -> Path:
        """Held while a batch is deleted for good."""
        return self.locks / "purge.lock"

    def cleanup_lock(self) -> Path:
        """Held while the storage is cleaned up."""
        return self.locks / "cleanup.lock"

    def allowance_lock(self) -> Path:
        """Held while a batch of somebody with a tier is made, so that they are counted rightly."""
        return self.locks / "allowance.lock"

    def usage_lock(self) -> Path:
        """Held while it is noted what somebody has used up."""
        return self.locks / "usage.lock"

    def templates_lock(self) -> Path:
        """Held while a template or somebody's defaults are changed."""
        return self.locks / "templates.lock"

    def key_lock(self, stage: str, key: str) -> Path:
        """Held by whoever works on this key of this stage."""
        return self.locks / f"{_checked(stage, _STAGE, 'stage')}.{_checked(key, _KEY, 'key')}.key"

    def artifact(self, stage: str, key: str) -> Path:
        """The published folder of a key."""
        return self.artifacts / _checked(stage, _STAGE, "stage") / _checked(key, _KEY, "key")

    def work(self, stage: str, key: str) -> Path:
        """The folder of a key that survives attempts: plan, units, partial files."""
        return self.work_root / _checked(stage, _STAGE, "stage") / _checked(key, _KEY, "key")

    def sound_of(self, sha256: str) -> Path:
        """What was heard of the medium with this checksum, for previews; it can be heard again."""
        return self.sound / _checked(sha256, _KEY, "checksum")

    def progress_file(self, run_id: str) -> Path:
        """The progress of a run, or of an export; never durable."""
        return self.progress / f"{_checked(run_id, _ID, 'run id')}.json"

    def attempt_log(self, run_id: str, stage: str, attempt_id: str) -> Path:
        """The console output of one attempt."""
        name = f"{_checked(stage, _STAGE, 'stage')}.{_checked(attempt_id, _ATTEMPT, 'attempt id')}.log"
        return self.logs / _checked(run_id, _ID, "run id") / name

    def service_log(self) -> Path:
        """The log of the service."""
        return self.logs / "service.log"

    def create(self) -> list[str]:
        """Make every folder that is missing and try whether the storage can be written.

        Gives warnings in words, usually none. Raises `StorageError` when it cannot be used: not writable, something
        else in its place, or on a network file system, where kernel locks do not exclude other machines.
        """
        folders = [value for name, value in sorted(vars(self).items()) if name != "root"]
        try:
            for folder in (self.root, *folders):
                files.make_folder(folder)
            probe = self.locks / f".probe.{os.getpid()}"
            files.write_temporary(probe, b"")
            probe.unlink()
        except OSError as error:
            raise files.storage_error(error, f"preparing the storage folder {self.root}") from error
        kind = files.filesystem_kind(self.root)
        if _REMOTE.match(kind):
            raise StorageError(
                f"The storage folder {self.root} is on a network file system ({kind}), whose locks cannot be trusted.",
                hint="Choose a folder on a local disk with REPRISE_STORAGE; see docs/storage.md.",
            )
        if kind.startswith("fuse"):
            return [f"The storage folder is on {kind}; its locks and fsync may be weaker than a local disk's."]
        return []
