"""The player beside transcript, highlights, quotes and summary."""

from typing import Any
from urllib.parse import quote

from core.domain.run import RunRecord
from core.domain.states import StageStatus
from core.manager.results import MEDIA, POSTER
from pages.components import session
from pages.components.live import component

_reader = component("reader", "versions", "highlights")
SOUND = (".mp3", ".m4a", ".aac", ".wav", ".ogg", ".opus", ".flac", ".wma")
WHOLE: dict[str, Any] = {"cuts": None, "transcript": None}
VERSIONS = (
    ("download", "media", "Recording"),
    ("remove_silence", "silence_removed", "Without silence"),
    ("export", "export", "Export"),
)
READ = {
    "transcribe": "transcript.json",
    "detect_highlights": "highlights.json",
    "quotes": "quotes.json",
    "summary": "summary.json",
}
NAMES = {"transcribe": "transcript", "detect_highlights": "highlights", "quotes": "quotes", "summary": "summary"}


def address(run_id: str, name: str, sha256: str = "", *, save: bool = False) -> str:
    """Where the browser fetches a published file, `NAME` or `STAGE/NAME`; the checksum makes a new one a new address."""
    return f"/api/runs/{quote(run_id)}/files/{quote(name)}?{'save' if save else 'v=' + sha256[:12]}"


def poster(run: RunRecord) -> str | None:
    """Where the browser fetches the picture by which the video of `run` is known; None when there is none."""
    found = session.manager().results.poster(run)
    return address(run.run_id, POSTER, found) if found else None


def video(run: RunRecord) -> str:
    """Where the video of `run` is saved from: what was exported, else the recording; empty without either."""
    for stage, name in (("export", "export"), ("download", MEDIA)):
        if stage in run.stages and run.stages[stage].status == StageStatus.COMMITTED:
            return address(run.run_id, f"{stage}/{name}", save=True)
    return ""


def reader(run: dict[str, Any]) -> None:
    """What can be seen and heard of the run so far; what is still to come says so."""
    made = {(stage, file["name"]): file for stage, view in run["stages"].items() for file in view["files"]}
    data: dict[str, Any] = {"versions": _versions(run["run_id"], made), "clips": None, "waiting": {}}
    if data["versions"]:
        data["clips"] = f"/api/runs/{quote(run['run_id'])}/clips/"
    for stage, name in READ.items():
        found = made.get((stage, name))
        data[NAMES[stage]] = address(run["run_id"], name, found["sha256"]) if found else None
        data["waiting"][NAMES[stage]] = _waiting(stage, run)
    _reader(key=f"reader-{run['run_id']}", data=data)


def _versions(run_id: str, made: dict[tuple[str, str], Any]) -> list[dict[str, Any]]:
    """What can be played: the recording, the same without its silence, and what was exported of the latter if it is there.

    `cuts` and `transcript` are those of the timeline of a version, None where it is the recording's own.
    """

    def url(stage: str, name: str) -> str | None:
        file = made.get((stage, name))
        return address(run_id, f"{stage}/{name}", file["sha256"]) if file else None

    versions = []
    cut: dict[str, Any] = {"cuts": None, "transcript": None}
    for stage, kind, label in VERSIONS:
        name = next((name for at, name in made if at == stage and name.startswith(f"{kind}.") and _plays(name)), None)
        if name is None:
            continue
        if stage == "remove_silence":
            cut = {"cuts": url(stage, "cuts.json"), "transcript": url(stage, "transcript.json")}
        media = {"url": url(stage, name), "audio": name.lower().endswith(SOUND), "poster": _poster(run_id, made)}
        versions.append({"key": stage, "label": label, "media": media} | (cut if stage != "download" else WHOLE))
    return versions


def _plays(name: str) -> bool:
    """Whether it is a video or sound by its name: `export.mp4`, not `export.json`."""
    return name.count(".") == 1 and not name.endswith((".json", ".md", ".txt", ".srt", ".vtt"))


def _poster(run_id: str, made: dict[tuple[str, str], Any]) -> str | None:
    file = made.get(("download", POSTER))
    return address(run_id, POSTER, file["sha256"]) if file else None


def _waiting(stage: str, run: dict[str, Any]) -> str:
    status = run["stages"].get(stage, {}).get("status", "not_needed")
    if status == "not_needed":
        return ""
    what = NAMES[stage]
    if run["phase"] in ("failed", "cancelled", "skipped"):
        return f"There is no {what}: the run {'has ' if run['phase'] == 'failed' else 'was '}{run['phase']}."
    return f"The {what} {'appear' if what.endswith('s') else 'appears'} here as soon as {'they are' if what.endswith('s') else 'it is'} made."
