"""`clip`: what can be clipped out of a run's video, and one clip as a file."""

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from core.cli.output import clip as shortened
from core.cli.output import duration, is_terminal, printable, show_json, table
from core.cli.session import Session, verb
from core.domain.clips import Recorded
from core.domain.markup import clock
from core.system.files import saving

TEXT = 70
COLUMNS = (
    ("number", "CLIP", 5),
    ("at", "FROM", 8),
    ("length", "LENGTH", 8),
    ("score", "SCORE", 5),
    ("said", "WHY / WHAT", 60),
)


@verb("clip")
@click.argument("run_id", metavar="RUN")
@click.argument("wanted", metavar="[CLIP]", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A file, or a folder to put the clip into.")
def clip(session: Session, run_id: str, wanted: str | None, output: Path | None) -> None:
    """Cut a clip out of a run's video; without CLIP, list the highlights and quotes there are.

    CLIP is the number of a highlight (3), of a quote (q2), a stretch (1:05-1:20, in seconds 65-80.5), an id, or reel for
    all highlights one after another. It is rendered now, in the size of the video up to 1080p, and kept for a day.
    """
    clips = session.manager.clips
    if wanted is None:
        _list(session, run_id, clips.recorded(run_id))
        return
    order = clips.order(run_id, wanted)
    watched = is_terminal() and not session.as_json
    with click.progressbar(
        length=1000, label=f"Rendering {order.clip.name}", file=sys.stderr, hidden=not watched
    ) as bar:
        told = 0

        def tell(share: float) -> None:
            nonlocal told
            bar.update(max(0, round(1000 * share) - told))
            told = max(told, round(1000 * share))

        def held(why: str) -> None:
            if why:
                click.echo(f"{why} The clip waits for that to end.", err=True)

        made = clips.make(order, tell=tell, held=held)
    target = _copy(made, order.saved_name, output if output is not None else Path())
    if session.as_json:
        spans = [{"start": span.start, "end": span.end} for span in order.clip.kept.kept]
        size = target.stat().st_size
        show_json({"run_id": run_id, "clip": order.clip.name, "kept": spans, "path": str(target), "size": size})
    else:
        click.echo(str(target))


def _list(session: Session, run_id: str, recorded: Recorded) -> None:
    found = recorded.highlights.highlights if recorded.highlights is not None else ()
    rows: list[dict[str, Any]] = [
        {
            "number": str(number),
            "id": one.highlight_id,
            "start": one.start,
            "end": one.end,
            "score": one.score,
            "reason": one.reason,
            "text": one.text,
        }
        for number, one in enumerate(found, start=1)
    ]
    rows += [
        {
            "number": f"q{number}",
            "id": quote.quote_id,
            "start": quote.start,
            "end": quote.end,
            "score": None,
            "reason": quote.why,
            "text": quote.text,
        }
        for number, quote in enumerate(recorded.quotes or (), start=1)
    ]
    if session.as_json:
        show_json({"run_id": run_id, "duration_s": recorded.duration, "clips": rows})
        return
    if not rows:
        click.echo(
            f"No highlights or quotes are found yet; ./reprise retry {run_id} --set detect_highlights=true finds some."
        )
        click.echo(f"Any stretch can be cut out: ./reprise clip {run_id} 0:10-0:25")
        return
    for row in rows:
        row["at"], row["length"] = clock(row["start"]), duration(row["end"] - row["start"])
        reason = printable(row["reason"])
        row["said"] = f"{reason}: {shortened(printable(row['text']), TEXT)}" if row["text"] else reason
    table(rows, COLUMNS)


def _copy(made: Path, name: str, output: Path) -> Path:
    """The clip as the file `output`, or under `name` in the folder `output`; whole or not at all."""
    target = output / name if output.is_dir() else output
    with saving(target) as temporary:
        shutil.copyfile(made, temporary)
    return target.absolute()


COMMANDS = (clip,)
