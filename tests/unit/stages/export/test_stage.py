"""The export stage: every awkward medium becomes a file that lasts as long and has what the medium had."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.domain.errors import ErrorClass, StageError, Stop
from core.domain.settings import Settings
from core.stages.export import ExportStage, stage
from core.stages.rendering.media import look
from tests.support import awkward_media
from tests.support.attempt import Killed
from tests.support.awkward_media import SOUND_ONES, flipped_bytes
from tests.support.media_files import media_file, mp4
from tests.unit.stages.export.conftest import Begin, export

WEB = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")


@pytest.mark.parametrize("make", SOUND_ONES.values(), ids=SOUND_ONES)
def test_every_awkward_medium_becomes_an_mp4_of_its_length_and_streams(begin: Begin, make: Callable[[], Path]) -> None:
    before = look(make(), lambda: None)
    after, made = export(begin(make()))
    assert after.duration == pytest.approx(before.duration, abs=0.1)
    assert (after.picture is None, after.sound is None) == (before.picture is None, before.sound is None)
    assert made.facts["media"] == ("export.mp4" if before.picture is not None else "export.m4a")
    if after.picture is not None and before.picture is not None:
        assert after.picture.codec == "h264"
        assert abs(after.picture.width - before.picture.width) <= 1
        assert abs(after.picture.height - before.picture.height) <= 1
        assert after.picture.start == pytest.approx(before.picture.start, abs=0.05)
    if after.sound is not None and before.sound is not None:
        assert after.sound.codec == "aac"
        assert after.sound.channels == before.sound.channels
        assert after.sound.start == pytest.approx(before.sound.start, abs=0.05)


@pytest.mark.parametrize("make", [awkward_media.rotated, awkward_media.late_picture, awkward_media.surround])
def test_what_webm_does_not_take_is_coded_and_keeps_its_length(begin: Begin, make: Callable[[], Path]) -> None:
    before = look(make(), lambda: None)
    after, made = export(begin(make(), export_format="webm"))
    assert after.picture is not None
    assert after.sound is not None
    assert (after.picture.codec, after.sound.codec, made.facts["media"]) == ("vp9", "opus", "export.webm")
    assert after.duration == pytest.approx(before.duration, abs=0.1)
    assert not made.facts["copied"]


def test_what_suits_is_copied_bit_by_bit_and_loses_its_tags(begin: Begin) -> None:
    attempt = begin(awkward_media.wild_tags())
    after, made = export(attempt)
    assert made.facts["copied"]
    assert made.work is not None
    assert (made.work.unit, made.work.done, made.work.reused) == ("audio_s", 3.0, 0)
    body = Path(after.path).read_bytes()
    assert b"<script>" not in body
    assert b"xxxxxxxx" not in body
    assert body.index(b"moov") < body.index(b"mdat"), "playing can begin before all of it is there"


def test_picture_and_sound_of_a_mkv_go_into_an_mp4_as_they_are(begin: Begin) -> None:
    _, made = export(begin(awkward_media.two_sounds()))
    assert made.facts["copied"]
    assert "Nothing is coded anew" in made.facts["why"]


def test_only_the_sound_is_coded_where_only_the_sound_does_not_suit(begin: Begin) -> None:
    after, made = export(begin(awkward_media.late_sound()))
    assert after.picture is not None
    assert after.picture.frames == 75
    assert (made.facts["copied"], "The picture stays as it is" in made.facts["why"]) == (False, True)


@pytest.mark.parametrize(
    ("size", "quality", "upscale", "becomes"),
    [
        ("1600x900", "720p", False, (1280, 720)),
        ("320x180", "720p", True, (1280, 720)),
        ("320x180", "4K", False, (320, 180)),
    ],
)
def test_it_is_as_large_as_asked_for_and_never_enlarged_unasked(
    begin: Begin, size: str, quality: str, upscale: bool, becomes: tuple[int, int]
) -> None:
    film = media_file("sized.mp4", seconds=1.0, size=size)
    after, made = export(begin(film, export_quality=quality, export_upscale=upscale))
    assert after.picture is not None
    assert (after.picture.width, after.picture.height) == becomes
    assert (made.facts["width"], made.facts["height"]) == becomes


def test_a_standing_picture_gets_a_standing_frame(begin: Begin) -> None:
    film = media_file("standing.mp4", seconds=1.0, size="900x1600")
    after, _ = export(begin(film, export_quality="720p"))
    assert after.picture is not None
    assert (after.picture.width, after.picture.height) == (720, 1280)


def test_without_its_silence_it_is_what_is_exported(begin: Begin) -> None:
    cut = media_file("silence_removed.mp4", seconds=1.0)
    after, _ = export(begin(mp4(seconds=4.0), cut=cut))
    assert after.duration == pytest.approx(1.0, abs=0.1)


def test_a_film_with_some_damage_is_coded_anew_and_says_how_much(begin: Begin) -> None:
    attempt = begin(flipped_bytes(20_000))
    after, made = export(attempt)
    assert after.duration == pytest.approx(4.0, abs=0.1)
    assert not made.facts["copied"]
    assert made.facts["complaints"] > 0
    assert any("does not decode cleanly" in line for line in attempt.lines)
    assert any("damaged" in line for line in attempt.lines)


def test_a_film_that_is_nothing_but_damage_is_no_export(begin: Begin) -> None:
    attempt = begin(flipped_bytes())
    with pytest.raises(StageError, match="damaged") as refused:
        ExportStage().run(attempt)
    assert refused.value.error_class == ErrorClass.NOT_MEDIA
    assert list(attempt.out.iterdir()) == []


@pytest.mark.parametrize("quality", ["1080p", "720p"])
def test_the_same_video_gives_the_same_bytes(begin: Begin, tmp_path: Path, quality: str) -> None:
    film = media_file("large.mp4", seconds=1.0, size="1600x900")
    first = begin(film, export_quality=quality)
    export(first)
    body = (first.out / "export.mp4").read_bytes()
    (tmp_path / "run").rename(tmp_path / "before")
    second = begin(film, export_quality=quality)
    export(second)
    assert (second.out / "export.mp4").read_bytes() == body


def test_a_kill_between_units_costs_none_and_changes_no_byte(begin: Begin, tmp_path: Path) -> None:
    film = media_file("web.webm", seconds=2.0, codecs=WEB)
    undisturbed = begin(film)
    export(undisturbed)
    body = (undisturbed.out / "export.mp4").read_bytes()
    (tmp_path / "run").rename(tmp_path / "undisturbed")
    killed = begin(film)
    killed.units.die_after = 1
    with pytest.raises(Killed):
        ExportStage().run(killed)
    assert list(killed.out.iterdir()) == []
    again = begin(film)
    _, made = export(again)
    assert (again.out / "export.mp4").read_bytes() == body
    assert len(killed.units.added) + len(again.units.added) == len(undisturbed.units.added)
    assert made.work is not None
    assert made.work.done <= 2.1


def test_a_stop_publishes_nothing(begin: Begin) -> None:
    attempt = begin(mp4(seconds=4.0))
    attempt.stop.set()
    with pytest.raises(Stop):
        ExportStage().run(attempt)
    assert list(attempt.out.iterdir()) == []


def test_no_room_is_said_before_anything_is_written(begin: Begin) -> None:
    attempt = begin(mp4())
    with pytest.raises(StageError) as refused:
        ExportStage(free_space_bytes=2**60).run(attempt)
    assert refused.value.error_class == ErrorClass.DISK_FULL
    assert list(attempt.work.iterdir()) == []


def test_what_is_half_made_makes_room_on_a_full_disk_and_units_stay(begin: Begin, tmp_path: Path) -> None:
    film = media_file("web.webm", seconds=2.0, codecs=WEB)
    killed = begin(film)
    killed.units.die_after = 1
    with pytest.raises(Killed):
        ExportStage().run(killed)
    whole = {path.name for path in killed.work.iterdir()}
    (killed.work / "half.group.0000.mp4.part").write_bytes(b"x" * 1000)
    with pytest.raises(StageError):
        ExportStage(free_space_bytes=2**60).run(begin(film))
    assert {path.name for path in killed.work.iterdir()} == whole


def test_a_video_that_is_gone_is_told_as_lost(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(StageError) as refused:
        ExportStage().run(begin(tmp_path / "gone.mp4"))
    assert refused.value.error_class == ErrorClass.INPUT_LOST


def test_only_what_changes_the_file_is_in_its_key(begin: Begin) -> None:
    stage = ExportStage()
    usual = stage.params(begin(mp4()).job)
    assert stage.params(begin(mp4(), export_format="webm").job) != usual
    assert stage.params(begin(mp4(), export_upscale=True).job) != usual
    assert stage.params(begin(mp4(), language="de").job) == usual
    assert stage.wanted(Settings(export=True))
    assert not stage.wanted(Settings())


def test_progress_goes_on_to_the_end(begin: Begin) -> None:
    attempt = begin(media_file("web.webm", seconds=2.0, codecs=WEB))
    export(attempt)
    shares = [done / total for done, total, _ in attempt.reports if total]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_samples_that_lie_there_while_it_is_coded_have_to_fit_too(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = mp4(seconds=4.0)
    coded = round(4.0 * stage.CODED_BYTES_PER_S)
    monkeypatch.setattr(stage, "free_bytes", lambda folder: coded + 100_000)
    with pytest.raises(StageError) as refused:
        ExportStage().run(begin(film, export_format="webm"))
    assert refused.value.error_class == ErrorClass.DISK_FULL
