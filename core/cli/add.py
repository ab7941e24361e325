"""`add`: hand in sources, and wait for the results if wanted."""

from pathlib import Path
from typing import Any

import click
import msgspec

from core.cli.answers import read_changes
from core.cli.output import clip, is_terminal, printable, show_error, show_json
from core.cli.session import Session, verb
from core.cli.settings import explained, read_settings
from core.cli.template import base
from core.cli.waiting import wait_for_batch
from core.domain.limits import CONCURRENCY, PRIORITY, whole_number
from core.manager.intake import Added, Submission
from core.stages.download.source import absolute_file


@verb("add", epilog=explained())
@click.argument("sources", nargs=-1, metavar="SOURCE…", type=click.UNPROCESSED)
@click.option("--batch", "name", default="", metavar="NAME", help="A name for the batch, 100 characters at most.")
@click.option("--description", default="", help="What the batch is about, 2000 characters at most.")
@click.option("--settings", "settings_text", metavar="FILE|JSON", help="Settings as a JSON object, or a file with one.")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="One setting; may be repeated.")
@click.option("--template", metavar="NAME", help="Begin with the settings of this template instead of your defaults.")
@click.option("--priority", metavar="N", help="0 (last) to 10 (first); 5 unless your defaults say otherwise.")
@click.option("--concurrency", metavar="N", help="How many of its runs at once, 1 to 5; 3 unless your defaults differ.")
@click.option(
    "--limit", type=int, default=50, show_default=True, help="How many videos of a playlist are taken at most."
)
@click.option("--draft", is_flag=True, help="Only prepare it; `start BATCH` starts it.")
@click.option("--wait", is_flag=True, help="Wait until the batch has settled; starts a service if none runs.")
@click.option("--cookies", type=click.Path(), help="A cookies.txt of an account that may see the videos.")
@click.option("--format", "format_", help="best, 1080p, 720p or audio; short for --set format=….")
@click.option("--proxy", help="A proxy that the videos are fetched through.")
@click.option(
    "--transcript",
    "transcripts",
    multiple=True,
    type=click.Path(),
    help="SRT, VTT or Whisper's JSON that is taken instead of transcribing; may be repeated.",
)
@click.option("--no-sidecars", is_flag=True, help="Do not take transcripts that lie beside the files.")
@click.option("--archive", type=click.Path(), help="An archive of yt-dlp (--download-archive).")
@click.option(
    "--archived",
    type=click.Choice(["skip", "add"]),
    default="skip",
    show_default=True,
    help="Leave out the videos of the archive, or add them.",
)
@click.option(
    "--dry-run", is_flag=True, help="Only tell what it would be: sizes, lengths, disk, time. Nothing is added."
)
def add(session: Session, sources: tuple[str, ...], **options: Any) -> int:
    """Add URLs, files and folders as one batch and start it.

    Each SOURCE is a web address that yt-dlp knows, a video or sound file, or a folder of such files. A playlist becomes
    as many runs as it has videos. What cannot be used is named with the reason; the rest goes on.
    """
    if not sources and not (options["archive"] and options["archived"] == "add"):
        raise click.UsageError("Give at least one URL, file or folder.", click.get_current_context())
    begin = base(session, options["template"])
    given: dict[str, Any] = read_changes(options["changes"])
    if options["format_"]:
        given["format"] = options["format_"]
    priority, at_once = options["priority"], options["concurrency"]
    submission = Submission(
        sources=sources,
        name=options["name"],
        description=options["description"],
        settings=read_settings(options["settings_text"], given, begin.settings),
        priority=begin.priority if priority is None else whole_number("priority", priority, PRIORITY),
        concurrency=begin.concurrency if at_once is None else whole_number("concurrency", at_once, CONCURRENCY),
        draft=options["draft"],
        playlist_limit=options["limit"],
        cookies=str(absolute_file(options["cookies"], "cookies file")) if options["cookies"] else None,
        proxy=options["proxy"],
        transcripts=options["transcripts"],
        sidecars=not options["no_sidecars"],
        archive=options["archive"],
        archived=options["archived"],
        template=begin.name,
    )
    manager = session.manager
    if options["dry_run"]:
        # What looks at media is loaded for this option only.
        from core.cli.forecast import tell_forecast
        from core.manager.preflight import Preflight

        return tell_forecast(Preflight(manager.storage, manager.reach).look(submission), as_json=session.as_json)
    added = manager.intake.add(submission, manager.actor)
    code = 0 if added.batch_id and not added.rejected else 1 if added.batch_id else 5
    if options["wait"] and added.batch_id and not submission.draft:
        if not session.as_json:
            _tell(added)
        if not wait_for_batch(
            manager, added.batch_id, watched=is_terminal() and not session.as_json, quiet=session.as_json
        ):
            code = max(code, 1)
        if session.as_json:
            show_json(_document(added) | {"batch": manager.views.batch(added.batch_id)})
        else:
            _tell_end(manager.views.batch(added.batch_id))
        return code
    if session.as_json:
        show_json(_document(added))
        if not added.batch_id:
            first = added.rejected[0]
            show_error(first.code, f"Nothing was added: {first.message}", first.hint, as_json=True)
    else:
        _tell(added)
        if added.batch_id and not manager.commands.service_alive() and not submission.draft:
            click.echo("No service is running yet: ./reprise serve works it off, or add with --wait.")
    return code


def _document(added: Added) -> dict[str, Any]:
    return {
        "batch_id": added.batch_id,
        "runs": [
            {
                "run_id": run.run_id,
                "space_id": run.space_id,
                "position": run.position,
                "source": run.source.value,
                "transcript": run.source.transcript.path if run.source.transcript is not None else None,
            }
            for run in added.runs
        ],
        "rejected": msgspec.to_builtins(added.rejected),
        "expanding": added.expanding,
    }


def _tell(added: Added) -> None:
    if added.batch_id:
        click.echo(f"Batch {added.batch_id}: {len(added.runs)} {'run' if len(added.runs) == 1 else 'runs'}")
    for run in added.runs[:20]:
        given = run.source.transcript
        beside = f"  with {clip(printable(Path(given.path).name), 40)}" if given is not None else ""
        click.echo(f"  {run.position:>3}  {run.run_id}  {clip(printable(run.title), 60)}{beside}")
    if len(added.runs) > 20:
        click.echo(f"  … and {len(added.runs) - 20} more")
    for rejected in added.rejected:
        show_error(rejected.code, f"{clip(rejected.source, 80)}: {rejected.message}", rejected.hint, as_json=False)


def _tell_end(batch: dict[str, Any]) -> None:
    """How the batch ended, and how to get at what came out."""
    click.echo(
        f"{batch['completed']} of {batch['total']} completed"
        + (f", {batch['failed']} failed" if batch["failed"] else "")
    )
    done = [run["run_id"] for run in batch["runs"] if run["phase"] == "completed"]
    if done:
        all_of_it = f"./reprise get {done[0]} -o FOLDER"
        heard = batch["settings"]["transcribe"]
        click.echo(f"./reprise get {done[0]} transcript.txt    or everything: {all_of_it}" if heard else all_of_it)


COMMANDS = (add,)
