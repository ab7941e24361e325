"""Rendering a clip where no run is: a folder with durable units under the key of the clip, as an attempt has them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from core.runner.runner import clear_temporary
from core.store.layout import Layout
from core.store.units import UnitLog
from core.system import files
from core.system.logs import Log

STAGE = "clip"

log = Log("clips")


class ClipWork:
    """The place in which the clip with `key` is rendered, for who holds the lock of that key; close it afterwards.

    `check` is called at least once a second and may raise; `tell` gets the share that is done.
    """

    def __init__(self, layout: Layout, key: str, *, check: Callable[[], None], tell: Callable[[float], None]) -> None:
        maker = f"clip_{uuid4().hex[:16]}"
        self.work: Path = layout.work(STAGE, key)
        self.out: Path = self.work / f"tmp.{maker}"
        with files.explained("preparing the folder of a clip"):
            files.make_folder(self.work)
            clear_temporary(self.work)
            files.make_folder(self.out, durable=False)
        self.units = UnitLog(self.work / "units.jsonl", maker, epoch=0)
        self._check, self._tell = check, tell

    def check(self) -> None:
        """Raise what the asker raises when the work has to end."""
        self._check()

    def progress(self, done: float, total: float | None, note: str = "") -> None:
        """Tell how far it is."""
        if total:
            self._tell(min(1.0, done / total))

    def log(self, text: str) -> None:
        """What ffmpeg complains about goes to the log of this process."""
        log.info("rendering a clip", said=text)

    def finish(self) -> None:
        """Remove it all, which nobody needs once the clip is published."""
        self.units.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def close(self) -> None:
        """Let the units go; what is half made of the result goes with them, the parts stay."""
        self.units.close()
        shutil.rmtree(self.out, ignore_errors=True)
