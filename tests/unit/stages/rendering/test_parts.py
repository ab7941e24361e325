"""Several media become one: like ones copied, unlike ones made alike first; all in sync to the end."""

from pathlib import Path

import pytest

from core.stages.rendering.media import Media, look
from core.stages.rendering.parts import alike, merge, merge_spec, normalise, part_key, shown_s, suffix_for
from core.stages.rendering.spec import Spec
from tests.support.attempt import FolderAttempt
from tests.support.claps import clicks, film, flashes
from tests.support.media_files import ffmpeg, media_file, mp4

SYNC_S = 0.02
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-c:a", "aac")


def seen(path: Path) -> Media:
    return look(path, lambda: None)


def merged(parts: list[Media], folder: Path) -> Media:
    folder.mkdir(exist_ok=True)
    return merge(parts, folder / f"out.{suffix_for(parts)}", work=folder, check=lambda: None)


def assert_all_claps_are_there(parts: list[Media], sources: list[Path], out: Media) -> None:
    """Every flash and click of every source, at its place after the parts before it."""
    offset, heard, shown = 0.0, [], []
    for part, path in zip(parts, sources, strict=True):
        heard += [offset + at for at in clicks(path)]
        shown += [offset + at for at in flashes(path)]
        offset += float(shown_s(part))
    assert clicks(Path(out.path)) == pytest.approx(heard, abs=SYNC_S)
    assert flashes(Path(out.path)) == pytest.approx(shown, abs=SYNC_S)


def test_like_films_are_joined_by_copying_and_stay_in_sync_to_the_last(tmp_path: Path) -> None:
    paths = [tmp_path / f"{seconds}.mp4" for seconds in (4.3, 3.7, 5.1)]
    for path in paths:
        film(path, seconds=float(path.stem), every=6, codecs=CODECS)
    sources = paths * 4
    parts = [seen(path) for path in sources]
    assert alike(parts)
    out = merged(parts, tmp_path / "merge")
    assert_all_claps_are_there(parts, sources, out)
    assert out.picture is not None
    assert out.picture.frames == sum(part.picture.frames for part in parts if part.picture is not None)
    assert not out.picture.varies
    assert len(list((tmp_path / "merge").glob("*.part"))) == 0


def test_the_same_parts_give_the_same_bytes(tmp_path: Path) -> None:
    parts = [seen(mp4())] * 3
    outs = [Path(merged(parts, tmp_path / name).path).read_bytes() for name in ("one", "two")]
    assert outs[0] == outs[1]


def test_webm_is_joined_as_webm_and_sound_alone_as_m4a(tmp_path: Path) -> None:
    codecs = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
    film(tmp_path / "film.webm", seconds=3.1, every=6, codecs=codecs)
    sources = [tmp_path / "film.webm"] * 3
    parts = [seen(path) for path in sources]
    out = merged(parts, tmp_path / "merge")
    assert out.container == "webm"
    assert_all_claps_are_there(parts, sources, out)
    sound = [seen(media_file("talk.m4a", video=False))] * 2
    assert suffix_for(sound) == "m4a"
    assert merged(sound, tmp_path / "sound").duration == pytest.approx(4.0, abs=0.05)


def test_unlike_films_are_made_alike_each_by_itself(tmp_path: Path) -> None:
    sources = [tmp_path / "a.mp4", tmp_path / "b.webm", tmp_path / "c.mkv"]
    film(sources[0], seconds=3.3, every=6, codecs=CODECS)
    small = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
    film(sources[1], seconds=2.7, every=6, codecs=small, size="90x160")
    film(sources[2], seconds=3.1, every=10, codecs=CODECS, fps="50", sample_rate=32_000)
    media = [seen(path) for path in sources]
    assert not alike(media)
    spec = merge_spec(media)
    assert (spec.width, spec.height, spec.fps) == (160, 90, "25/1")
    parts = [
        normalise(one, spec, attempt=FolderAttempt(tmp_path / str(n)), out=tmp_path / f"part{n}.mp4").media
        for n, one in enumerate(media)
    ]
    assert alike(parts)
    out = merged(parts, tmp_path / "it's a folder")
    offset, heard = 0.0, []
    for part, path in zip(parts, sources, strict=True):
        heard += [offset + at for at in clicks(path)]
        offset += float(shown_s(part))
    assert clicks(Path(out.path)) == pytest.approx(heard, abs=SYNC_S)
    assert out.picture is not None
    assert out.sound is not None
    assert (out.picture.width, out.picture.height, out.sound.codec) == (160, 90, "aac")
    # A flash fills a part of the upright picture only, but the other two are whole.
    assert flashes(Path(out.path))[0] == pytest.approx(flashes(sources[0])[0], abs=SYNC_S)


def test_silence_and_a_black_picture_stand_in_for_what_is_missing(tmp_path: Path) -> None:
    media = [
        seen(media_file("talk.m4a", video=False)),
        seen(media_file("mute.mp4", audio=False)),
        seen(mp4(size="160x90")),
    ]
    spec = merge_spec(media)
    assert (spec.width, spec.height) == (320, 180)
    parts = [
        normalise(one, spec, attempt=FolderAttempt(tmp_path / str(n)), out=tmp_path / f"part{n}.mp4").media
        for n, one in enumerate(media)
    ]
    out = merged(parts, tmp_path / "merge")
    assert out.duration == pytest.approx(6.0, abs=0.05)
    assert out.sound is not None
    assert out.sound.channels == 2


def test_unlike_files_are_refused_unless_made_alike(tmp_path: Path) -> None:
    parts = [seen(mp4()), seen(mp4(size="160x90"))]
    with pytest.raises(ValueError, match="alike"):
        merged(parts, tmp_path / "merge")


def test_films_whose_pixels_are_kept_differently_are_not_copied() -> None:
    web = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
    usual, rare = (
        seen(media_file("film.webm", size="160x90", codecs=web, options=("-pix_fmt", pixels)))
        for pixels in ("yuv420p", "yuv444p")
    )
    assert alike([usual, usual])
    assert not alike([usual, rare]), "a player that has begun with one cannot go on with the other"


def test_a_film_that_hides_its_beginning_is_not_copied(tmp_path: Path) -> None:
    film(tmp_path / "film.mp4", seconds=4.0, every=6)
    ffmpeg("-ss", "1.3", "-i", str(tmp_path / "film.mp4"), "-c", "copy", str(tmp_path / "cut.mp4"))
    assert not alike([seen(tmp_path / "cut.mp4")] * 2)


def test_a_part_is_kept_by_content_and_spec() -> None:
    keys = {part_key("aa", Spec()), part_key("ab", Spec()), part_key("aa", Spec(crf=30))}
    assert len(keys) == 3
