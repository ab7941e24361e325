"""What the look at the set-up says, and when it warns."""

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from core.config import load_config
from core.manager import doctor
from core.manager.doctor import DOWNLOADER_DAYS, examine
from core.manager.examined import Check
from core.manager.sandbox import Sandbox, measure
from core.system.clock import ManualClock

RELEASED = datetime.strptime(version("yt-dlp")[:10], "%Y.%m.%d").replace(tzinfo=UTC)


def looked_at(name: str, tmp_path: Path, now: datetime = RELEASED) -> Check:
    """The one check of this name, as it is said at this time."""
    config = load_config({"REPRISE_STORAGE": str(tmp_path / "storage")})
    return next(one for one in examine(config, ManualClock(now)) if one.name == name)


@pytest.mark.parametrize(("days", "ok"), [(0, True), (DOWNLOADER_DAYS, True), (DOWNLOADER_DAYS + 1, False)])
def test_a_downloader_older_than_sixty_days_is_warned_of_with_what_to_do(tmp_path: Path, days: int, ok: bool) -> None:
    said = looked_at("yt-dlp", tmp_path, RELEASED + timedelta(days=days))
    assert said.ok == ok
    assert "pip install --upgrade yt-dlp" in said.hint
    assert (f"{days} days old" in said.message) == (days > 0)


def test_a_clock_that_runs_behind_makes_no_downloader_old(tmp_path: Path) -> None:
    assert looked_at("yt-dlp", tmp_path, RELEASED - timedelta(days=400)).ok


def test_every_bound_of_an_outside_program_is_seen_to_work_on_this_machine() -> None:
    assert measure() == Sandbox(limits=True, group=True, death=True, network=True, files=True)


def test_a_bound_that_does_not_work_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "measure", lambda: Sandbox(limits=True, group=True, death=True, files=True))
    said = looked_at("sandbox", tmp_path)
    assert not said.ok
    assert "not in force: network only through the proxy;" in said.message
