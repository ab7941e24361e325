"""`export` and `exports`: a batch as a ZIP, one merged video or a playlist, and what was exported so far."""

from pathlib import Path
from typing import Any

import click

from core.cli.output import clip, duration, is_terminal, printable, show_json, table
from core.cli.session import Session, verb
from core.cli.waiting import wait_for_export
from core.domain.errors import Refused
from core.domain.exports import DEFAULT_PATTERN, ExportPhase, ExportRecord, parse_options
from core.domain.package_names import FIELDS
from core.manager.exports.views import WAITS_FOR_SERVICE

MEGABYTE = 1e6
COLUMNS = (
    ("export_id", "EXPORT", 28),
    ("format", "FORMAT", 8),
    ("status", "STATUS", 10),
    ("how_far", "DONE", 6),
    ("size_mb", "MB", 8),
    ("videos", "VIDEOS", 6),
    ("expires", "UNTIL", 17),
    ("batch", "BATCH", 40),
)


@verb("export")
@click.argument("batch_id", metavar="BATCH")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["zip", "merged", "playlist"]),
    default="zip",
    show_default=True,
    help="All videos in one archive, as one video in their order, or as a playlist (M3U8).",
)
@click.option(
    "--pattern",
    default=DEFAULT_PATTERN,
    show_default=True,
    metavar="TEXT",
    help=f"Names of the files in a ZIP, of {', '.join(f'{{{name}}}' for name in FIELDS)}.",
)
@click.option("--original-names", is_flag=True, help="Name the files as they were called when they were added.")
@click.option("--prefix", is_flag=True, help="Put the name of the batch before each file name.")
@click.option("--include-failed", is_flag=True, help="Also videos of runs that failed or were cancelled.")
@click.option("--transcripts", is_flag=True, help="Put the transcripts beside the videos (ZIP).")
@click.option("--summaries", is_flag=True, help="Put the summaries beside the videos (ZIP).")
@click.option("--quotes", is_flag=True, help="Put the quotes beside the videos (ZIP).")
@click.option("--partial", is_flag=True, help="Take what is finished, although the batch is still at work.")
@click.option("--estimate", is_flag=True, help="Only say what would be in it, and how large it would be.")
@click.option(
    "--wait", is_flag=True, help="Wait until a merged video is made, with a service started for it if need be."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file or a folder to save the export to.")
def export(
    session: Session,
    batch_id: str,
    format_: str,
    pattern: str,
    partial: bool,
    estimate: bool,
    wait: bool,
    output: Path | None,
    **switches: bool,
) -> int:
    """Export all finished videos of a batch: as a ZIP, as one merged video, or as a playlist.

    A ZIP and a playlist are ready at once; with -o they are saved here, else the page Exports has a link. What is asked
    for again within a day is not made again, but kept anew if its end is near. Exit 1 when something that should be in
    it is missing; it is named. Exit 1 too when it was waited for in vain, since everything is paused.
    """
    options = parse_options({"format": format_, "pattern": pattern, **switches})
    manager = session.manager
    if estimate:
        return _estimate(session, batch_id, options)
    record, _ = manager.exports.asking.ask(batch_id, options, by=manager.actor, partial=partial)
    if record.phase != ExportPhase.READY and (wait or output is not None):
        record = wait_for_export(manager, record.export_id, watched=is_terminal() and not session.as_json)
    path = _save(session, record, output) if output is not None and record.phase == ExportPhase.READY else None
    told = manager.exports.views.of(record) | {"path": str(path) if path is not None else None}
    if session.as_json:
        show_json(told)
    else:
        _tell(told)
    waited_in_vain = (wait or output is not None) and told["status"] != "ready"
    return 1 if waited_in_vain or not told["complete"] or told["status"] in ("failed", "cancelled") else 0


def _save(session: Session, record: ExportRecord, output: Path) -> Path:
    shown = is_terminal() and not session.as_json
    clock = session.storage.clock
    began_s, said_s = clock.monotonic(), 0.0

    def told(done: int, total: int) -> None:
        nonlocal said_s
        now_s = clock.monotonic()
        if shown and (now_s - said_s > 0.5 or done == total):
            said_s = now_s
            left_s = (total - done) * (now_s - began_s) / done if done else None
            rest = f", {duration(left_s)} left" if done < total else ""
            click.echo(f"\r\033[K{done / MEGABYTE:.0f} of {total / MEGABYTE:.0f} MB{rest}", err=True, nl=done == total)

    return session.manager.exports.fetching.save(record, output.expanduser(), told)


def _estimate(session: Session, batch_id: str, options: Any) -> int:
    plan = session.manager.exports.asking.plan(batch_id, options)
    if session.as_json:
        show_json(
            {
                "batch_id": batch_id,
                "name": plan.name,
                "size": plan.size,
                "exact": plan.exact,
                "videos": len(plan.videos),
                "files": [{"name": member.name, "size": member.size} for member in plan.members],
                "missing": [{"run_id": one.run_id, "title": one.title, "why": one.why} for one in plan.missing],
                "duration_s": plan.duration_s,
                "unfinished": plan.unfinished,
            }
        )
        return 0
    for member in plan.members:
        click.echo(f"{member.size / MEGABYTE:>10.1f} MB  {printable(member.name)}")
    about = "" if plan.exact else "about "
    click.echo(
        f"{printable(plan.name)}: {len(plan.videos)} videos, {duration(plan.duration_s)},"
        f" {about}{(plan.size or 0) / MEGABYTE:.1f} MB"
    )
    for missing in plan.missing:
        click.echo(f"not in it: {printable(missing.title)}: {printable(missing.why)}", err=True)
    if plan.refusal:
        raise Refused(plan.refusal, code="nothing_to_export")
    return 0


def _tell(told: dict[str, Any]) -> None:
    size = f", {told['size'] / MEGABYTE:.1f} MB" if told["size"] is not None else ""
    click.echo(f"Export {told['export_id']}: {told['status']}, {told['videos']} videos{size}")
    for missing in told["missing"]:
        click.echo(f"not in it: {clip(printable(missing['title']), 60)}: {printable(missing['why'])}", err=True)
    if told["failure"]:
        click.echo(f"{printable(told['failure']['message'])} {printable(told['failure']['hint'])}", err=True)
    if told["path"]:
        click.echo(printable(told["path"]))
    elif told["status"] == "ready":
        click.echo("Save it with -o PATH, or fetch it from the page Exports until it expires.")
    elif told["note"] == WAITS_FOR_SERVICE:
        click.echo("No service is running yet: ./reprise serve makes it, or export with --wait.")
    elif told["status"] in ("queued", "running"):
        click.echo("The service makes it; ./reprise exports tells how far it is.")


@verb("exports")
@click.argument("batch_id", metavar="[BATCH]", required=False)
@click.option("--cancel", metavar="EXPORT", help="End the making of this one.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="So many at most.")
def exports(session: Session, batch_id: str | None, cancel: str | None, limit: int) -> None:
    """List what was exported, the newest first: how far it is, how large, and until when it can be fetched."""
    manager = session.manager
    if cancel is not None:
        record = manager.exports.asking.cancel(cancel, by=manager.actor)
        told = manager.exports.views.of(record)
        if session.as_json:
            show_json(told)
        else:
            click.echo(f"Export {record.export_id}: {told['status']}")
        return
    found = manager.exports.views.all(batch_id, limit=limit)
    if session.as_json:
        show_json(found)
        return
    if not found["exports"]:
        click.echo("Nothing was exported yet: ./reprise export BATCH.")
        return
    rows = [
        one
        | {
            "how_far": f"{one['progress']:.0%}",
            "size_mb": f"{one['size'] / MEGABYTE:.1f}" if one["size"] is not None else None,
            "videos": str(one["videos"]),
            "expires": one["expires_at"][:16].replace("T", " ") if one["expires_at"] else None,
        }
        for one in found["exports"]
    ]
    table(rows, COLUMNS)


COMMANDS = (export, exports)
