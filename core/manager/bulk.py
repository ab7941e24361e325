"""A folder of this machine as one batch, and its results at any time as one ZIP."""

from pathlib import Path

import msgspec

from core.domain.access import Actor
from core.domain.bulk import results_only, workers
from core.domain.errors import BadInput, NotFound, Refused
from core.domain.exports import ExportOptions
from core.domain.limits import CONCURRENCY
from core.manager.exports.desk import Exports
from core.manager.exports.fetching import Fetched
from core.manager.exports.zipping import Package
from core.manager.intake import Intake
from core.manager.reach import Reach
from core.manager.submission import Added, Submission
from core.manager.templates import Templates
from core.store.layout import Layout
from core.system import files

# What may be in the ZIP, and of whom: all that there is.
_ALL = ExportOptions(format="zip", include_failed=True, transcripts=True, summaries=True, quotes=True)


class FolderOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to have made of a folder: by which template (none: their defaults), how many at once."""

    folder: str
    template: str = ""
    parallel: bool = True
    max_workers: int | None = None


class FolderTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The batch that was made of a folder, and what its maker should know of it."""

    folder: str
    added: Added
    notices: tuple[str, ...] = ()


class Bulk:
    """Takes folders and gives results, for one actor."""

    def __init__(
        self,
        *,
        layout: Layout,
        intake: Intake,
        templates: Templates,
        exports: Exports,
        actor: Actor,
        reach: Reach,
    ) -> None:
        self._layout, self._actor, self._reach = layout, actor, reach
        self._intake, self._templates, self._exports = intake, templates, exports

    def add(self, order: FolderOrder) -> FolderTaken:
        """Make a batch of the media files in a folder, and start it; a name that is not absolute is one in the inbox.

        Raises `NotFound` for a folder that is not there, `BadInput` for one that is not theirs or has no media, for a
        template that does not exist, and for numbers that cannot be.
        """
        folder = self._folder(order.folder)
        try:
            base = self._templates.get(order.template) if order.template else self._templates.defaults(self._actor.name)
        except NotFound as error:
            hint = f"{error.hint} Without one your defaults are used."
            raise BadInput(error.message, hint=hint, code="no_template") from None
        at_once, notice = workers(order.max_workers, base.concurrency, CONCURRENCY[1], parallel=order.parallel)
        submission = Submission(
            sources=(str(folder),),
            name=folder.name[:100],
            settings=base.settings,
            priority=base.priority,
            concurrency=at_once,
            template=base.name,
        )
        added = self._intake.add(submission, self._actor.name)
        if added.batch_id is None:
            first = added.rejected[0]
            raise BadInput(first.message, hint=first.hint, code=first.code)
        return FolderTaken(folder=str(folder), added=added, notices=(notice,) if notice else ())

    def results(self, batch_id: str) -> Fetched:
        """What is finished of a batch, however far it is, as a ZIP: texts, and videos that were made or are all there is.

        Raises `NotFound`, and `Refused` while there is nothing yet.
        """
        asking, fetching = self._exports.asking, self._exports.fetching
        plan = asking.plan(batch_id, _ALL)
        members = results_only(plan.members)
        if plan.refusal or not members:
            raise Refused(plan.refusal, hint="Ask again when the first video is finished.", code="nothing_to_export")
        package = Package(self._layout, members, asking.there(batch_id).created_at)
        return Fetched(
            name=plan.name,
            size=package.size,
            etag=package.etag,
            stream=lambda start: fetching.told(None, package.stream(start)),
        )

    def _folder(self, given: str) -> Path:
        """The folder that is meant, without links; links must not lead out of where somebody may be."""
        try:
            folder = (self._layout.inbox / given).resolve()
            self._reach.check_file(str(folder))
            there = folder.is_dir()
        except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL, links in a circle
            raise NotFound(f"There is no folder {given[:100]!r}.", hint="Give the path of a folder.") from error
        if not there:
            raise NotFound(f"There is no folder {folder}.", hint="Give the path of a folder on the server.")
        with files.explained(f"looking into {folder.name}"):
            for link in [path for path in sorted(folder.iterdir()) if path.is_symlink()]:
                self._reach.check_file(str(link))
        return folder
