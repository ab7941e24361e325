"""What a tier grants, on real files: in adding, filling, starting and editing; nobody gets around it by deleting."""

import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.bootstrap import Manager
from core.config import Config
from core.domain.access import Scope
from core.domain.errors import BadInput, NotAllowed, TooMany
from core.domain.people import Person
from core.domain.states import BatchPhase, Phase
from core.manager.spent import AGAIN_S
from core.manager.submission import Submission
from core.store.locks import Lock
from tests.support.dispatching import House
from tests.support.two_people import TwoPeople


@pytest.fixture
def two(tmp_path: Path) -> TwoPeople:
    return TwoPeople(tmp_path)


@pytest.fixture
def free(two: TwoPeople) -> Manager:
    """Carla, who has the free tier and no batch yet."""
    return two.acting("carla", tier="free")


def add(manager: Manager, videos: int = 1, mark: str = "v", **fields: object) -> str:
    """A batch of so many videos; its id."""
    sources = tuple(f"https://8.8.8.8/{mark}{number}.mp4" for number in range(videos))
    added = manager.intake.add(Submission(sources=sources, **fields), manager.actor)  # type: ignore[arg-type]
    assert added.batch_id is not None, added.rejected
    return added.batch_id


def work_on(two: TwoPeople, batch_id: str, minutes: float) -> None:
    """Let every run of a batch be begun now, each of so many minutes."""
    for run_id in two.runs_of(batch_id):
        run = two.admin.views.record(run_id)
        two.change(run, started_at=two.clock.now(), duration_s=minutes * 60, phase=Phase.COMPLETED)


def test_a_batch_of_more_videos_than_the_tier_has_is_not_made(free: Manager) -> None:
    with pytest.raises(NotAllowed, match="3 videos in a batch; these are 4"):
        add(free, 4)
    assert free.views.batches()["total"] == 0
    assert free.views.runs()["total"] == 0
    assert add(free, 3)


def test_a_playlist_takes_no_more_than_the_tier_has(two: TwoPeople, free: Manager) -> None:
    record = free.storage.index.batch(add(free))
    assert (record.tier, record.max_runs) == ("free", 3)
    assert two.admin.storage.index.batch(two.batch["anna"]).max_runs == 50


def test_a_draft_is_not_filled_beyond_the_tier(free: Manager) -> None:
    batch_id = free.intake.draft("carla").batch_id
    free.intake.fill(batch_id, ["https://8.8.8.8/1", "https://8.8.8.8/2"], "carla")
    with pytest.raises(NotAllowed, match="these are 4"):
        free.intake.fill(batch_id, ["https://8.8.8.8/3", "https://8.8.8.8/4"], "carla")
    assert free.views.batch(batch_id)["total"] == 2


def test_concurrency_and_priority_are_what_the_tier_has(two: TwoPeople, free: Manager) -> None:
    asked = free.storage.index.batch(add(free, priority=9, concurrency=5))
    assert (asked.priority, asked.concurrency) == (3, 1)
    unsaid = two.acting("dora", tier="pro")
    assert unsaid.storage.index.batch(add(unsaid)).priority == 7
    assert unsaid.templates.defaults("dora").priority == 7
    assert free.templates.defaults("carla").concurrency == 1
    low = free.storage.index.batch(add(free, mark="w", priority=1))
    assert low.priority == 1


def test_a_tier_is_not_left_by_editing(free: Manager) -> None:
    batch_id = add(free, 2)
    run_id = free.storage.index.runs_of(batch_id)[0].run_id
    for ask in (
        lambda: free.commands.edit(batch_id, by="carla", concurrency=2),
        lambda: free.commands.edit(batch_id, by="carla", priority=4),
        lambda: free.commands.priority(batch_id, 4, by="carla"),
        lambda: free.commands.priority(run_id, 4, by="carla"),
    ):
        with pytest.raises(NotAllowed, match="free tier"):
            ask()
    free.commands.edit(batch_id, by="carla", concurrency=1, priority=2)


def test_batches_an_hour_are_counted_with_those_that_were_deleted(two: TwoPeople, free: Manager) -> None:
    for number in range(5):
        batch_id = add(free, mark=str(number), draft=True)
        if number % 2:
            free.commands.delete(batch_id, by="carla", hard=number > 2)
    with pytest.raises(TooMany, match="5 batches in an hour") as error:
        add(free, mark="more")
    assert 3590 < error.value.retry_after_s <= 3600
    with pytest.raises(TooMany):
        free.intake.draft("carla")
    two.clock.advance(3601)
    assert add(free, mark="more")


def test_two_requests_at_once_make_no_batch_too_many(free: Manager) -> None:
    refused: list[TooMany] = []

    def ask(number: int) -> None:
        try:
            add(free, mark=f"t{number}-")
        except TooMany as error:
            refused.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert free.views.batches()["total"] == 5
    assert len(refused) == 3


def test_who_has_used_up_the_minutes_starts_nothing_more(two: TwoPeople, free: Manager) -> None:
    first, draft = add(free, 2), add(free, mark="d", draft=True)
    work_on(two, first, minutes=30)
    assert free.allowance.told() == {
        "tier": "free",
        "videos_per_batch": 3,
        "batches_per_hour": 5,
        "concurrency": 1,
        "priority": 3,
        "minutes": 60,
        "minutes_used": 60.0,
        "minutes_left": 0.0,
    }
    for ask in (lambda: add(free, mark="x"), lambda: free.commands.batch(draft, "start", by="carla")):
        with pytest.raises(TooMany, match="60 of 60 minutes"):
            ask()
    assert free.storage.index.batch(draft).phase == BatchPhase.DRAFT
    two.clock.advance(30 * 24 * 3600 + 1)
    free.commands.batch(draft, "start", by="carla")


def test_minutes_are_not_given_back_by_deleting_for_good(two: TwoPeople, free: Manager) -> None:
    first = add(free, 2)
    work_on(two, first, minutes=30)
    two.change(free.storage.index.batch(first), phase=BatchPhase.COMPLETED)
    free.commands.delete(first, by="carla", hard=True)
    assert first not in free.storage.index.batches
    with pytest.raises(TooMany, match="60 of 60 minutes"):
        add(free, mark="x")


def test_what_is_known_of_a_batch_is_asked_before_it_starts(two: TwoPeople, free: Manager) -> None:
    draft = add(free, 2, draft=True)
    for run_id in two.runs_of(draft):
        two.change(two.admin.views.record(run_id), duration_s=31 * 60.0)
    with pytest.raises(TooMany, match="this takes 62 more"):
        free.commands.batch(draft, "start", by="carla")


def test_others_use_up_nothing_of_mine_and_an_administrator_has_no_limit(two: TwoPeople, free: Manager) -> None:
    work_on(two, add(free, 2), minutes=30)
    assert add(two.acting("dora", tier="free"))
    batch_id = add(free.acting_for(two.admin.acts_for), 20)
    assert two.admin.storage.index.batch(batch_id).tier == ""
    assert two.admin.allowance.told() is None


def test_a_tier_that_does_not_exist_is_not_given(two: TwoPeople) -> None:
    with pytest.raises(BadInput, match="no tier “gold”"):
        two.admin.tokens.create("ci", owner="carla", scope=Scope.READ, tier="gold")
    with pytest.raises(BadInput, match="no tier “gold”"):
        two.admin.people.allow(Person(who="a@example.org", tier="gold"), by=two.admin.actor)
    with pytest.raises(NotAllowed, match="no tier “gold” any more"):
        two.acting("carla", tier="gold")


def test_videos_wait_while_the_minutes_are_used_up_and_go_on_when_some_come_back(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(tiers="free minutes=1"))
    first, second = house.add(2, tier="free", concurrency=1)
    house.turn()
    assert house.engine.begun == [(first, "download")]
    house.given.run(first, lambda run: replace(run, duration_s=90.0))
    house.clock.advance(AGAIN_S)
    house.finish(first)
    house.turn()
    assert house.run(first).phase == Phase.COMPLETED
    assert house.run(second).phase == Phase.QUEUED
    house.clock.advance(30 * 24 * 3600)
    house.turn()
    assert house.run(second).phase == Phase.RUNNING


def test_who_has_another_tier_or_none_waits_for_nobodys_minutes(tmp_path: Path) -> None:
    house = House(tmp_path, config=Config(tiers="free minutes=1"), network=9)
    (spent,) = house.add(1, tier="free", owner="carla")
    house.given.run(spent, lambda run: replace(run, started_at=house.clock.now(), duration_s=90.0))
    house.clock.advance(AGAIN_S)
    others = [*house.add(1, owner="carla"), *house.add(1, owner="carla", tier="pro"), *house.add(1, tier="free")]
    house.turn()
    assert house.phases(*others) == ["running"] * 3


def test_why_a_video_waits_for_minutes_is_said(two: TwoPeople, free: Manager) -> None:
    first, second = add(free, 1), add(free, 1, mark="w")
    work_on(two, first, minutes=61)
    two.clock.advance(AGAIN_S)
    with Lock(two.admin.storage.layout.service_lock()).holding():
        why = free.views.why(two.runs_of(second)[0])
    assert why["code"] == "quota"
    assert why["message"] == "carla has used up the minutes of media that the free tier has in 30 days."
