"""`search`: where something was said."""

import click
import msgspec

from core.cli.output import printable, show_json
from core.cli.session import Session, verb
from core.domain.markup import clock
from core.manager.search import LIMIT


@verb("search")
@click.argument("words", nargs=-1, required=True, metavar="WORDS…")
@click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(1, 10_000), help="So many at most.")
def search(session: Session, words: tuple[str, ...], limit: int) -> None:
    """Find where something was said: in transcripts, quotes, summaries and highlights of all runs, newest first.

    Every word must occur; "words in quotation marks" are found as they stand.
    """
    # The shell takes quotation marks away: several words that came as one are meant to stand together.
    asked = [f'"{word}"' if len(words) > 1 and " " in word and '"' not in word else word for word in words]
    found = session.manager.search.find(" ".join(asked), limit=limit)
    if session.as_json:
        hits = [{name: value for name, value in _plain(hit).items() if name != "marks"} for hit in found.hits]
        show_json({"hits": hits, "more": found.more, "unreadable": list(found.unreadable)})
        return
    shown = None
    for hit in found.hits:
        if hit.run_id != shown:
            shown = hit.run_id
            click.echo(click.style(f"{hit.run_id}  ", dim=True) + click.style(printable(hit.title), bold=True))
        place = clock(hit.start) if hit.start is not None else " " * 8
        click.echo(f"  {place}  {hit.kind:<10}  {printable(hit.text)}")
    if not found.hits:
        click.echo("Nothing was found.")
    if found.more:
        click.echo("There is more; --limit shows it, or more words narrow it down.")
    if found.unreadable:
        click.echo(f"{len(found.unreadable)} runs could not be read; ./reprise check says more.", err=True)


def _plain(hit: object) -> dict[str, object]:
    made: dict[str, object] = msgspec.to_builtins(hit)
    return made


COMMANDS = (search,)
