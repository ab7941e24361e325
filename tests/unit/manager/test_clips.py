"""Clips are rendered for who asks, once, and hold what was asked for."""

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.batch import Pause
from core.domain.errors import NotFound, Refused, RepriseError, Stop, StorageError
from core.domain.highlights import Highlight, Highlights, cut_list, highlight_id
from core.domain.levels import decibels
from core.domain.quotes import Quote
from core.domain.run import RunRecord
from core.domain.states import Phase
from core.manager.clips import MOST_WAITING, Clips
from core.stages.rendering.media import Media, look
from core.stages.sound.levels import measure_levels
from core.store.artifacts import Receipt
from tests.support.exporting import Shop
from tests.support.media_files import media_file
from tests.support.storage import a_run
from tests.support.waiting import until

SECONDS = 12.0
LOUD = (4.0, 6.0)
# A tone that is loud from 4 to 6 s only.
SOUND = ("-af", f"volume='if(between(t,{LOUD[0]},{LOUD[1]}),1,0.01)':eval=frame")


def never() -> None:
    pass


def video() -> Path:
    return media_file("clip-source.mp4", seconds=SECONDS, size="160x90", options=SOUND)


def a_highlight(start: float, end: float) -> Highlight:
    return Highlight(
        highlight_id=highlight_id("aa", start, end),
        start=start,
        end=end,
        text="said",
        segment_ids=(0,),
        score=0.5,
        reason="so",
        status="verified",
        source="extractive",
    )


FOUND = (a_highlight(4.5, 5.5), a_highlight(8.0, 9.0))
QUOTE = Quote(
    quote_id="q_" + "1" * 20,
    text="said",
    start=1.0,
    end=2.0,
    segment_ids=(0,),
    status="verified",
    score=1.0,
    why="",
    source="llm",
)


class Stall:
    """A run with a video, two highlights and a quote, and who makes clips of it."""

    def __init__(self, folder: Path, source: Path | None = None, **facts: Any) -> None:
        self.shop = Shop(folder)
        source = source or video()
        facts = {"media": "media.mp4", "has_video": True, "duration": SECONDS, "id": "abc"} | facts
        self.run: RunRecord = self.shop.video("River / talk", source.read_bytes(), name=str(facts["media"]), **facts)
        found = Highlights(highlights=FOUND, cuts=cut_list(FOUND, SECONDS))
        stages = self.run.stages | {
            "detect_highlights": self.shop.publish(
                "detect_highlights", {"highlights.json": msgspec.json.encode(found)}
            ),
            "quotes": self.shop.publish("quotes", {"quotes.json": msgspec.json.encode({"quotes": [QUOTE]})}),
        }
        self.shop.change_run(self.run, stages=stages)
        self.clips = self.anew()

    def anew(self, free_space_bytes: int = 0) -> Clips:
        """The clips of another process."""
        shop = self.shop
        return Clips(shop.index, shop.layout, shop.artifacts, shop.clock, free_space_bytes)

    def make(self, wanted: str) -> Path:
        return self.clips.make(self.clips.order(self.run.run_id, wanted))


@pytest.fixture
def stall(tmp_path: Path) -> Stall:
    return Stall(tmp_path)


def seen(path: Path) -> Media:
    return look(path, never)


def loudest(path: Path, start: float, end: float) -> float:
    levels = measure_levels(path, check=never, log=print).loudness[round(start * 50) : round(end * 50)]
    return decibels(min(levels))


def test_a_clip_of_a_highlight_holds_its_stretch_with_a_margin(stall: Stall) -> None:
    path = stall.make("1")
    media = seen(path)
    assert media.duration == pytest.approx(1.65, abs=0.1)
    assert media.picture is not None
    assert (media.picture.width, media.picture.height) == (160, 90)
    assert loudest(path, 0.2, 1.4) > -25
    assert loudest(stall.make("2"), 0.2, 1.4) < -40


def test_a_quote_any_stretch_and_a_reel_can_be_had_too(stall: Stall) -> None:
    assert seen(stall.make("q1")).duration == pytest.approx(1.65, abs=0.1)
    assert seen(stall.make("0:03-0:06")).duration == pytest.approx(3.0, abs=0.1)
    reel = stall.make("reel")
    assert seen(reel).duration == pytest.approx(3.3, abs=0.15)
    assert loudest(reel, 0.2, 1.4) > -25
    assert loudest(reel, 1.9, 3.1) < -40


def test_a_clip_is_made_once_and_nothing_is_left_of_its_making(stall: Stall) -> None:
    path = stall.make("1")
    made_at = path.stat().st_mtime_ns
    assert stall.make("h1") == stall.make(FOUND[0].highlight_id) == path
    assert path.stat().st_mtime_ns == made_at
    assert list(stall.shop.layout.work_root.rglob("*clip*")) in ([], [stall.shop.layout.work_root / "clip"])


def test_another_stretch_is_another_clip_and_the_same_video_of_another_run_the_same(stall: Stall) -> None:
    one, other = (stall.clips.order(stall.run.run_id, wanted) for wanted in ("1", "2"))
    assert one.key != other.key
    twin = stall.shop.video("River twin", video().read_bytes(), media="media.mp4", has_video=True, duration=SECONDS)
    span = one.clip.kept.kept[0]
    assert stall.clips.order(twin.run_id, f"{span.start}-{span.end}").key == one.key


def test_a_clip_is_saved_under_the_name_of_its_video(stall: Stall) -> None:
    assert stall.clips.order(stall.run.run_id, "1").saved_name == "River \N{BIG SOLIDUS} talk [abc] - highlight 1.mp4"


def test_of_sound_alone_the_clip_is_sound(tmp_path: Path) -> None:
    sound = media_file("clip-sound.m4a", seconds=6.0, video=False)
    stall = Stall(tmp_path, sound, media="media.m4a", has_video=False, duration=6.0)
    path = stall.make("1-3")
    media = seen(path)
    assert (path.suffix, media.picture) == (".m4a", None)
    assert media.duration == pytest.approx(2.0, abs=0.1)
    assert stall.clips.order(stall.run.run_id, "1-3").saved_name.endswith(".m4a")


def test_a_stop_in_the_middle_costs_one_unit_and_the_bytes_are_those_of_an_unbroken_making(
    stall: Stall, tmp_path: Path
) -> None:
    order = stall.clips.order(stall.run.run_id, "reel")
    units = stall.shop.layout.work("clip", order.key) / "units.jsonl"

    def check() -> None:
        if units.exists() and '"unit":' in units.read_text():
            raise Stop

    with pytest.raises(Stop):
        stall.clips.make(order, check)
    assert stall.clips.made(order) is None
    assert units.read_text().count('"unit":') == 1
    resumed = stall.clips.make(order).read_bytes()
    assert resumed == Stall(tmp_path / "unbroken").make("reel").read_bytes()


def test_there_are_no_clips_before_the_video_is_there(stall: Stall) -> None:
    waiting = a_run("r_99")
    stall.shop.store.runs.create("r_99", waiting)
    stall.shop.index.load()
    with pytest.raises(Refused, match="no video yet"):
        stall.clips.order("r_99", "1-2")
    with pytest.raises(NotFound):
        stall.clips.order("r_77", "1-2")


def test_no_clip_is_made_on_a_full_disk(stall: Stall) -> None:
    clips = stall.anew(free_space_bytes=2**62)
    with pytest.raises(StorageError, match="full"):
        clips.make(clips.order(stall.run.run_id, "1"))


def test_who_asks_in_the_background_is_told_how_far_it_is_until_it_is_there(stall: Stall) -> None:
    order = stall.clips.order(stall.run.run_id, "1")
    first = stall.clips.ask(order)
    assert first.status == "making"
    until(lambda: stall.clips.ask(order).status == "ready")
    assert stall.clips.ask(order).path == stall.clips.made(order)


def test_what_fails_in_the_background_is_told_once_and_tried_again_when_asked_again(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(video().read_bytes()[:3000])
    stall = Stall(tmp_path, broken)
    order = stall.clips.order(stall.run.run_id, "1")
    errors: list[RepriseError] = []

    def failed() -> bool:
        asked = stall.clips.ask(order)
        if asked.error is not None:
            errors.append(asked.error)
        return asked.status == "failed"

    until(failed)
    assert errors[0].message
    assert stall.clips.ask(order).status == "making"
    until(failed)


def test_a_clip_that_was_tampered_with_is_made_again(stall: Stall) -> None:
    path = stall.make("1")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert stall.clips.made(stall.clips.order(stall.run.run_id, "1")) is None
    assert stall.make("1").read_bytes() == whole


def test_what_a_run_that_made_no_highlights_has_is_none(stall: Stall) -> None:
    plain = stall.shop.video("Plain", video().read_bytes(), media="media.mp4", has_video=True, duration=SECONDS)
    recorded = stall.clips.recorded(plain.run_id)
    assert (recorded.highlights, recorded.quotes, recorded.duration) == (None, None, SECONDS)
    assert plain.phase == Phase.COMPLETED


def test_a_clip_that_does_not_fit_beside_what_is_kept_free_is_not_begun(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.manager.clips.free_bytes", lambda folder: 1_000_000)
    with pytest.raises(StorageError):
        stall.make("0-10")


def test_a_clip_behind_the_real_end_of_a_video_is_refused_in_words(tmp_path: Path) -> None:
    longer = Stall(tmp_path, duration=SECONDS + 5)
    with pytest.raises(Refused, match=r"ends before clip 0\.14-0\.15"):
        longer.make("14-15")


def test_so_many_clips_wait_and_no_more(stall: Stall, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(Clips, "_render", lambda *_: go_on.wait() and video())
    orders = [stall.clips.order(stall.run.run_id, f"0-{number}") for number in range(1, MOST_WAITING // 2 + 1)]
    orders += [stall.clips.order(stall.run.run_id, f"0.5-{number}") for number in range(1, MOST_WAITING // 2 + 2)]
    try:
        for order in orders[:-1]:
            assert stall.clips.ask(order).status == "making"
        with pytest.raises(Refused, match="already"):
            stall.clips.ask(orders[-1])
        assert stall.clips.ask(orders[0]).status == "making", "who waits already may ask how far it is"
    finally:
        go_on.set()
    until(lambda: not any(thread.name == "clip" for thread in threading.enumerate()))


def test_who_asks_how_far_a_clip_is_has_nothing_read_anew_but_what_changed(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    verify = stall.shop.artifacts.verify

    def count(stage: str, key: str, *, deep: bool) -> Receipt | None:
        looked.append(stage)
        return verify(stage, key, deep=deep)

    monkeypatch.setattr(stall.shop.artifacts, "verify", count)
    first = stall.clips.order(stall.run.run_id, "1")
    assert looked == ["detect_highlights", "quotes"]
    assert stall.clips.order(stall.run.run_id, "1") == first
    assert len(looked) == 2
    found = Highlights(highlights=FOUND[1:], cuts=cut_list(FOUND[1:], SECONDS))
    now = stall.shop.index.run(stall.run.run_id)
    again = stall.shop.publish("detect_highlights", {"highlights.json": msgspec.json.encode(found)})
    stall.shop.change_run(now, stages=now.stages | {"detect_highlights": again})
    assert stall.clips.order(stall.run.run_id, "1").key != first.key


def pause_all(stall: Stall, *, drain: bool = False) -> None:
    """As another process does it: nobody tells the index here."""
    pause = Pause(by="ana", why="the disk is exchanged", drain=drain)
    stall.shop.store.pool.update("pool", lambda pool: msgspec.structs.replace(pool, pause=pause))


def resume_all(stall: Stall) -> None:
    stall.shop.store.pool.update("pool", lambda pool: msgspec.structs.replace(pool, pause=None))


def test_a_pause_of_everything_holds_a_clip_that_says_why_until_it_is_resumed(stall: Stall) -> None:
    pause_all(stall)
    said: list[str] = []

    def held(why: str) -> None:
        said.append(why)
        if why:
            resume_all(stall)

    path = stall.clips.make(stall.clips.order(stall.run.run_id, "1"), held=held)
    assert path.is_file()
    assert said == ['Everything is paused by ana: "the disk is exchanged".', ""]


def test_a_pause_in_the_middle_of_a_clip_costs_one_unit(stall: Stall, tmp_path: Path) -> None:
    order = stall.clips.order(stall.run.run_id, "reel")
    units = stall.shop.layout.work("clip", order.key) / "units.jsonl"
    said: list[str] = []
    done: list[int] = []

    def check() -> None:
        if not done and units.exists() and (made := units.read_text().count('"unit":')):
            done.append(made)
            pause_all(stall)

    def held(why: str) -> None:
        said.append(why)
        if why:
            assert units.read_text().count('"unit":') == done[0] == 1
            resume_all(stall)

    made = stall.clips.make(order, check, held=held).read_bytes()
    assert len(said) == 3
    assert "paused by ana" in said[1]
    assert made == Stall(tmp_path / "unbroken").make("reel").read_bytes()


def test_a_clip_that_has_begun_ends_while_everything_drains(stall: Stall) -> None:
    order = stall.clips.order(stall.run.run_id, "1")
    said: list[str] = []

    def held(why: str) -> None:
        said.append(why)
        pause_all(stall, drain=True)

    assert stall.clips.make(order, held=held).is_file()
    assert said == [""]


def test_a_clip_that_is_made_can_be_had_while_everything_is_paused(stall: Stall) -> None:
    path = stall.make("1")
    pause_all(stall)
    assert stall.make("1") == path
    assert stall.clips.ask(stall.clips.order(stall.run.run_id, "1")).status == "ready"


def test_clips_asked_for_in_the_background_say_what_they_wait_for(stall: Stall) -> None:
    pause_all(stall)
    orders = [stall.clips.order(stall.run.run_id, wanted) for wanted in ("1", "2")]
    told = [stall.clips.ask(order) for order in orders]
    assert [(one.status, "the disk is exchanged" in one.waits) for one in told] == [("making", True)] * 2
    resume_all(stall)
    for order in orders:
        until(lambda order=order: stall.clips.ask(order).status == "ready")
