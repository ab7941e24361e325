"""The report of a batch: what was done, taken over and done twice, what resuming saved, and what is worth changing."""

from typing import Any

from pages.components import words
from pages.components.markup import Html, join, tag


def told(report: dict[str, Any]) -> Html:
    """The report as `views.report` gives it, in a few lines."""
    said = tag("p", tag("b", report["sentence"]))
    spent = join(
        [
            f"{words.duration(report['worked_s'])} of work",
            f"{words.duration(report['paused_s'])} paused" if report["paused_s"] else "",
            _sum(report, "resumes", "resumed", "time"),
            _sum(report, "retries", "tried again", "time"),
        ]
    )
    advice = [tag("p", one["message"]) for one in report["suggestions"]]
    return tag("div", said, tag("p", spent), _stages(report["work"]), *advice, cls="rp-report")


def _sum(report: dict[str, Any], field: str, done: str, one: str) -> str:
    number = sum(run[field] for run in report["runs"])
    return f"{done} {words.count(number, one)}" if number else ""


def _stages(work: dict[str, dict[str, Any]]) -> Html | None:
    if not work:
        return None
    titles = ("", "Done", "Taken over", "Done again", "Saved")
    head = tag("tr", *(tag("th", name, scope="col") for name in titles))
    lines = [
        tag(
            "tr",
            tag("th", words.stage(name), scope="row"),
            *(tag("td", _amount(one[field], one["unit"])) for field in ("done", "reused", "redone")),
            tag("td", words.duration(one["seconds_saved"]) if one["seconds_saved"] else "–"),
        )
        for name, one in work.items()
    ]
    return tag("table", tag("thead", head), tag("tbody", *lines), cls="rp-people")


def _amount(size: float | None, unit: str) -> str:
    """Nothing is a dash; what is not known is said to be so."""
    return "unknown" if size is None else words.amount(size, unit) if size else "–"
