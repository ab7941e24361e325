"""`get`: the results of a run, to standard output or into a folder."""

import shutil
import sys
from pathlib import Path

import click

from core.cli.output import show_json
from core.cli.session import Session, verb
from core.domain.errors import BadInput, Refused, StorageError
from core.manager.results import Result


@verb("get")
@click.argument("run_id", metavar="RUN")
@click.argument("names", nargs=-1, metavar="[FILE…]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A folder to put the files into.")
def get(session: Session, run_id: str, names: tuple[str, ...], output: Path | None) -> None:
    """Get results of a run: transcript.json .txt .srt .vtt, quotes.json .md, summary.json .md, media.

    One file goes to standard output; several, or all when none is named, go into the folder given with -o.
    """
    results = session.manager.results
    wanted = [results.find(run_id, name) for name in names] if names else results.all(run_id)
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
            there = ", ".join(result.name for result in wanted)
            raise click.UsageError(f"Name one file, or give -o FOLDER. There is: {there}.", click.get_current_context())
        with results.check(wanted[0], run_id).open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer, 1024 * 1024)
        sys.stdout.buffer.flush()
        return
    written = [_copy(results.check(result, run_id), result, output) for result in wanted]
    if session.as_json:
        files = [
            {"name": result.name, "path": str(path), "size": result.size, "sha256": result.sha256}
            for result, path in zip(wanted, written, strict=True)
        ]
        show_json({"files": files})
        return
    for path in written:
        click.echo(str(path))


def _copy(source: Path, result: Result, folder: Path) -> Path:
    """The file in `folder` under its own name, whole or not at all."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; -o needs a folder.")
    target = folder / result.name
    temporary = folder / f".{result.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise StorageError(
            f"{target} could not be written: {error.strerror or error}.", hint="Choose another folder."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return target.absolute()


COMMANDS = (get,)
