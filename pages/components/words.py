"""How numbers, times and states are said on the pages."""

import re
from datetime import datetime
from typing import Any

from core.domain.words import person

TONES = {
    "running": "busy",
    "retrying": "busy",
    "completed": "good",
    "failed": "bad",
    "stalled": "bad",
    "retry_wait": "warn",
    "paused": "warn",
    "pausing": "warn",
    "stopping": "warn",
    "cancelling": "warn",
    "skipping": "warn",
}
SHORT = {"detect_highlights": "Highlights"}
_UPLOADED = re.compile(r"/uploads/[0-9a-f]{16}/[^/]+\Z")
LABELS = {"retry_wait": "will retry", "not_needed": "not needed", "committed": "done"}


def tone(word: str) -> str:
    """The colour family of a state: good, bad, warn, busy or calm."""
    return TONES.get(word, "calm")


def label(word: str) -> str:
    """A state as it is shown."""
    return LABELS.get(word, word).capitalize()


def stage(name: str) -> str:
    """A stage as it is shown."""
    return SHORT.get(name) or name.replace("_", " ").capitalize()


def duration(seconds: float | None) -> str:
    """A span of time: `0.4 s`, `41 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole < 600 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def left(eta: dict[str, float] | None) -> str:
    """What is left, as honest as the estimate is: `about 2 min left`, `3 to 8 min left`."""
    if not eta:
        return ""
    low, high = eta["low"], eta["high"]
    if high < 5:
        return "a few seconds left"
    if high - low < 0.35 * high:
        return f"about {duration(max(5.0, (low + high) / 2)).split(' min ')[0].removesuffix(' min')}" + (
            " min left" if (low + high) / 2 >= 60 else " left"
        )
    if low >= 55 and high < 5400:
        return f"{max(1, round(low / 60))} to {round(high / 60)} min left"
    return (
        f"{duration(max(1.0, round(low))).replace('.0 s', ' s')} to {duration(round(high)).replace('.0 s', ' s')} left"
    )


def soon(seconds: float) -> str:
    """When something is tried again: `tries again in 18 s`, or any moment now."""
    if seconds < 1.5:
        return "tries again any moment"
    return f"tries again in {round(seconds)} s" if seconds < 60 else f"tries again in {duration(seconds)}"


def size(bytes_: float) -> str:
    """An amount of data: `831 B`, `12 KB`, `3.4 MB`."""
    for unit in ("B", "KB", "MB"):
        if bytes_ < 1000:
            return f"{bytes_:.0f} {unit}" if bytes_ >= 10 or unit == "B" else f"{bytes_:.1f} {unit}"
        bytes_ /= 1000
    return f"{bytes_:.1f} GB"


def decibels(level: float) -> str:
    """A level as it is shown, with a real minus: `−42 dB`."""
    return f"{level:g} dB".replace("-", "−")


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 run`, `3 runs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(text: str | None) -> datetime | None:
    """A time of the outside contract."""
    return datetime.fromisoformat(text) if text else None


def ago(text: str | None, now: datetime) -> str:
    """How long ago something was: `just now`, `4 min ago`, `3 h ago`, `2 days ago`."""
    then = moment(text)
    if then is None:
        return "–"
    seconds = (now - then).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} min ago"
    if seconds < 86400:
        return f"{round(seconds / 3600)} h ago"
    return count(round(seconds / 86400), "day") + " ago"


def stamp(then: datetime, now: datetime) -> str:
    """When something was, in the time of this machine: `14:03:11`, or `21 Nov 14:03` on another day."""
    here = then.astimezone()
    return here.strftime("%H:%M:%S" if here.date() == now.astimezone().date() else "%d %b %H:%M")


def until(text: str | None, now: datetime) -> str:
    """When a wait ends: `until 14:32 (4 min)`, or that it is over."""
    then = moment(text)
    if then is None:
        return "for now"
    left_s = (then - now).total_seconds()
    if left_s < 1.5:
        return "until any moment"
    span = f"{round(left_s)} s" if left_s <= 90 else duration(60 * round(left_s / 60)).removesuffix(" 0 s")
    return f"until {then.astimezone().strftime('%H:%M' if left_s > 90 else '%H:%M:%S')} ({span})"


def paused(pause: dict[str, Any]) -> str:
    """A pause in one sentence: what still moves, or since when everything stands still, by whom and why."""
    said: str = pause["sentence"]
    return said[:1].upper() + said[1:]


def asked(pause: dict[str, Any]) -> str:
    """By whom and why, while the sentence of the pause tells what still moves."""
    if not pause["in_flight"]:
        return ""
    by = person(pause["by"])
    return f"Asked for by {by}" + (f": {pause['why']}" if pause["why"] else "")


def between(started: str | None, ended: str | None, now: datetime) -> float | None:
    """Seconds from a start to an end, or to now while there is none."""
    begin, end = moment(started), moment(ended) or now
    return max(0.0, (end - begin).total_seconds()) if begin is not None else None


def retries(run: dict[str, Any]) -> str:
    """How often somebody tried it again; nothing of a completed run, of which more may have been wanted since."""
    return count(run["retry_count"], "retry", "retries") if run["retry_count"] and run["phase"] != "completed" else ""


def work(receipt: dict[str, Any]) -> str:
    """What a stage did, took over and did again, in its unit."""
    of = " of audio" if receipt["unit"] == "audio_s" else ""
    parts = [(receipt["done"], "done"), (receipt["reused"], "taken over"), (receipt["redone"], "done again")]
    return ", ".join(f"{amount(some, receipt['unit'])}{of} {what}" for some, what in parts if some)


def amount(some: float, unit: str) -> str:
    """So much in the unit of a stage: `3 min 20 s`, `3.4 MB`, `1,200 tokens`."""
    if unit == "audio_s":
        return duration(some)
    return size(some) if unit == "bytes" else f"{some:,.0f} {unit}"


def source(text: str) -> str:
    """Where a recording came from as people say it: an upload's place in the storage is nobody's business."""
    return "Uploaded" if uploaded(text) else text


def uploaded(text: str) -> bool:
    """Whether a source is a file that was uploaded."""
    return _UPLOADED.search(text) is not None
