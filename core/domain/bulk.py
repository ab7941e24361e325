"""Folders worked on in bulk: how many files at once, and what of a batch that is not finished is a result already. Pure."""

from collections.abc import Iterable

from core.domain.errors import BadInput
from core.domain.exports import Packed


def workers(asked: int | None, usual: int, most: int, *, parallel: bool) -> tuple[int, str]:
    """How many runs go at once, and a sentence when that is not what was `asked` for. Raises `BadInput` below 1."""
    if asked is not None and asked < 1:
        raise BadInput("max_workers is a whole number from 1.", hint=f"At most {most} runs of a batch go at once.")
    if not parallel:
        return 1, "max_workers is 1, since parallel is false." if asked not in (None, 1) else ""
    if asked is not None and asked > most:
        return most, f"max_workers is {most} instead of {asked}: at most {most} runs of a batch go at once."
    return asked or usual, ""


def results_only(members: Iterable[Packed]) -> list[Packed]:
    """`members` of an export without the videos that are as they came, where something was made of them."""
    members = list(members)
    made = {member.run_id for member in members if member.kind not in ("video", "note")}
    return [member for member in members if not (member.stage == "download" and member.run_id in made)]
