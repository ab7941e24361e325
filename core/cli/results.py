"""`get`: the results of a run, to standard output or into a folder."""

import hashlib
import shutil
import sys
from pathlib import Path

import click

from core.cli.output import show_json
from core.cli.session import Session, verb
from core.domain.errors import BadInput, Refused
from core.manager.results import Document, Result
from core.system.files import saving


@verb("get")
@click.argument("run_id", metavar="RUN")
@click.argument("names", nargs=-1, metavar="[FILE…]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A folder to put the files into.")
@click.option("--titled", is_flag=True, help="Name the files after the video: “Title [id].en.srt”.")
def get(session: Session, run_id: str, names: tuple[str, ...], output: Path | None, titled: bool) -> None:
    """Get results of a run: transcripts, quotes, summaries, videos.

    FILE is one of transcript.json .txt .srt .vtt .tsv .md .docx .whisper.json, quotes.json .md .csv .srt .docx,
    summary.json .md .pdf, highlights.json .md, media, poster.jpg, cuts.json, silence_removed, export; STAGE/FILE means
    that of one stage (remove_silence/transcript.srt fits the video without its silence).

    One file goes to standard output; several, or all that were published when none is named, go into the folder given
    with -o.
    """
    results = session.manager.results
    wanted: list[Result | Document] = (
        [results.find(run_id, name) for name in names] if names else list(results.all(run_id))
    )
    if not wanted:
        raise Refused(
            f"Run {run_id} has no results yet.",
            hint=f"./reprise why {run_id} tells what it waits for.",
            code="not_made_yet",
        )
    if output is None:
        if session.as_json:
            raise click.UsageError("--json needs -o FOLDER for the files.", click.get_current_context())
        if len(wanted) != 1:
            there = ", ".join(found.name for found in [*wanted, *results.documents(run_id)])
            raise click.UsageError(f"Name one file, or give -o FOLDER. There is: {there}.", click.get_current_context())
        _print(session, wanted[0], run_id)
        return
    if output.exists() and not output.is_dir():
        raise BadInput(f"{output} is a file; -o needs a folder.")
    called: list[str] = []
    for found in wanted:
        name = results.saved_name(run_id, found) if titled else found.name
        # Two stages may publish a file of one name: the second goes into a folder of its stage.
        called.append(f"{found.stage}/{name}" if name in called else name)
    written = [_write(session, found, run_id, output / name) for found, name in zip(wanted, called, strict=True)]
    if session.as_json:
        files = [
            {"name": found.name, "path": str(path), "size": size, "sha256": sha256}
            for found, (path, size, sha256) in zip(wanted, written, strict=True)
        ]
        show_json({"files": files})
        return
    for path, _, _ in written:
        click.echo(str(path))


def _print(session: Session, found: Result | Document, run_id: str) -> None:
    results = session.manager.results
    if isinstance(found, Document):
        sys.stdout.buffer.write(results.make(found, run_id))
    else:
        with results.check(found, run_id).open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, 1024 * 1024)
    sys.stdout.buffer.flush()


def _write(session: Session, found: Result | Document, run_id: str, target: Path) -> tuple[Path, int, str]:
    """The file as `target`, whole or not at all; its absolute path, size and checksum."""
    results = session.manager.results
    made = results.make(found, run_id) if isinstance(found, Document) else results.check(found, run_id)
    with saving(target) as temporary:
        if isinstance(made, bytes):
            temporary.write_bytes(made)
        else:
            shutil.copyfile(made, temporary)
    if isinstance(found, Result):
        return target.absolute(), found.size, found.sha256
    content = made if isinstance(made, bytes) else b""
    return target.absolute(), len(content), hashlib.sha256(content).hexdigest()


COMMANDS = (get,)
