"""The commands as the pages show them: their words, their order, and which of them is pressed first."""

from typing import NamedTuple


class Verb(NamedTuple):
    """A command on a button.

    `done` is what is said when it was taken; a `main` one is what a person most likely wants next; what is `hidden`
    stands in a menu; a `grave` one ends or takes away something.
    """

    label: str
    icon: str
    done: str
    main: bool = False
    hidden: bool = False
    grave: bool = False


# In the order in which they stand beside each other.
VERBS = {
    "start": Verb("Start", "play_arrow", "Started", main=True),
    "resume": Verb("Resume", "play_arrow", "Resumed", main=True),
    "recover": Verb("Recover", "autorenew", "Recovering", main=True),
    "restore": Verb("Restore", "restore_from_trash", "Restored", main=True),
    "retry": Verb("Retry", "refresh", "Will be retried", main=True),
    "unskip": Verb("Take in again", "undo", "Taken in again", main=True),
    "pause": Verb("Pause", "pause", "Pausing"),
    "drain": Verb("Pause after this stage", "hourglass_bottom", "Pausing after this stage", hidden=True),
    "again": Verb("Make again…", "restart_alt", "Will be made again"),
    "export": Verb("Export…", "archive", "Export begun"),
    "edit": Verb("Edit…", "edit", "Changed"),
    "priority": Verb("Priority…", "low_priority", "Priority changed", hidden=True),
    "skip": Verb("Skip", "skip_next", "Skipped"),
    "stop": Verb("Stop", "stop", "Stopping", grave=True),
    "cancel": Verb("Cancel", "close", "Cancelling", grave=True),
    "remove": Verb("Remove from batch", "playlist_remove", "Removed", hidden=True, grave=True),
    "delete": Verb("Delete", "delete", "Deleted", hidden=True, grave=True),
    "erase": Verb("Delete for good…", "delete_forever", "Deleted for good", hidden=True, grave=True),
}


def label(verb: str, id_: str = "") -> str:
    """A command's button; for a batch a retry is one of all that failed."""
    if verb == "retry" and id_.startswith("b_"):
        return "Retry failed"
    return VERBS[verb].label


def icon(verb: str) -> str:
    """A command's picture, from the font that the pages bring along."""
    return f":material/{VERBS[verb].icon}:"


def in_order(offered: list[str]) -> list[str]:
    """What is offered, in the order in which it is shown."""
    return [verb for verb in VERBS if verb in offered]
