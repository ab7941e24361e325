"""Cutting and merging media: how fast beside a plain re-encode, how exact, and what a kill costs.

    python -m bench.cutting [talk] [--minutes 10]   a 720p talk without its 108 pauses, beside re-encoding all of it
    python -m bench.cutting many                   1,500 cuts beside 150: time per cut
    python -m bench.cutting merge [--minutes 10]   ten like files made one, beside re-encoding them
    python -m bench.cutting kills [--kills 20]     kill -9 at any moment: what is made twice, is every byte the same?

Goals: 0.8 times the re-encode with the same encoder settings, duration within 0.1 s, sound and picture within 20 ms;
1.2 times per cut; 100 times faster; one unit a kill. The talk has a still slide, a moving speaker with noise, and a clap
(flash and click) in each of its spoken passages, by which sync is measured.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import mean
from time import perf_counter

import imageio_ffmpeg

from core.domain.cuts import CutList, Span
from core.stages.rendering.groups import Rendered, render
from core.stages.rendering.media import look
from core.stages.rendering.parts import merge
from core.stages.rendering.spec import Spec
from tests.support.attempt import FolderAttempt
from tests.support.claps import clicks, flashes
from tests.support.rendering_kills import Rendering

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
GOAL_RATIO, GOAL_LENGTH_S, GOAL_SYNC_S, GOAL_PER_CUT, GOAL_MERGE = 0.8, 0.1, 0.02, 1.2, 100.0
FPS = 30
PAUSES_A_MINUTE = 10.8
# Of ten minutes about a third is silent, as in the measured talk of the design (19 of 60 seconds).
PAUSE_S = (0.8, 2.8)
SPEC = Spec()


def main() -> int:
    """Print the figures; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="talk", choices=("talk", "many", "merge", "kills"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kills", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-cutting-") as name:
        folder = Path(name)
        if given.what == "talk":
            met = talk(folder, given.minutes)
        elif given.what == "many":
            met = many(folder)
        elif given.what == "merge":
            met = merging(folder, given.minutes)
        else:
            met = kills(folder, given.kills)
    print("goals met" if met else "A GOAL WAS MISSED")
    return 0 if met else 1


def talk(folder: Path, minutes: float) -> bool:
    """Silence removal of a talk, beside a plain re-encode of it."""
    seconds = minutes * 60
    spoken = passages(seconds, round(minutes * PAUSES_A_MINUTE), Random(7))
    source = filmed(folder / "talk.mp4", seconds, spoken)
    before = processor_s()
    plain_s = plain(source, folder / "plain.mp4")
    between = processor_s()
    made, out, cut_s = cut(source, spoken, folder)
    plain_cpu, cut_cpu = between - before, processor_s() - between
    kept = made.cuts.kept_s
    seen, heard = flashes(out), clicks(out)
    timeline = made.cuts.timeline()
    wanted = [timeline.cut(at) for at in flashes(source)]
    apart = [abs(flash - click) for flash, click in zip(seen, heard, strict=False)]
    off = [abs(flash - at) for flash, at in zip(seen, wanted, strict=False)]
    length_s = abs(made.media.duration - kept)
    all_there = len(seen) == len(heard) == len(wanted)
    print(f"{seconds:.0f} s of 720p at {FPS} fps, {len(made.cuts.removed)} pauses, {kept / seconds:.2f} of it kept")
    print(f"plain re-encode of all      {plain_s:8.1f} s    1.00")
    print(f"without the pauses          {cut_s:8.1f} s    {cut_s / plain_s:.2f}   goal <= {GOAL_RATIO}")
    print(f"processor time              {cut_cpu:8.1f} s    {cut_cpu / plain_cpu:.2f}   (of {plain_cpu:.1f} s)")
    print(f"per second of output        {cut_s / kept / (plain_s / seconds):8.2f} times the plain re-encode")
    print(f"duration off by             {length_s:8.3f} s    goal <= {GOAL_LENGTH_S}")
    print(
        f"sound beside picture        {max(apart):8.3f} s at most, {mean(apart):.3f} s on average ({len(seen)} claps)"
    )
    print(f"picture beside its place    {max(off):8.3f} s at most    goal <= {GOAL_SYNC_S} for both")
    is_fast = cut_s <= GOAL_RATIO * plain_s
    return is_fast and all_there and length_s <= GOAL_LENGTH_S and max(*apart, *off) <= GOAL_SYNC_S


def many(folder: Path) -> bool:
    """1,500 cuts in ten times as much as 150."""
    spans = [Span(4.0 * number, 4.0 * number + 2.0) for number in range(1500)]
    short = small_film(folder / "short.mp4", 600)
    media = look(short, lambda: None)
    long = Path(merge([media] * 10, folder / "long.mp4", work=folder, check=lambda: None).path)
    few_made, _, few_s = cut(short, spans[:150], folder)
    many_made, _, many_s = cut(long, spans, folder)
    per_few, per_many = few_s / len(few_made.cuts.kept), many_s / len(many_made.cuts.kept)
    print(f"  150 cuts  {few_s:7.1f} s  {per_few * 1000:6.1f} ms a cut   1.00")
    print(
        f"1,500 cuts  {many_s:7.1f} s  {per_many * 1000:6.1f} ms a cut   {per_many / per_few:.2f}   goal <= {GOAL_PER_CUT}"
    )
    off = abs(many_made.media.duration - many_made.cuts.kept_s)
    print(f"duration of the long one off by {off:.3f} s   goal <= {GOAL_LENGTH_S}")
    return per_many <= GOAL_PER_CUT * per_few and off <= GOAL_LENGTH_S


def merging(folder: Path, minutes: float) -> bool:
    """Ten like files become one."""
    seconds = minutes * 6
    source = filmed(folder / "part.mp4", seconds, passages(seconds, 10, Random(3)))
    began = perf_counter()
    media = [look(source, lambda: None) for _ in range(10)]
    looked_s = perf_counter() - began
    began = perf_counter()
    out = merge(media, folder / "merged.mp4", work=folder, check=lambda: None)
    merged_s = perf_counter() - began
    plain_s = plain(Path(out.path), folder / "plain.mp4")
    print(f"10 files of {seconds:.0f} s, {Path(out.path).stat().st_size / 1e6:.0f} MB together")
    print(f"re-encoded   {plain_s:8.2f} s")
    print(f"merged       {merged_s:8.2f} s    {plain_s / merged_s:.0f} times faster   goal >= {GOAL_MERGE:.0f}")
    print(f"             (and {looked_s:.2f} s for looking at the parts, where that is not known yet)")
    return plain_s >= GOAL_MERGE * merged_s


def kills(folder: Path, count: int) -> bool:
    """kill -9 at random moments of one rendering after another, until it has been killed `count` times."""
    dice = Random(11)
    source = small_film(folder / "film.mp4", 120, size="640x360")
    kept = [Span(2.0 * number, 2.0 * number + 1.5) for number in range(60)]
    calm = Rendering(folder / "calm", source, kept, SPEC)
    began = perf_counter()
    undisturbed = calm.finish()
    whole_s = perf_counter() - began
    units = calm.made()
    done = again = different = rounds = 0
    while done < count:
        rounds += 1
        killed = Rendering(folder / f"killed-{rounds}", source, kept, SPEC)
        here = 0
        for _ in range(min(4, count - done)):
            until = perf_counter() + dice.uniform(0.05, 0.8) * whole_s
            here += killed.kill_when(lambda until=until: perf_counter() >= until)  # type: ignore[misc]
        if killed.finish() != undisturbed:
            different += 1
        twice = (killed.made() - units).total()
        again = max(again, twice - here)
        done += max(here, 1)
        print(f"round {rounds}: {here} kills, {twice} units made again", flush=True)
    print(f"{done} kills in {rounds} renderings of {units.total()} units: {different} with other bytes   goal 0")
    print(f"units made again beyond one a kill: {max(0, again)}   goal 0")
    return different == 0 and again <= 0


def passages(seconds: float, pauses: int, dice: Random) -> list[Span]:
    """Where somebody speaks: `pauses` pauses of lengths as people make them, spread over `seconds`."""
    lengths = [dice.uniform(*PAUSE_S) for _ in range(pauses)]
    weights = [dice.uniform(0.5, 1.5) for _ in range(pauses + 1)]
    speech = seconds - sum(lengths)
    spans, at = [], 0.0
    for number, weight in enumerate(weights):
        end = at + speech * weight / sum(weights)
        spans.append(Span(round(at, 3), round(min(end, seconds), 3)))
        at = end + (lengths[number] if number < pauses else 0.0)
    return spans


def filmed(path: Path, seconds: float, spoken: Sequence[Span]) -> Path:
    """A talk in 720p: a slide, a speaker that moves with the noise of a camera, a clap in the middle of each passage."""
    claps = [round((span.start + span.end) / 2 * FPS) for span in spoken]
    terms = _sum([f"between(n,{frame},{frame + 1})" for frame in claps])
    sound = _sum([f"between(t,{frame / FPS:.6f},{frame / FPS + 0.02:.6f})" for frame in claps])
    script = path.with_suffix(".txt")
    script.write_text(
        f"testsrc2=s=1280x720:r=1/30:d={seconds},fps={FPS},format=yuv420p[slide];"
        f"testsrc2=s=320x360:r={FPS}:d={seconds},noise=alls=4:allf=t,format=yuv420p[speaker];"
        f"[slide][speaker]overlay=900:300,drawbox=c=white:t=fill:enable='{terms}',format=yuv420p[v];"
        f"anoisesrc=d={seconds}:c=pink:a=0.02:seed=3:r=48000,volume=0:enable='not({_spoken(spoken)})'[room];"
        f"aevalsrc='0.8*sin(2*PI*2500*t)*({sound})':s=48000:d={seconds}[clap];[room][clap]amix=normalize=0[a]"
    )
    _run("-/filter_complex", str(script), "-map", "[v]", "-map", "[a]", "-c:v", "libx264", "-preset", "veryfast",
         "-g", str(FPS * 5), "-c:a", "aac", "-t", str(seconds), str(path))  # fmt: skip
    return path


def _spoken(spans: Sequence[Span]) -> str:
    return _sum([f"between(t,{span.start},{span.end})" for span in spans])


def _sum(terms: Sequence[str]) -> str:
    """The terms added up in pairs: ffmpeg gives up an expression in which a hundred follow each other."""
    if len(terms) <= 2:
        return "+".join(terms)
    middle = len(terms) // 2
    return f"({_sum(terms[:middle])})+({_sum(terms[middle:])})"


def small_film(path: Path, seconds: float, size: str = "160x90") -> Path:
    """A test picture with a tone."""
    _run("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={seconds}", "-f", "lavfi", "-i", f"sine=d={seconds}",
         "-c:v", "libx264", "-preset", "ultrafast", "-g", "125", "-c:a", "aac", str(path))  # fmt: skip
    return path


def processor_s() -> float:
    """The processor time of all children so far: what a machine with other work to do cannot spoil."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def plain(source: Path, target: Path) -> float:
    """Seconds a re-encode of all of `source` takes with our quality, and as many threads as ffmpeg finds best."""
    began = perf_counter()
    _run("-i", str(source), "-c:v", "libx264", "-preset", SPEC.preset, "-crf", str(SPEC.crf), "-g", str(FPS * 5),
         "-c:a", "aac", "-b:a", f"{SPEC.audio_kbps}k", "-movflags", "+faststart", str(target))  # fmt: skip
    return perf_counter() - began


def cut(source: Path, kept: Sequence[Span], folder: Path) -> tuple[Rendered, Path, float]:
    """Render what is `kept` of `source`, looked at and verified as by the stage; what came out, where, and the seconds it took."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        attempt = FolderAttempt(Path(name))
        out = folder / f"cut-{source.stem}.mp4"
        began = perf_counter()
        media = look(source, attempt.check)
        made = render(media, CutList.keeping(media.duration, kept).kept, SPEC, attempt=attempt, out=out, decode="keys")
        return made, out, perf_counter() - began


def _run(*words: str) -> None:
    subprocess.run([FFMPEG, "-y", "-nostdin", "-v", "error", *words], check=True)


if __name__ == "__main__":
    sys.exit(main())
