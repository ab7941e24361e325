"""How much somebody may use up: tiers as a table, and the sentences that say when it is enough."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from core.domain.batch import BatchRecord
from core.domain.errors import BadInput, NotAllowed, TooMany
from core.domain.limits import PRIORITY
from core.domain.spans import span
from core.domain.words import person

HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)
HIGHEST = {"videos": 50, "hourly": 10_000, "at_once": 5, "minutes": 10_000_000, "priority": PRIORITY[1]}
LOWEST = {"videos": 1, "hourly": 1, "at_once": 1, "minutes": 0, "priority": PRIORITY[0]}
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """What one owner may: `videos` in a batch, `hourly` batches made in an hour, `at_once` videos of a batch worked on,
    `minutes` of media begun in 30 days (0: no limit). `priority` is what their batches have, and the highest they may.
    """

    name: str
    videos: int = 50
    hourly: int = 20
    at_once: int = 5
    minutes: int = 0
    priority: int = 5


TIERS = {
    tier.name: tier
    for tier in (
        Tier(name="free", videos=3, hourly=5, at_once=1, minutes=60, priority=3),
        Tier(name="creator", videos=20, hourly=20, at_once=3, minutes=1200, priority=5),
        Tier(name="pro", videos=50, hourly=20, at_once=5, minutes=6000, priority=7),
    )
}


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A video that was worked on: when that began first, and how long it lasts in seconds."""

    at: datetime
    seconds: float


def parse_tiers(text: str) -> dict[str, Tier]:
    """The tiers there are: those of the table, changed and added to by `free minutes=120; team videos=50 hourly=100`.

    Raises `BadInput` naming what is not possible.
    """
    tiers = dict(TIERS)
    for part in text.split(";"):
        name, *changes = part.split() or [""]
        if not name:
            continue
        if not _NAME.match(name):
            raise BadInput(f"“{name[:40]}” is no name of a tier.", hint="Use small letters, digits, _ and -.")
        tier = tiers.get(name, Tier(name=name))
        for change in changes:
            field, value = _number(name, change)
            tier = replace(tier, **{field: value})
        tiers[name] = tier
    return tiers


def _number(tier: str, change: str) -> tuple[str, int]:
    field, _, value = change.partition("=")
    if field not in HIGHEST:
        raise BadInput(f"A tier has no “{field[:40]}”.", hint=f"It has {', '.join(HIGHEST)}.")
    low, high = LOWEST[field], HIGHEST[field]
    if not (value.isascii() and value.isdecimal() and len(value) < 10 and low <= int(value) <= high):
        raise BadInput(f"{field} of the tier {tier} has to be a whole number from {low} to {high}, not “{value[:20]}”.")
    return field, int(value)


def tier_of(tiers: Mapping[str, Tier], name: str) -> Tier | None:
    """The tier of this name; None, which is no limit, for no name. Raises `NotAllowed` for one that is gone."""
    if not name:
        return None
    if name not in tiers:
        raise NotAllowed(
            f"There is no tier “{name[:40]}” any more.", hint=f"An administrator gives another: {', '.join(tiers)}."
        )
    return tiers[name]


def check_known(tiers: Mapping[str, Tier], name: str) -> str:
    """`name` if it is a tier, or empty. Raises `BadInput`."""
    if name and name not in tiers:
        raise BadInput(f"There is no tier “{name[:40]}”.", hint=f"There are {', '.join(tiers)}.")
    return name


def check_videos(tier: Tier, count: int) -> None:
    """Raise `NotAllowed` when a batch of `count` videos is more than the tier has."""
    if count > tier.videos:
        raise NotAllowed(
            f"The {tier.name} tier has {_videos(tier.videos)} in a batch; these are {count}.",
            hint="Make smaller batches, or ask an administrator for another tier.",
            code="tier_videos",
        )


def check_at_once(tier: Tier, concurrency: int) -> None:
    """Raise `NotAllowed` when so many videos at once are more than the tier has."""
    if concurrency > tier.at_once:
        raise NotAllowed(
            f"The {tier.name} tier works on {_videos(tier.at_once)} of a batch at once.",
            hint=f"Ask for {tier.at_once}, or an administrator for another tier.",
            code="tier_concurrency",
        )


def check_priority(tier: Tier, priority: int) -> None:
    """Raise `NotAllowed` when the priority is higher than the tier has."""
    if priority > tier.priority:
        raise NotAllowed(
            f"The highest priority of the {tier.name} tier is {tier.priority}.",
            hint=f"Ask for {tier.priority} at most, or an administrator for another tier.",
            code="tier_priority",
        )


def check_hourly(tier: Tier, made: Iterable[datetime], now: datetime) -> None:
    """Raise `TooMany` when as many batches were `made` in the last hour as the tier has."""
    lately = sorted(at for at in made if now - at < HOUR)
    if len(lately) < tier.hourly:
        return
    left_s = (lately[-tier.hourly] + HOUR - now).total_seconds()
    raise TooMany(
        f"The {tier.name} tier makes {tier.hourly} batches in an hour; these were made.",
        retry_after_s=left_s,
        hint=f"The next can be made in {span(max(1.0, left_s))}.",
    )


def used_minutes(begun: Iterable[Begun], now: datetime) -> float:
    """The minutes of media that were begun in the last 30 days."""
    return sum(one.seconds for one in begun if now - one.at < MONTH) / 60


def check_minutes(tier: Tier, begun: Iterable[Begun], asked_s: float, now: datetime) -> None:
    """Raise `TooMany` when the minutes of the tier are used up, or `asked_s` more seconds of media would go beyond them."""
    if not tier.minutes:
        return
    lately = sorted((one for one in begun if now - one.at < MONTH), key=lambda one: one.at)
    used, granted = sum(one.seconds for one in lately), tier.minutes * 60.0
    if used < granted and used + asked_s <= granted:
        return
    free = 0.0
    left_s = MONTH.total_seconds()
    for one in lately:
        free += one.seconds
        if used - free < granted and used - free + asked_s <= granted:
            left_s = (one.at + MONTH - now).total_seconds()
            break
    said = f"{used / 60:.0f} of {tier.minutes} minutes of the {tier.name} tier are used up"
    more = f", and this takes {asked_s / 60:.0f} more" if used < granted else ""
    raise TooMany(
        f"{said}{more}.",
        retry_after_s=left_s,
        hint=f"Minutes come back 30 days after they were used, the next such in {span(max(1.0, left_s))}.",
    )


def used_up(batch: BatchRecord) -> str:
    """Why nothing of a batch begins while the minutes of its owner are used up."""
    return f"{person(batch.owner)} has used up the minutes of media that the {batch.tier} tier has in 30 days."


def _videos(number: int) -> str:
    return "one video" if number == 1 else f"{number} videos"
