"""What measured history suggests to change. Each suggestion carries the figures it rests on; without any there is none."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from core.domain.errors import CLASSES, ErrorClass
from core.domain.report import committing, worked_s
from core.domain.run import RunRecord

FULL_SHARE, IDLE_SHARE = 0.8, 0.2
MIN_SPAN_S = 60.0
MIN_AUDIO_S = 120.0
MIN_FAILED_RUNS = 2
# From the fastest to the most exact; those for English alone are as fast as the others of their size.
MODELS = ("tiny", "base", "small", "medium", "large")


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to change: a code, a sentence, and the measured figures behind it."""

    code: str
    message: str
    evidence: dict[str, Any]


def lane_suggestions(
    runs: Sequence[RunRecord],
    *,
    since: datetime,
    until: datetime,
    lane_of: Mapping[str, str],
    lanes: Mapping[str, int],
    spare_cores: int,
) -> list[Suggestion]:
    """A lane whose workers were all busy nearly all of the time from `since` to `until`, while another had little to do.

    More workers on the processor are suggested only where `spare_cores` says that these would find cores.
    """
    span_s = (until - since).total_seconds()
    if span_s < MIN_SPAN_S:
        return []
    full = {lane: round(_full_s(runs, lane, count, since, until, lane_of) / span_s, 3) for lane, count in lanes.items()}
    used = {lane for run in runs for attempt in run.attempts if (lane := lane_of.get(attempt.stage))}
    idle = [lane for lane in lanes if full[lane] <= IDLE_SHARE]
    found = []
    for lane in sorted(used):
        if full[lane] < FULL_SHARE or not idle or (lane == "cpu" and spare_cores < 1):
            continue
        message = (
            f"All {lane} workers were busy {full[lane]:.0%} of the time, {idle[0]} workers {full[idle[0]]:.0%}: "
            f"try {lane}_workers = {lanes[lane] + 1} instead of {lanes[lane]}."
        )
        evidence = {"span_s": round(span_s, 1), "full_share": full, "workers": dict(lanes)}
        found.append(Suggestion(code="lane_limit", message=message, evidence=evidence))
    return found


def _full_s(
    runs: Iterable[RunRecord], lane: str, workers: int, since: datetime, until: datetime, lane_of: Mapping[str, str]
) -> float:
    """The seconds in which as many attempts were open in `lane` as it has workers."""
    edges: list[tuple[datetime, int]] = []
    for run in runs:
        for attempt in run.attempts:
            begin, end = max(attempt.started_at, since), min(attempt.ended_at or until, until)
            if lane_of.get(attempt.stage) == lane and begin < end:
                edges += [(begin, 1), (end, -1)]
    busy, full_s, before = 0, 0.0, since
    for at, change in sorted(edges):
        full_s += (at - before).total_seconds() if busy >= workers else 0.0
        busy, before = busy + change, at
    return full_s


def model_suggestions(runs: Iterable[RunRecord], models: Mapping[str, str]) -> list[Suggestion]:
    """Transcription that takes longer than the recording: a smaller model. `models` is the model of each run by its id."""
    audio_s: dict[str, float] = {}
    took_s: dict[str, float] = {}
    counts: Counter[str] = Counter()
    for run in runs:
        stage, attempt, model = run.stages.get("transcribe"), committing(run, "transcribe"), models.get(run.run_id)
        seconds = worked_s(attempt) if attempt is not None else None
        if stage is None or stage.work is None or not stage.work.done or not seconds or not model:
            continue
        audio_s[model] = audio_s.get(model, 0.0) + stage.work.done
        took_s[model] = took_s.get(model, 0.0) + seconds
        counts[model] += 1
    found = []
    for model, heard_s in sorted(audio_s.items()):
        factor, smaller = heard_s / took_s[model], _smaller(model)
        if heard_s < MIN_AUDIO_S or factor >= 1.0 or smaller is None:
            continue
        evidence = {
            "model": model,
            "runs": counts[model],
            "audio_s": round(heard_s, 1),
            "worked_s": round(took_s[model], 1),
            "times_real_time": round(factor, 2),
        }
        message = (
            f"The model {model} took longer than the recordings last ({factor:.1f} times real time): try {smaller}."
        )
        found.append(Suggestion(code="model_size", message=message, evidence=evidence))
    return found


def _smaller(model: str) -> str | None:
    size = next((size for size in MODELS if model.startswith(size)), None)
    place = MODELS.index(size) if size is not None else 0
    return (MODELS[place - 1] + (".en" if model.endswith(".en") else "")) if place else None


def _words(error_class: ErrorClass) -> str:
    return str(error_class).replace("_", " ")


def failure_suggestions(runs: Iterable[RunRecord]) -> list[Suggestion]:
    """Classes of errors that several runs met, the most frequent first, each with its remedy."""
    met: dict[ErrorClass, set[str]] = {}
    attempts: Counter[ErrorClass] = Counter()
    for run in runs:
        for attempt in run.attempts:
            if attempt.failure is not None:
                met.setdefault(attempt.failure.error_class, set()).add(run.run_id)
                attempts[attempt.failure.error_class] += 1
    often = sorted(
        (found for found in met.items() if len(found[1]) >= MIN_FAILED_RUNS), key=lambda one: (-len(one[1]), one[0])
    )
    return [
        Suggestion(
            code="recurring_failure",
            message=f"{len(ids)} runs met the same kind of error ({_words(error_class)}). {CLASSES[error_class].hint}",
            evidence={"class": str(error_class), "runs": len(ids), "attempts": attempts[error_class]},
        )
        for error_class, ids in often
    ]
