"""Which stages a run has, in which order, and which of them are to be done again."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from core.domain.errors import BadInput
from core.domain.run import RunRecord, StageState
from core.domain.settings import Settings
from core.domain.states import StageStatus

PIPELINE = ("download", "transcribe", "quotes", "summary", "remove_silence", "detect_highlights", "export")
# What a stage reads of those before it. One that the run does not have is not waited for: a video that is not to be
# transcribed has its silence removed by its sound alone.
NEEDS: dict[str, tuple[str, ...]] = {
    "download": (),
    "transcribe": ("download",),
    "quotes": ("transcribe",),
    "summary": ("transcribe",),
    "remove_silence": ("download", "transcribe"),
    "detect_highlights": ("download", "transcribe"),
    "export": ("download", "remove_silence"),
}
# Who tells how long the recording is; what is made of it later has a length of its own.
MEASURING = ("download", "transcribe")
# Which stages a setting may change the result of. Switches (transcribe, quotes, …) are not here: they decide whether
# there is a stage at all. A stage that is reset needlessly finds its artifact under its key and does nothing.
READ_BY: dict[str, tuple[str, ...]] = {
    "format": ("download",),
    "use_subtitles": ("download", "transcribe"),
    "language": ("transcribe",),
    "model": ("transcribe",),
    "llm": ("quotes", "summary", "detect_highlights"),
    "silence_mode": ("remove_silence",),
    "silence_threshold": ("remove_silence",),
    "min_silence_s": ("remove_silence",),
    "silence_margin_s": ("remove_silence",),
    "highlight_sensitivity": ("detect_highlights",),
    "keywords": ("detect_highlights",),
    "export_format": ("export",),
    "export_quality": ("export",),
    "export_upscale": ("export",),
}


def stages_for(wanted: Mapping[str, bool]) -> dict[str, StageState]:
    """The stages of a new run in the order of `wanted`: pending, or not needed."""
    return {
        name: StageState(status=StageStatus.PENDING if needed else StageStatus.NOT_NEEDED)
        for name, needed in wanted.items()
    }


def fitted(run: RunRecord, wanted: Mapping[str, bool]) -> RunRecord:
    """`run` with the stages that are wanted now, if it was never claimed: until then it follows its batch."""
    if run.settings is not None or run.attempts:
        return run
    fresh = stages_for(wanted)
    same = [(name, stage.status) for name, stage in run.stages.items()] == [(n, s.status) for n, s in fresh.items()]
    return run if same else replace(run, stages=fresh)


def changed_stages(old: Settings, new: Settings) -> frozenset[str]:
    """The stages whose result may differ between two settings; those that depend on them are not named."""
    return frozenset(
        stage for name, stages in READ_BY.items() if getattr(old, name) != getattr(new, name) for stage in stages
    )


def downstream(names: Iterable[str], needs: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """`names` and every stage that needs one of them, directly or through others."""
    found = set(names)
    grown = True
    while grown:
        more = {stage for stage, inputs in needs.items() if stage not in found and found.intersection(inputs)}
        found |= more
        grown = bool(more)
    return frozenset(found)


def reset_from(
    stages: Mapping[str, StageState],
    stage: str | None,
    wanted: Mapping[str, bool],
    needs: Mapping[str, tuple[str, ...]],
    changed: frozenset[str] = frozenset(),
) -> dict[str, StageState]:
    """The stages of a run for one more round, in the order of `wanted`; tries start again everywhere.

    What is committed stays so, except `stage` and those in `changed`, ones newly wanted or wanted no more, and every
    stage that needs one of these. `stage` alone gets another `redo` number, so that it is really made again; the others are looked up under
    their keys first. Raises `BadInput` when there is no stage of that name.
    """
    if stage is not None and stage not in wanted:
        raise BadInput(f"There is no stage “{stage}”.", hint=f"Choose one of {', '.join(wanted)}.")
    old = {name: stages.get(name, StageState(status=StageStatus.NOT_NEEDED)) for name in wanted}
    switched = {name for name in wanted if wanted[name] != (old[name].status != StageStatus.NOT_NEEDED)}
    again = downstream({*changed, *switched, *([stage] if stage else [])}, needs)
    result: dict[str, StageState] = {}
    for name, state in old.items():
        redo = state.redo + (name == stage and wanted[name])
        if not wanted[name]:
            result[name] = StageState(status=StageStatus.NOT_NEEDED, redo=redo)
        elif state.status == StageStatus.COMMITTED and name not in again:
            result[name] = state.afresh()
        else:
            result[name] = StageState(redo=redo)
    return result
