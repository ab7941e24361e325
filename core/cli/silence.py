"""`silence`: what removing silence would do to a run's video, before anything is rendered."""

import click

from core.cli.answers import read_changes
from core.cli.output import show_json
from core.cli.session import Session, verb
from core.domain.silence import clock
from core.manager.previews import Preview

SHOWN = 10
WORTH_SAYING_DB = 3


@verb("silence")
@click.argument("run_id", metavar="RUN")
@click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="Try this setting; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="List every cut.")
def silence(session: Session, run_id: str, changes: tuple[str, ...], everything: bool) -> None:
    """Say what removing silence would cut from the video of a run. Nothing is rendered.

    \b
    ./reprise silence r_… --set silence_threshold=-35 --set min_silence_s=1
    ./reprise retry r_… --set remove_silence=true --set silence_threshold=-35
    """
    found = session.manager.views.previews.require(run_id, read_changes(changes))
    if session.as_json:
        show_json({"run_id": run_id, **found.told()})
        return
    click.echo(found.said)
    if found.note:
        click.echo(found.note)
    click.echo(_how(found))
    assert found.cuts is not None
    removed = found.cuts.removed
    if removed:
        click.echo(f"{clock(found.duration)} becomes {clock(found.cuts.kept_s)}")
    for span in removed if everything else removed[:SHOWN]:
        click.echo(f"  {clock(span.start):>8}  {span.length:.1f} s")
    if len(removed) > SHOWN and not everything:
        click.echo(f"  … and {len(removed) - SHOWN} more; --all lists them")


def _how(found: Preview) -> str:
    """By which rule it was decided."""
    settings, levels = found.settings, found.thresholds
    assert levels is not None
    quiet = f"quieter than {levels.quiet:g} dB"
    if levels.floor is not None:
        if levels.nearly >= levels.quiet + WORTH_SAYING_DB:
            quiet += f", or than {levels.nearly:g} dB where nobody speaks"
        quiet += f" (the background has {levels.floor:g} dB)"
    return f"{quiet}, for at least {settings.min_silence_s:g} s; {settings.silence_margin_s:g} s stays at either side"


COMMANDS = (silence,)
