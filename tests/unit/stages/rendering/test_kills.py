"""kill -9 while rendering, in real processes: one unit is made again at most, and every byte is the same."""

from pathlib import Path

from core.domain.cuts import Span
from core.stages.rendering.spec import Spec
from tests.support.media_files import mp4
from tests.support.rendering_kills import Rendering

# Slow enough to be caught in the act.
SPEC = Spec(preset="slow")
KEPT = [Span(number * 0.16, number * 0.16 + 0.08) for number in range(60)]
MOMENTS = ("*.sound.m4a.part", "*.group.0000.?.mp4.part", "*.group.0001.?.mp4.part", "joined.mp4.part")


def test_a_kill_in_any_part_of_the_work_costs_that_unit_and_no_byte(tmp_path: Path) -> None:
    source = mp4(seconds=10.0, noise=True)
    calm = Rendering(tmp_path / "calm", source, KEPT, SPEC)
    undisturbed = calm.finish()
    killed = Rendering(tmp_path / "killed", source, KEPT, SPEC)
    kills = sum(killed.kill_when(lambda moment=moment: killed.half_made(moment)) for moment in MOMENTS)  # type: ignore[misc]
    assert kills >= 2, "too quick to be caught"
    assert killed.finish() == undisturbed
    assert calm.made() == {"group.0000": 1, "group.0001": 1}
    assert (killed.made() - calm.made()).total() <= kills
    assert not list(killed.folder.glob("work/*.part"))
