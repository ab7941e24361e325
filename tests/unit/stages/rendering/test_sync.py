"""Sound and picture fit after many cuts, whatever the film is like: each flash and its click, within 20 ms."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from core.domain.cuts import Span
from core.stages.rendering.groups import Rendered, render
from core.stages.rendering.media import look
from core.stages.rendering.spec import Spec, export_spec
from tests.support.attempt import FolderAttempt
from tests.support.claps import clicks, film, flashes
from tests.support.media_files import ffmpeg

SYNC_S = 0.02
EVERY = 6


def around(claps: Sequence[float]) -> list[Span]:
    """A short span round each clap, never on a border of frames."""
    return [Span(at - 0.0713, at + 0.0927) for at in claps]


def rendered(source: Path, folder: Path, kept: Sequence[Span], spec: Spec) -> tuple[Rendered, Path]:
    attempt = FolderAttempt(folder)
    out = attempt.out / f"cut.{spec.suffix}"
    return render(look(source, attempt.check), kept, spec, attempt=attempt, out=out), out


def assert_in_sync(source: Path, made: Rendered, out: Path, claps: Sequence[float], frame_s: float = 0.0) -> None:
    """Flashes and clicks of `out` are where those of `source` are on the cut time line: `claps` of them, all kept."""
    timeline = made.cuts.timeline()
    expected_seen = [timeline.cut(at) for at in flashes(source) if timeline.holds(at)]
    expected_heard = [timeline.cut(at) for at in clicks(source) if timeline.holds(at)]
    assert len(expected_seen) == len(expected_heard) == len(claps)
    assert clicks(out) == pytest.approx(expected_heard, abs=SYNC_S)
    # Frames of an uneven source are shown up to one of theirs beside their time.
    assert flashes(out) == pytest.approx(expected_seen, abs=max(SYNC_S, frame_s))


FILMS = {
    "mp4 at 25": ("film.mp4", "25", ()),
    "matroska at 29.97, times in milliseconds": ("film.mkv", "30000/1001", ()),
    "mp4 at 50": ("film.mp4", "50", ()),
    "webm": ("film.webm", "25", ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")),
    "avi with mp3": ("film.avi", "25", ("-c:v", "mpeg4", "-c:a", "libmp3lame")),
    "transport stream": ("film.ts", "25", ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")),
}


@pytest.mark.parametrize("name", FILMS)
def test_sixty_cuts_leave_every_flash_with_its_click(name: str, tmp_path: Path) -> None:
    file, fps, codecs = FILMS[name]
    source = tmp_path / file
    how = {"codecs": codecs} if codecs else {}
    claps = film(source, seconds=15.3, every=round(Fraction(fps) / 4), fps=fps, **how)
    made, out = rendered(source, tmp_path / "work", around(claps), Spec())
    assert len(made.cuts.kept) == len(claps) >= 60
    assert_in_sync(source, made, out, claps)
    assert made.media.duration == pytest.approx(made.cuts.kept_s, abs=0.05)


def test_webm_made_of_it_is_in_sync_too(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    claps = film(source, seconds=6.0, every=EVERY)
    made, out = rendered(source, tmp_path / "work", around(claps), export_spec("webm", "720p"))
    assert_in_sync(source, made, out, claps)


def test_a_film_whose_sound_begins_late_keeps_that(tmp_path: Path) -> None:
    claps = film(tmp_path / "film.mp4", seconds=8.0, every=EVERY)
    late = ("-itsoffset", "0.52", "-i", str(tmp_path / "film.mp4"), "-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg("-i", str(tmp_path / "film.mp4"), *late, str(tmp_path / "late.mkv"))
    kept = [Span(1.03, 2.51), Span(2.77, 5.09)]
    made, out = rendered(tmp_path / "late.mkv", tmp_path / "work", kept, Spec())
    timeline = made.cuts.timeline()
    heard = [timeline.cut(at + 0.52) for at in claps if timeline.holds(at + 0.52)]
    seen = [timeline.cut(at) for at in claps if timeline.holds(at)]
    assert clicks(out) == pytest.approx(heard, abs=SYNC_S)
    assert flashes(out) == pytest.approx(seen, abs=SYNC_S)


def test_what_an_edit_list_hides_stays_hidden(tmp_path: Path) -> None:
    claps = film(tmp_path / "film.mp4", seconds=8.0, every=EVERY)
    ffmpeg("-ss", "1.3", "-i", str(tmp_path / "film.mp4"), "-c", "copy", str(tmp_path / "cut.mp4"))
    left = [at - 1.3 for at in claps if at > 1.5]
    made, out = rendered(tmp_path / "cut.mp4", tmp_path / "work", around(left), Spec())
    assert_in_sync(tmp_path / "cut.mp4", made, out, left)


def test_a_rate_that_varies_becomes_even_and_stays_in_sync(tmp_path: Path) -> None:
    uneven = r",select=not(mod(n\,2))+lt(mod(t\,3)\,1.5)"
    codecs = ("-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac")
    claps = film(tmp_path / "film.mp4", seconds=9.0, every=30, fps="60", picture_filter=uneven, codecs=codecs)
    source = look(tmp_path / "film.mp4", lambda: None)
    assert source.picture is not None
    assert source.picture.varies
    made, out = rendered(tmp_path / "film.mp4", tmp_path / "work", around(claps), Spec())
    assert_in_sync(tmp_path / "film.mp4", made, out, claps, 0.034)


def test_pictures_follow_each_other_over_the_borders_of_strands(tmp_path: Path) -> None:
    claps = film(tmp_path / "film.mp4", seconds=36.0, every=EVERY)
    made, out = rendered(tmp_path / "film.mp4", tmp_path / "work", [Span(0.0, 35.0)], Spec())
    assert len(list((tmp_path / "work" / "work").glob("*.group.0000.*.mp4"))) == 4
    assert made.media.picture is not None
    assert made.media.picture.frames == 35 * 25
    assert_in_sync(tmp_path / "film.mp4", made, out, [at for at in claps if at < 35.0])
