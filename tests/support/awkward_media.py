"""Media as people really have them: small files made by ffmpeg once a test session, each awkward in one way.

All of them have to work. A function makes its file when it is asked for; take one by name, or all from `SOUND_ONES`.
What has to be refused is in `bad_media`.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.media_files import ffmpeg, media_file, media_folder, mp4

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")
OPUS = ("-c:a", "libopus", "-b:a", "48k")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "200k")
PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds}"
TONE = "sine=frequency={hz}:sample_rate=48000:duration={seconds}"


def new_file(name: str) -> Path:
    """Where a file of this name is to be made."""
    folder = Path(media_folder().name) / "awkward"
    folder.mkdir(exist_ok=True)
    return folder / name


def _make(name: str, inputs: Sequence[str], *words: str) -> Path:
    """The file `name` of lavfi `inputs` and the options `words`."""
    path = new_file(name)
    ffmpeg(*[word for given in inputs for word in ("-f", "lavfi", "-i", given)], *words, str(path))
    return path


def _picture(seconds: float = 3.0, size: str = "320x180", rate: float = 25) -> str:
    return PICTURE.format(size=size, rate=rate, seconds=seconds)


def _tone(seconds: float = 3.0, hz: int = 440) -> str:
    return TONE.format(hz=hz, seconds=seconds)


@functools.cache
def varying_rate() -> Path:
    """3 s at 10 pictures a second and 3 s at 30, in one MP4 whose rate therefore varies."""
    graph = "[0][1]concat=n=2[v]"
    inputs = (_picture(rate=10), _picture(rate=30), _tone(6.0))
    return _make(
        "varying-rate.mp4",
        inputs,
        "-filter_complex",
        graph,
        "-map",
        "[v]",
        "-map",
        "2",
        "-fps_mode",
        "vfr",
        *X264,
        *AAC,
    )


@functools.cache
def odd_size() -> Path:
    """321x179 pixels (VP9 and Opus in WebM), which H.264 in its usual form cannot have."""
    return _make(
        "odd-size.webm", (_picture(), _tone()), "-vf", "scale=321:179,setsar=1", *VP9, "-pix_fmt", "yuv420p", *OPUS
    )


@functools.cache
def odd_size_h264() -> Path:
    """321x179 pixels of H.264 with full colour (4:4:4), which few players show."""
    return _make(
        "odd-size.mp4", (_picture(), _tone()), "-vf", "scale=321:179,setsar=1", *X264[:4], "-pix_fmt", "yuv444p", *AAC
    )


@functools.cache
def one_pixel() -> Path:
    """1x1 pixel, without loss, in Matroska; with a tone."""
    return _make("one-pixel.mkv", (_picture(size="2x2"), _tone()), "-vf", "crop=1:1:0:0:exact=1", "-c:v", "ffv1", *AAC)


@functools.cache
def rotated() -> Path:
    """As a phone writes what it was held upright for: 320x180 pixels stored, 180x320 shown."""
    lying = media_file("lying.mp4", seconds=3.0)
    path = new_file("rotated.mp4")
    ffmpeg("-display_rotation", "90", "-i", str(lying), "-c", "copy", str(path))
    return path


@functools.cache
def wide_pixels() -> Path:
    """As from a DV camera: 240x180 pixels that are shown as 320x180."""
    return _make("wide-pixels.mp4", (_picture(size="240x180"), _tone()), "-vf", "setsar=4/3", *X264, *AAC)


@functools.cache
def mono() -> Path:
    """Sound of one channel at 22,050 Hz."""
    return _make("mono.mp4", (_picture(), _tone()), *X264, *AAC, "-ac", "1", "-ar", "22050")


@functools.cache
def surround() -> Path:
    """Sound of six channels, 5.1."""
    return _make(
        "surround.mp4", (_picture(), _tone()), "-af", "pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0", *X264, *AAC
    )


@functools.cache
def no_sound() -> Path:
    """Picture alone."""
    return _make("no-sound.mp4", (_picture(),), *X264)


@functools.cache
def sound_only() -> Path:
    """Sound alone, as M4A."""
    return _make("sound-only.m4a", (_tone(),), *AAC)


@functools.cache
def sound_with_cover() -> Path:
    """A song with a picture on it: a stream of video that is no video."""
    cover = media_file("cover.png", seconds=0.04, audio=False, size="64x64", codecs=("-c:v", "png", "-frames:v", "1"))
    path = new_file("cover.m4a")
    both = ("-i", str(sound_only()), "-i", str(cover), "-map", "0", "-map", "1", "-c", "copy")
    ffmpeg(*both, "-disposition:v:0", "attached_pic", str(path))
    return path


def _shifted(name: str, *, picture_s: float, sound_s: float) -> Path:
    """Matroska whose picture and sound begin at these times."""
    path = new_file(name)
    video = _make(f"{name}.video.mkv", (_picture(),), *X264)
    sound = _make(f"{name}.sound.mkv", (_tone(),), "-c:a", "libopus")
    inputs = ("-itsoffset", str(picture_s), "-i", str(video), "-itsoffset", str(sound_s), "-i", str(sound))
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", "-copyts", "-avoid_negative_ts", "disabled", str(path))
    return path


@functools.cache
def late_sound() -> Path:
    """The sound begins 1.2 s after the picture."""
    return _shifted("late-sound.mkv", picture_s=0.0, sound_s=1.2)


@functools.cache
def late_picture() -> Path:
    """The picture begins 0.8 s after the sound."""
    return _shifted("late-picture.mkv", picture_s=0.8, sound_s=0.0)


@functools.cache
def late_start() -> Path:
    """Picture and sound both begin 10 s into the file's own time, as in what was cut from a broadcast."""
    path = new_file("late-start.ts")
    ffmpeg("-i", str(media_file("plain.mp4", seconds=3.0)), "-c", "copy", "-output_ts_offset", "10", str(path))
    return path


@functools.cache
def negative_start() -> Path:
    """An MP4 that was cut without coding it again: its first second is there and must not be shown (an edit list)."""
    path = new_file("negative-start.mp4")
    whole = _make("long-gop.mp4", (_picture(5.0), _tone(5.0)), *X264, "-g", "250", *AAC)
    ffmpeg("-ss", "1.0", "-i", str(whole), "-c", "copy", str(path))
    return path


@functools.cache
def thousand_fps() -> Path:
    """1000 pictures a second for half a second."""
    return _make("thousand-fps.mp4", (_picture(0.5, size="64x64", rate=1000), _tone(0.5)), *X264, *AAC)


@functools.cache
def one_frame() -> Path:
    """0.04 s: a single picture and as much sound."""
    return _make("one-frame.mp4", (_picture(0.04), _tone(0.04)), *X264, *AAC)


@functools.cache
def two_sounds() -> Path:
    """Two tracks of sound, the second marked as the one to be heard; and one of subtitles."""
    lines = new_file("two-sounds.srt")
    lines.write_text("1\n00:00:00,500 --> 00:00:02,000\nHello there.\n")
    path = new_file("two-sounds.mkv")
    inputs = ("-f", "lavfi", "-i", _picture(), "-f", "lavfi", "-i", _tone(hz=300), "-f", "lavfi", "-i", _tone(hz=900))
    maps = ("-i", str(lines), "-map", "0", "-map", "1", "-map", "2", "-map", "3")
    ffmpeg(*inputs, *maps, *X264, *AAC, "-disposition:a:0", "0", "-disposition:a:1", "default", str(path))
    return path


@functools.cache
def many_chapters() -> Path:
    """10,000 chapters in 3 seconds."""
    told = new_file("chapters.txt")
    step = 3000 / 10_000
    lines = [
        f"[CHAPTER]\nTIMEBASE=1/10000\nSTART={int(n * step)}\nEND={int((n + 1) * step)}\ntitle=c{n}"
        for n in range(10_000)
    ]
    told.write_text("\n".join([";FFMETADATA1", *lines]) + "\n")
    path = new_file("many-chapters.mkv")
    ffmpeg(
        "-i", str(media_file("plain.mp4", seconds=3.0)), "-i", str(told), "-map_metadata", "1", "-c", "copy", str(path)
    )
    return path


@functools.cache
def wild_tags() -> Path:
    """Tags with HTML, escape sequences, a formula, and a comment of a megabyte."""
    told = new_file("tags.txt")
    titles = "title=<script>alert(1)</script>\nartist=\x1b[31m\x1b]0;owned\x07\nalbum=\\=cmd|' /C calc'!A0\n"
    told.write_text(f";FFMETADATA1\n{titles}comment={'x' * 1_000_000}\n")
    path = new_file("wild-tags.mp4")
    ffmpeg(
        "-i", str(media_file("plain.mp4", seconds=3.0)), "-i", str(told), "-map_metadata", "1", "-c", "copy", str(path)
    )
    return path


@functools.cache
def flipped_bytes(every: int = 100) -> Path:
    """An MP4 in whose picture and sound every so many bytes one is wrong; its headers are whole."""
    path = new_file(f"flipped-{every}.mp4")
    damaged = bytearray(mp4(seconds=4.0, noise=True).read_bytes())
    for at in range(200_000, len(damaged), every):
        damaged[at] ^= 0xFF
    path.write_bytes(damaged)
    return path


SOUND_ONES: dict[str, Callable[[], Path]] = {
    one.__name__: one
    for one in (
        varying_rate,
        odd_size,
        odd_size_h264,
        one_pixel,
        rotated,
        wide_pixels,
        mono,
        surround,
        no_sound,
        sound_only,
        sound_with_cover,
        late_sound,
        late_picture,
        late_start,
        negative_start,
        thousand_fps,
        one_frame,
        two_sounds,
        many_chapters,
        wild_tags,
    )
}
