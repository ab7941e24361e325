"""A run that is at any stage one likes: what the benchmarks of pauses and orphans work on.

One talk went through all stages once; each piece of work starts from a copy of that storage and does one stage again, by
real tools: yt-dlp against a server that is no faster than a busy site, Whisper, a language model's API that takes its time.
"""

import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.kills import body, copy_of, end_all, open_attempt
from tests.support.llm_server import KEY, Asked, LlmServer, Says, honest
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.waiting import until

STAGES = ("download", "transcribe", "quotes", "summary")
A_PIECE_S = 0.02  # the media server waits so long after each 16 KiB
AN_ANSWER_S = 1.5


class Site(MediaServer):
    """A web server that sends about 0.8 MB a second, and counts what it sent."""

    slow = True

    def note(self, change: Callable[[], None] = lambda: None) -> None:
        """Tell who waits of a change, and be slow."""
        super().note(change)
        if self.slow:
            threading.Event().wait(A_PIECE_S)

    def total(self) -> int:
        """Bytes sent by now."""
        return sum(hit.sent for hit in self.hits)


def slowly(asked: Asked) -> Says:
    """An honest answer that takes its time."""
    threading.Event().wait(AN_ANSWER_S)
    return honest(asked)


@dataclass
class Workshop:
    """A storage in which `run_id` is complete, the servers it needs, and copies of it to work on."""

    folder: Path
    site: Site
    llm: LlmServer
    template: Product
    run_id: str
    made: int = 0

    def product(self, *, offline: bool = False) -> Product:
        """A copy of the storage."""
        self.made += 1
        folder = self.folder / f"copy-{self.made}"
        copy_of(self.template.storage, folder)
        return Product(folder, **({} if offline else self._llm()), allowed_hosts=self.site.host)

    def again(self, product: Product, stage: str) -> None:
        """Once the run is complete: ask for `stage` and what follows it to be done once more."""
        until(lambda: is_over(product, self.run_id), patience_s=300)
        product("retry", self.run_id, "--from", stage)

    def remove(self, product: Product) -> None:
        """End what still runs on a copy, and remove it."""
        end_all(product)
        shutil.rmtree(product.storage.parent, ignore_errors=True)

    def _llm(self) -> dict[str, str]:
        return {"llm_base_url": self.llm.base_url, "llm_model": "fake-1", "llm_api_key": KEY}


@contextmanager
def workshop(folder: Path, source: Path) -> Iterator[Workshop]:
    """A workshop around the talk `source`."""
    with Site() as site, LlmServer(otherwise=slowly) as llm:
        llm._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever asked was killed: as it should be
        template = Product(folder / "template", allowed_hosts=site.host)
        site.slow = False
        url = site.add("/talk.wav", source, content_type="audio/wav", etag='"1"')
        run_id = template.run_of(template("add", url, "--wait", "--json"))
        assert template.phase(run_id) == "completed", template.log()
        site.slow = True
        shop = Workshop(folder, site, llm, template, run_id)
        try:
            yield shop
        finally:
            end_all(template)


def is_at(product: Product, run_id: str, stage: str) -> bool:
    """Whether an attempt of this stage is open."""
    return bool(open_attempt(product, run_id).get("stage") == stage)


def is_over(product: Product, run_id: str) -> bool:
    """Whether the run is complete, and no further round of it is asked for."""
    found = body(product, run_id)
    return found["phase"] == "completed" and not found.get("intent", {}).get("again", False)


def at(product: Product, run_id: str, stage: str, dice: random.Random, within_s: float = 1.0) -> bool:
    """Wait until the stage is worked on, and a moment more; False when it was over by then."""
    until(lambda: is_at(product, run_id, stage) or is_over(product, run_id), patience_s=120)
    threading.Event().wait(dice.uniform(0, within_s))
    return is_at(product, run_id, stage)
