"""The verbs, and the one place where every error becomes a sentence, a hint and an exit code."""

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from core import __version__
from core.cli import (
    add,
    arrange,
    cleanup,
    clips,
    control,
    exports,
    notices,
    person,
    queue,
    report,
    results,
    search,
    serve,
    show,
    silence,
    template,
    token,
    upkeep,
)
from core.cli.output import INTERNAL, INTERRUPTED, USAGE, exit_code, show_error
from core.cli.session import Session
from core.domain.errors import RepriseError


class Verbs(click.Group):
    """A group that lists its verbs in the order they were added and guesses what was meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of this file."""
        return list(self.commands)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The verb, or a usage error naming the nearest one."""
        if args and args[0] not in self.commands:
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            meant = f" Did you mean “{near[0]}”?" if near else ""
            raise click.UsageError(f"There is no verb “{args[0]}”.{meant}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name=None, version=__version__, prog_name="reprise")
@click.option("--json", is_flag=True, hidden=True, expose_value=False, help="Also possible before the verb.")
def verbs() -> None:
    """Reprise turns videos into transcripts, verified quotes and summaries, and survives being killed at any moment.

    \b
    ./reprise add talk.mp4 --wait            one file, all stages, wait for the end
    ./reprise add https://example.org/v/1    hand it in and go on; the service works
    ./reprise list                           what there is, and how far
    ./reprise get r_… transcript.txt         what came out
    """


for command in (
    *add.COMMANDS,
    *show.COMMANDS,
    *queue.COMMANDS,
    *results.COMMANDS,
    *clips.COMMANDS,
    *search.COMMANDS,
    *silence.COMMANDS,
    *exports.COMMANDS,
    *report.COMMANDS,
    *control.COMMANDS,
    *arrange.COMMANDS,
    *template.COMMANDS,
    *person.COMMANDS,
    *token.COMMANDS,
    *serve.COMMANDS,
    *notices.COMMANDS,
    *cleanup.COMMANDS,
    *upkeep.COMMANDS,
):
    verbs.add_command(command)


@verbs.command("help")
@click.pass_context
def help_(ctx: click.Context) -> None:
    """List every verb."""
    assert ctx.parent is not None
    click.echo(ctx.parent.get_help())


def run_cli(args: Sequence[str]) -> int:
    """Run one command line; returns the exit code and prints errors as the contract wants them. Never a traceback."""
    as_json = "--json" in args
    session = Session(as_json=as_json)
    try:
        result = verbs.main(args=list(args), prog_name="reprise", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.exceptions.NoArgsIsHelpError as nothing:
        click.echo(nothing.format_message(), err=True)
        return USAGE
    except click.UsageError as error:
        verb = error.ctx.command_path.partition(" ")[2] if error.ctx is not None else ""
        show_error("usage", error.format_message(), f"./reprise {verb} --help".replace("  ", " "), as_json=as_json)
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        show_error("interrupted", "Interrupted.", "What was added goes on; ./reprise list shows it.", as_json=as_json)
        return INTERRUPTED
    except RepriseError as error:
        show_error(error.code, error.message, error.hint, as_json=as_json)
        return exit_code(error)
    except (BrokenPipeError, SystemExit):  # the second is what click makes of the first
        # The reader has gone (head, less): not an error, but nothing more can be said on this stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001 - the last resort: the trace goes to a file, the person gets a sentence
        where = session.keep_trace(traceback.format_exc())
        show_error("internal", "Something unexpected went wrong.", f"The trace is in {where}.", as_json=as_json)
        return INTERNAL
    return result if isinstance(result, int) else 0
