"""Signed addresses under which somebody without a token may send one file, for a quarter of an hour."""

import re
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec

from core.config import Config
from core.domain.batch import MAX_RUNS
from core.domain.errors import BadInput, NotFound, Refused
from core.domain.limits import whole_number
from core.domain.states import BatchPhase
from core.manager.index import Index
from core.manager.links import SEND, Links
from core.manager.receiving import Receiving
from core.store.layout import Layout
from core.store.uploads import UploadStore
from core.system.clock import Clock

GOOD_FOR = timedelta(minutes=15)
ANEW = "Ask for a new one: GET /api/uploads/ID, or make the batch again."
_SLOT = re.compile(r"(b_[a-z0-9]{1,40})\.(\d{1,3})\Z")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send to, and until when."""

    url: str
    expires_at: datetime


class UploadLinks:
    """Makes such addresses and says who is behind one; for every owner of a storage."""

    def __init__(self, *, index: Index, layout: Layout, config: Config, clock: Clock) -> None:
        self._index, self._layout, self._config, self._clock = index, layout, config, clock
        self._links = Links(layout.upload_key())

    def address(self, upload_id: str) -> Address:
        """Where the rest of an upload may be sent. Raises `StorageError`."""
        return self._signed(f"/api/uploads/{upload_id}", upload_id)

    def slots(self, batch_id: str, count: int) -> list[Address]:
        """Where the files of a batch may be sent, one each, before anything is known of them. Raises `BadInput`."""
        whole_number("video_count", count, (0, MAX_RUNS))
        return [self._slot(f"{batch_id}.{number}") for number in range(1, count + 1)]

    def of_upload(self, upload_id: str, until: str, signature: str) -> Receiving:
        """Who takes what is sent to an upload's address; raises `NotFound`, or `Gone` after its time."""
        self._links.check(upload_id, SEND, until, signature, self._clock.now(), ANEW)
        return self._receiving(UploadStore(self._layout).find(upload_id).upload.owner)

    def of_slot(self, slot: str, until: str, signature: str) -> Receiving:
        """Who takes what is sent to a batch's address.

        Raises `NotFound`, `Gone` after its time, and `Refused` when the batch has begun.
        """
        self._links.check(slot, SEND, until, signature, self._clock.now(), ANEW)
        found = _SLOT.match(slot)
        batch = self._index.batches.get(found[1]) if found else None
        if batch is None:
            raise NotFound("The batch of this address is not there any more.", hint="Make it again.")
        if batch.phase != BatchPhase.DRAFT:
            raise Refused(f"The batch is {batch.phase}; videos are added before it starts.")
        return self._receiving(batch.owner)

    def _slot(self, slot: str) -> Address:
        return self._signed(f"/api/uploads/slots/{slot}", slot)

    def _signed(self, path: str, subject: str) -> Address:
        until = self._clock.now() + GOOD_FOR
        last, signature = self._links.sign(subject, SEND, until)
        url = f"{path}?{urlencode({'until': last, 'signature': signature})}"
        return Address(url=url, expires_at=until.replace(microsecond=0))

    def _receiving(self, owner: str) -> Receiving:
        return Receiving(index=self._index, layout=self._layout, config=self._config, clock=self._clock, owner=owner)


def span(text: str) -> tuple[int, int, int]:
    """Begin, end and size of a `Content-Range` (`bytes 0-99/5000`); raises `BadInput`."""
    found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", text)
    begin, last, size = (int(part) for part in found.groups()) if found else (1, 0, 0)
    if not begin <= last < size:
        raise BadInput("The Content-Range is not usable.", hint="Send it as: bytes 0-1048575/5000000")
    return begin, last + 1, size
