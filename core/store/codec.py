"""The bytes of a state file: an envelope round a body, closed by a checksum over every byte before it.

The frame (`…,"crc":"<16 hex>"}` and a newline at the very end) stays the same in every version of the format, so that
damage can be told from a file of a newer version. Field order is that of the structs: the stages of a run stand in
pipeline order, which sorting would destroy.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import msgspec

from core.domain.errors import BadInput, Damaged, RepriseError

SCHEMA = 1
MAX_BYTES = 16 * 1024 * 1024
_SUFFIX_BYTES = len(b',"crc":"0123456789abcdef"}\n')

T = TypeVar("T", bound=msgspec.Struct)
Migration = Callable[[dict[str, Any]], dict[str, Any]]


class NewerVersion(RepriseError):
    """The file was made by a newer version of Reprise; it is left as it is."""

    code = "newer_version"
    hint = "Use that version, or a copy of the storage made before the upgrade."


class _Head(msgspec.Struct):
    schema: int
    kind: str
    id: str
    gen: int
    epoch: int
    prev_crc: str
    crc: str


class _Typed(_Head, Generic[T]):
    body: T


class _Raw(_Head):
    body: dict[str, Any]


class _Sealed(_Head):
    body: msgspec.Raw


class Opened(msgspec.Struct, Generic[T], frozen=True):
    """A believed file: its value, its place in history, and its own checksum."""

    value: T
    gen: int
    epoch: int
    crc: str
    schema: int


def seal(body: bytes) -> bytes:
    """The JSON object `body` closed by the checksum of all its bytes."""
    head = body[:-1].rstrip()
    return head + b',"crc":"' + _digest(head) + b'"}\n'


def is_sealed(data: bytes) -> bool:
    """Whether `data` is, bit for bit, what `seal` made."""
    head = data[:-_SUFFIX_BYTES]
    return data[-_SUFFIX_BYTES:] == b',"crc":"' + _digest(head) + b'"}\n'


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=8).hexdigest().encode()


class Codec(Generic[T]):
    """Bytes to records of one kind and back.

    `migrations[n]` turns a body of schema n into one of schema n + 1.
    """

    def __init__(
        self, kind: str, body: type[T], *, schema: int = SCHEMA, migrations: dict[int, Migration] | None = None
    ) -> None:
        self.kind = kind
        self.schema = schema
        self._body = body
        self._migrations = migrations or {}
        self._typed: msgspec.json.Decoder[_Typed[T]] = msgspec.json.Decoder(_Typed[body])  # type: ignore[valid-type]
        self._raw = msgspec.json.Decoder(_Raw)
        self._sealed = msgspec.json.Decoder(_Sealed)
        self._encoder = msgspec.json.Encoder()

    def encode(
        self, record_id: str, value: T, *, gen: int, epoch: int, prev_crc: str = "", before: bytes | None = None
    ) -> bytes:
        """The file of `value`; fields that `before`, the file it replaces, has and this version does not know are kept.

        Raises `BadInput` when `value` could not be read back as it is: NaN, lone surrogates, a wrong type, too long.
        """
        body = self._encode_body(value)
        if before is not None:
            body = self._with_unknown_fields(body, before)
        head = {"schema": self.schema, "kind": self.kind, "id": record_id}
        head |= {"gen": gen, "epoch": epoch, "prev_crc": prev_crc, "body": msgspec.Raw(body)}
        data = seal(msgspec.json.format(self._encoder.encode(head), indent=1))
        if len(data) > MAX_BYTES:
            raise BadInput(f"The state of {record_id} is too long to be kept ({len(data)} bytes).")
        return data

    def _encode_body(self, value: T) -> bytes:
        try:
            body = self._encoder.encode(value)
            same = msgspec.json.decode(body, type=self._body) == value
        except (UnicodeEncodeError, msgspec.MsgspecError) as error:
            raise BadInput(f"This {self.kind} cannot be kept: {error}.") from error
        if not same:
            raise BadInput(f"This {self.kind} cannot be kept: not all of its values survive being written (NaN?).")
        return body

    def _with_unknown_fields(self, body: bytes, before: bytes) -> bytes:
        understood = self._encoder.encode(self.decode_bytes(before).value)
        if msgspec.json.format(self._sealed.decode(before).body, indent=-1) == understood:
            return body  # as almost always: there is no more in the file than this version knows
        old, known = self._raw.decode(before).body, msgspec.json.decode(understood)
        new = msgspec.json.decode(body)
        return self._encoder.encode(new) if _carry(old, known, new) else body

    def decode(self, record_id: str, data: bytes) -> Opened[T]:
        """The believed content of the file of `record_id`.

        Raises `Damaged` when any bit is not as written or the file is that of another record, `NewerVersion` when it
        is whole but of a newer schema.
        """
        opened, name = self._open(data)
        if name != record_id:
            raise Damaged(f"The state file of {record_id} holds {name[:80]} instead.")
        return opened

    def decode_bytes(self, data: bytes) -> Opened[T]:
        """Like `decode`, whatever the record is called."""
        return self._open(data)[0]

    def _open(self, data: bytes) -> tuple[Opened[T], str]:
        if not is_sealed(data):
            raise Damaged(_what_is_wrong(data))
        try:
            file = self._typed.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return self._open_other(data, error)
        if file.schema != self.schema:
            return self._open_other(data, None)
        self._check_kind(file)
        return Opened(file.body, file.gen, file.epoch, file.crc, file.schema), file.id

    def _open_other(self, data: bytes, error: Exception | None) -> tuple[Opened[T], str]:
        """A whole file that is not of today's schema: refuse a newer one, migrate an older one in memory."""
        try:
            file = self._raw.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise Damaged(f"The file lacks what every state file has: {problem}.") from problem
        if file.schema > self.schema:
            raise NewerVersion(f"The state of {file.id} was made by a newer version (schema {file.schema}).")
        self._check_kind(file)
        body = file.body
        for version in range(file.schema, self.schema):
            if version not in self._migrations:
                raise Damaged(f"The state of {file.id} has schema {version}, which no version ever wrote.")
            body = self._migrations[version](body)
        try:
            value = msgspec.convert(body, self._body)
        except msgspec.MsgspecError as problem:
            raise Damaged(f"The state of {file.id} is not a {self.kind}: {problem}.") from (error or problem)
        return Opened(value, file.gen, file.epoch, file.crc, file.schema), file.id

    def _check_kind(self, file: _Head) -> None:
        if file.kind != self.kind:
            raise Damaged(f"The file is a {file.kind[:80]}, not a {self.kind}.")
        if file.gen < 1 or file.epoch < 0:
            raise Damaged(f"The state of {file.id[:80]} has generation {file.gen} and epoch {file.epoch}.")


def _what_is_wrong(data: bytes) -> str:
    if not data:
        return "The file is empty."
    if not data.strip(b"\0"):
        return "The file holds only zero bytes, as a power cut leaves them."
    return "The checksum does not fit: the file is not what was written."


def _carry(old: Any, known: Any, new: Any) -> bool:
    """Put into `new` what `old` has beyond `known`; lists are matched by the `id` of their items."""
    carried = False
    if isinstance(old, dict) and isinstance(known, dict) and isinstance(new, dict):
        for name, value in old.items():
            if name not in known:
                if name not in new:
                    new[name] = value
                    carried = True
            elif name in new:
                carried |= _carry(value, known[name], new[name])
    elif isinstance(old, list) and isinstance(known, list) and isinstance(new, list):
        known_by_id, new_by_id = _by_id(known), _by_id(new)
        for name, item in _by_id(old).items():
            if name in known_by_id and name in new_by_id:
                carried |= _carry(item, known_by_id[name], new_by_id[name])
    return carried


def _by_id(items: list[Any]) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)}
