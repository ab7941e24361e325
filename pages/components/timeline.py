"""The stages of a run in their order: status, tries, time, progress, error and what they made."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pages.components import words
from pages.components.markup import Html, join, tag

SAID: dict[str, Callable[[float], str]] = {"audio_s": words.duration, "bytes": words.size}
STATUS_TONES = {"committed": "good", "running": "busy", "failed": "bad"}


def timeline(run: dict[str, Any], now: datetime) -> Html:
    """One card a stage that the run needs."""
    needed = {name: stage for name, stage in run["stages"].items() if stage["status"] != "not_needed"}
    return tag("div", *(_card(name, stage, now) for name, stage in needed.items()), cls="rp-stages", role="list")


def _card(name: str, stage: dict[str, Any], now: datetime) -> Html:
    status, error = stage["status"], stage["error"] if stage["status"] != "committed" else None
    tone = "warn" if status == "pending" and error else STATUS_TONES.get(status, "calm")
    badge = tag("span", words.label(status), cls="rp-badge", data_tone=tone)
    lines = [tag("p", text) for text in (_time(stage, now), _progress(stage), _files(stage["files"])) if text]
    if error:
        lines.append(tag("p", error["message"], cls="rp-error"))
    if status == "running":
        lines.append(meter(stage["progress"], "busy"))
    return tag("section", tag("h4", words.stage(name), badge), *lines, cls="rp-stage", data_tone=tone, role="listitem")


def meter(share: float, tone: str) -> Html:
    """A bar that is filled to `share`."""
    percent = f"{100 * share:.1f}"
    bar = tag("i", style=f"width: {percent}%")
    return tag("div", bar, cls="rp-meter", data_tone=tone, role="progressbar", aria_valuenow=percent)


def _time(stage: dict[str, Any], now: datetime) -> str:
    if stage["reused"]:
        return "Taken over from another run"
    if stage["status"] == "pending":
        return _tries(stage)
    took = stage["worked_s"]
    if stage["status"] == "running" and stage["attempts"]:
        took += words.between(stage["attempts"][-1]["started_at"], None, now) or 0.0
    return join([words.duration(took) if took else "", _tries(stage)])


def _tries(stage: dict[str, Any]) -> str:
    attempts = stage["attempts"]
    cut = sum(attempt["outcome"] in ("interrupted", "shutdown") for attempt in attempts)
    return join([words.count(len(attempts), "attempt") if attempts else "", f"{cut} interrupted" if cut else ""])


def _progress(stage: dict[str, Any]) -> str:
    done, total = stage["done"], stage["total"]
    if stage["status"] != "running" or not total:
        return ""
    say = SAID.get(stage["unit"], "{:,.0f}".format)
    return f"{say(done or 0)} of {say(total)}"


def _files(files: list[dict[str, Any]]) -> str:
    return join([words.count(len(files), "file"), words.size(sum(file["size"] for file in files))]) if files else ""
