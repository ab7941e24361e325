"""The player beside transcript, quotes and summary."""

from typing import Any
from urllib.parse import quote

from core.domain.run import RunRecord
from core.manager.results import POSTER
from pages.components import session
from pages.components.live import component

_reader = component("reader")
SOUND = (".mp3", ".m4a", ".aac", ".wav", ".ogg", ".opus", ".flac", ".wma")
READ = {"transcribe": "transcript.json", "quotes": "quotes.json", "summary": "summary.json"}
NAMES = {"transcribe": "transcript", "quotes": "quotes", "summary": "summary"}


def address(run_id: str, name: str, sha256: str = "", *, save: bool = False) -> str:
    """Where the browser fetches a published file; the checksum makes a new one a new address."""
    return f"/api/runs/{quote(run_id)}/files/{quote(name)}?{'save' if save else 'v=' + sha256[:12]}"


def poster(run: RunRecord) -> str | None:
    """Where the browser fetches the picture by which the video of `run` is known; None when there is none."""
    found = session.manager().results.poster(run)
    return address(run.run_id, POSTER, found) if found else None


def reader(run: dict[str, Any]) -> None:
    """What can be seen and heard of the run so far; what is still to come says so."""
    made = {(stage, file["name"]): file for stage, view in run["stages"].items() for file in view["files"]}
    data: dict[str, Any] = {"media": None, "waiting": {}}
    for (stage, name), file in made.items():
        if stage == "download" and name.startswith("media."):
            url = address(run["run_id"], name, file["sha256"])
            data["media"] = {"url": url, "audio": name.lower().endswith(SOUND), "poster": _poster(run["run_id"], made)}
    for stage, name in READ.items():
        found = made.get((stage, name))
        data[NAMES[stage]] = address(run["run_id"], name, found["sha256"]) if found else None
        data["waiting"][NAMES[stage]] = _waiting(stage, run)
    _reader(key=f"reader-{run['run_id']}", data=data)


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
