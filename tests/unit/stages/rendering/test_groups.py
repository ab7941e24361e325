"""Rendering in groups that survive a kill."""

from pathlib import Path

import pytest

from core.domain.cuts import Span
from core.domain.errors import ErrorClass, StageError, Stop
from core.stages.rendering import sounds
from core.stages.rendering.groups import Rendered, render, scratch_bytes
from core.stages.rendering.media import Media, look
from core.stages.rendering.plan import make_plan
from core.stages.rendering.spec import Spec, export_spec
from tests.support import awkward_media
from tests.support.attempt import FolderAttempt, Killed
from tests.support.media_files import media_file, mp4

SPEC = Spec(preset="ultrafast")
# 70 cuts of a talk of 20 s: two groups, the sound with the first.
MANY = [Span(number * 0.28, number * 0.28 + 0.17) for number in range(70)]


def talk() -> Media:
    return look(mp4(seconds=20.0), lambda: None)


def made(folder: Path, media: Media, kept: list[Span], spec: Spec = SPEC) -> tuple[Rendered, bytes, FolderAttempt]:
    attempt = FolderAttempt(folder)
    out = attempt.out / f"out.{spec.suffix}"
    rendered = render(media, kept, spec, attempt=attempt, out=out)
    return rendered, out.read_bytes(), attempt


def test_what_is_kept_is_all_there_is(tmp_path: Path) -> None:
    rendered, _, attempt = made(tmp_path, talk(), MANY)
    assert rendered.media.picture is not None
    assert rendered.media.picture.frames == round(rendered.cuts.kept_s * 25)
    assert rendered.media.duration == pytest.approx(rendered.cuts.kept_s, abs=0.03)
    assert all(
        cut.start <= span.start and cut.end >= span.end for cut, span in zip(rendered.cuts.kept, MANY, strict=True)
    )
    assert (rendered.done, rendered.reused, rendered.complaints) == (70.0, 0.0, 0)
    assert attempt.units.added == [0, 1]
    shares = [done / total for done, total, _ in attempt.reports if total]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize("after", [1, 2])
def test_a_kill_after_any_unit_costs_nothing_and_changes_no_byte(after: int, tmp_path: Path) -> None:
    _, undisturbed, _ = made(tmp_path / "calm", talk(), MANY)
    killed = FolderAttempt(tmp_path / "killed")
    killed.units.die_after = after
    with pytest.raises(Killed):
        render(talk(), MANY, SPEC, attempt=killed, out=killed.out / "out.mp4")
    assert not (killed.out / "out.mp4").exists()
    rendered, again, attempt = made(tmp_path / "killed", talk(), MANY)
    assert again == undisturbed
    assert attempt.units.begun == [0, 1][after:]
    assert rendered.done + rendered.reused == 70.0


def test_a_unit_whose_file_is_gone_is_made_again(tmp_path: Path) -> None:
    _, first, attempt = made(tmp_path, talk(), MANY)
    next(attempt.work.glob("*.group.0001.0.mp4")).unlink()
    _, second, again = made(tmp_path, talk(), MANY)
    assert again.units.begun == [1]
    assert first == second


def test_other_cuts_in_the_same_folder_find_nothing_done(tmp_path: Path) -> None:
    made(tmp_path, talk(), MANY)
    rendered, _, attempt = made(tmp_path, talk(), MANY[:10])
    assert rendered.reused == 0.0
    assert attempt.units.added == [2]
    assert made(tmp_path, talk(), MANY[:10])[2].units.begun == []


def test_a_stop_is_heard_in_the_middle_of_a_unit(tmp_path: Path) -> None:
    attempt = FolderAttempt(tmp_path)
    attempt.stop.set()
    with pytest.raises(Stop):
        render(talk(), MANY, SPEC, attempt=attempt, out=attempt.out / "out.mp4")


def test_overlapping_and_endless_spans_are_made_sane_and_nothing_at_all_is_refused(tmp_path: Path) -> None:
    wild = [Span(1.0, 1.5), Span(-3.0, 0.5), Span(1.2, 1.9), Span(1.9, 1.9), Span(19.5, 400.0)]
    rendered, _, _ = made(tmp_path, talk(), wild)
    assert rendered.cuts.kept == (Span(0.0, 0.52), Span(1.0, 1.92), Span(19.48, 20.0))
    with pytest.raises(ValueError, match="nothing is kept"):
        made(tmp_path / "none", talk(), [Span(30.0, 40.0)])


def test_a_sound_without_a_picture_is_cut_too(tmp_path: Path) -> None:
    media = look(media_file("talk.mp3", seconds=5.0, video=False, codecs=("-c:a", "libmp3lame")), lambda: None)
    rendered, _, _ = made(tmp_path, media, [Span(0.5, 1.25), Span(3.0, 4.5)])
    assert rendered.media.picture is None
    assert rendered.media.duration == pytest.approx(2.25, abs=0.03)


def test_a_picture_that_ends_before_its_sound_stands_still(tmp_path: Path) -> None:
    longer = ("-f", "lavfi", "-i", "sine=frequency=300:duration=6", "-map", "0:v", "-map", "1:a")
    media = look(media_file("short.mp4", seconds=2.0, audio=False, codecs=longer), lambda: None)
    rendered, _, _ = made(tmp_path, media, [Span(0.0, 0.5), Span(4.0, 6.0)])
    assert rendered.media.picture is not None
    assert rendered.media.picture.frames == round(rendered.cuts.kept_s * 25) == 63


@pytest.mark.parametrize("name", awkward_media.SOUND_ONES)
@pytest.mark.parametrize("spec", [SPEC, export_spec("webm", "720p")], ids=["mp4", "webm"])
def test_every_awkward_file_can_be_cut(name: str, spec: Spec, tmp_path: Path) -> None:
    media = look(awkward_media.SOUND_ONES[name](), lambda: None)
    kept = [Span(0.0, media.duration * 0.3), Span(media.duration * 0.5, media.duration)]
    rendered, _, _ = made(tmp_path, media, kept, spec)
    assert rendered.media.duration == pytest.approx(rendered.cuts.kept_s, abs=0.03)
    assert (rendered.media.sound is None, rendered.media.picture is None) == (
        media.sound is None,
        media.picture is None,
    )
    if media.sound is not None and rendered.media.sound is not None:
        assert rendered.media.sound.channels == media.sound.channels
    if media.picture is not None and rendered.media.picture is not None:
        upright = media.picture.height > media.picture.width
        assert (rendered.media.picture.height > rendered.media.picture.width) == upright
        assert (rendered.media.picture.rotation, rendered.media.picture.varies) == (0, False)


def test_a_file_that_is_damaged_throughout_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(StageError) as caught:
        made(tmp_path, look(awkward_media.flipped_bytes(), lambda: None), [Span(0.0, 4.0)])
    assert caught.value.error_class is ErrorClass.NOT_MEDIA
    assert "damaged" in caught.value.message


def test_who_watches_sees_it_come_on_while_it_is_checked(tmp_path: Path) -> None:
    _, _, attempt = made(tmp_path, talk(), MANY)
    notes = [note for _, _, note in attempt.reports]
    shares = {note: done / total for done, total, note in attempt.reports if total}
    assert shares["joining"] < 1.0, "what is checked for half an hour is not ready"
    assert notes.index("joining") < notes.index("checking")
    assert shares["checking"] == 1.0


@pytest.mark.parametrize("died", [StageError(ErrorClass.DISK_FULL, "The disk is full."), Stop()])
def test_the_samples_of_an_attempt_that_ends_take_no_room(
    died: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise died

    monkeypatch.setattr(sounds, "encode", die)
    attempt = FolderAttempt(tmp_path)
    with pytest.raises(type(died)):
        render(talk(), MANY, SPEC, attempt=attempt, out=attempt.out / "out.mp4")
    assert list(attempt.work.glob("*.pcm")) == []


def test_only_so_much_sound_is_unpacked_as_a_clip_needs(tmp_path: Path) -> None:
    media, kept = talk(), [Span(12.0, 13.0), Span(14.0, 15.0)]
    assert media.sound is not None
    plan, pcm = make_plan(media, kept, SPEC), sounds.pcm_for(media.sound, SPEC)
    whole, part, cut = tmp_path / "whole", tmp_path / "part", tmp_path / "cut"
    all_of_it = make_plan(media, [Span(0.0, media.duration)], SPEC)
    sounds.lay_out(media, media.sound, all_of_it, pcm, whole, check=lambda: None, log=print)
    sounds.lay_out(media, media.sound, plan, pcm, part, check=lambda: None, log=print)
    second = pcm.rate * pcm.frame_bytes
    assert part.stat().st_size == 3 * second
    assert part.read_bytes() == whole.read_bytes()[12 * second : 15 * second], "to the sample where it was"
    sounds.cut(plan, pcm, part, cut, lambda: None)
    assert cut.stat().st_size == 2 * second
    assert scratch_bytes(media, kept, SPEC) == 5 * second


def test_the_sound_of_a_whole_film_lies_there_once(tmp_path: Path) -> None:
    media = talk()
    assert media.sound is not None
    kept = [Span(0.0, media.duration)]
    plan, pcm = make_plan(media, kept, SPEC), sounds.pcm_for(media.sound, SPEC)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    sounds.lay_out(media, media.sound, plan, pcm, whole, check=lambda: None, log=print)
    sounds.cut(plan, pcm, whole, cut, lambda: None)
    assert not whole.exists()
    assert cut.stat().st_size == scratch_bytes(media, kept, SPEC) == plan.seconds * pcm.rate * pcm.frame_bytes


@pytest.mark.parametrize("cores", [{0}, set(range(16))])
def test_the_bytes_do_not_depend_on_how_many_strands_are_drawn_at_once(
    cores: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [Span(number * 0.9, number * 0.9 + 0.8) for number in range(21)]
    _, first, attempt = made(tmp_path / "first", talk(), kept)
    assert len(list(attempt.work.glob("*.group.0000.*.mp4"))) == 2
    monkeypatch.setattr("os.sched_getaffinity", lambda _: cores)
    assert made(tmp_path / "second", talk(), kept)[1] == first
