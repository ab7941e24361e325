"""What is another's does not exist: not in lists, not by its id, in no command, and whoever tries is written down."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.bootstrap import Manager
from core.domain.access import Scope
from core.domain.batch import Member, PoolRecord
from core.domain.breaker import HOST, Breaker
from core.domain.capacity import Capacity
from core.domain.errors import Damaged, NotAllowed, NotFound, RepriseError
from core.domain.exports import ExportOptions
from core.domain.states import BatchPhase, Phase
from core.manager.preflight import Preflight
from core.manager.submission import Submission
from core.manager.templates import Template
from core.store.locks import Lock
from core.store.state import Stored
from tests.support.storage import NOON
from tests.support.two_people import TwoPeople

Deed = Callable[[Manager, str, str], Any]

# Everything that can be asked about a run or a batch of somebody by its id.
ABOUT: dict[str, Deed] = {
    "run": lambda m, run, batch: m.views.run(run),
    "record": lambda m, run, batch: m.views.record(run),
    "why": lambda m, run, batch: m.views.why(run),
    "batch": lambda m, run, batch: m.views.batch(batch),
    "runs of a batch": lambda m, run, batch: m.views.runs(batch_id=batch),
    "report": lambda m, run, batch: m.views.report(batch),
    "preview": lambda m, run, batch: m.views.previews.silence(run),
    "results": lambda m, run, batch: m.results.all(run),
    "a result": lambda m, run, batch: m.results.find(run, "transcript.json"),
    "documents": lambda m, run, batch: m.results.documents(run),
    "facts": lambda m, run, batch: m.results.facts(run, "download"),
    "clips": lambda m, run, batch: m.clips.order(run, "reel"),
    "exports of a batch": lambda m, run, batch: m.exports.views.all(batch),
    "plan of an export": lambda m, run, batch: m.exports.asking.plan(batch, ExportOptions()),
}
COMMANDS: dict[str, Deed] = {
    **{
        verb: lambda m, run, batch, verb=verb: m.commands.run(run, verb, by=m.actor)
        for verb in ("pause", "resume", "stop", "cancel", "skip", "unskip", "retry", "recover", "remove")
    },
    **{
        f"{verb} batch": lambda m, run, batch, verb=verb: m.commands.batch(batch, verb, by=m.actor)
        for verb in ("start", "pause", "resume", "cancel", "delete", "restore")
    },
    "delete": lambda m, run, batch: m.commands.delete(batch, by=m.actor),
    "delete for good": lambda m, run, batch: m.commands.delete(batch, by=m.actor, hard=True),
    "reorder": lambda m, run, batch: m.commands.reorder(batch, [run], by=m.actor),
    "priority": lambda m, run, batch: m.commands.priority(run, 9, by=m.actor),
    "priority of a batch": lambda m, run, batch: m.commands.priority(batch, 9, by=m.actor),
    "edit": lambda m, run, batch: m.commands.edit(batch, by=m.actor, name="mine"),
    "retry failed": lambda m, run, batch: m.commands.retry_failed(batch, by=m.actor),
    "export": lambda m, run, batch: m.exports.asking.ask(batch, ExportOptions(), by=m.actor, partial=True),
}
# What changes something without naming a run or batch, and the least scope that may.
OTHERS: dict[str, tuple[Scope, Deed]] = {
    "pause everything": (Scope.ADMIN, lambda m, run, batch: m.commands.pool("pause", by=m.actor)),
    "resume everything": (Scope.ADMIN, lambda m, run, batch: m.commands.pool("resume", by=m.actor)),
    "close a breaker": (Scope.ADMIN, lambda m, run, batch: m.commands.breaker_reset("llm", by=m.actor)),
    "clean up": (Scope.ADMIN, lambda m, run, batch: m.cleanup.clean(m.actor)),
    "check the storage": (Scope.ADMIN, lambda m, run, batch: m.views.findings()),
    "make tokens": (Scope.ADMIN, lambda m, run, batch: m.tokens.create("x", owner="x", scope=Scope.READ)),
    "list tokens": (Scope.ADMIN, lambda m, run, batch: m.tokens.all()),
    "revoke tokens": (Scope.ADMIN, lambda m, run, batch: m.tokens.revoke("x")),
    "read the first token": (Scope.ADMIN, lambda m, run, batch: m.tokens.first()),
    "stop all": (Scope.OPERATE, lambda m, run, batch: m.commands.stop_all(by=m.actor)),
    "recover all": (Scope.OPERATE, lambda m, run, batch: m.commands.recover_all(by=m.actor)),
    "add": (Scope.OPERATE, lambda m, run, batch: m.intake.add(Submission(sources=("-x",)), m.actor)),
    "upload": (Scope.OPERATE, lambda m, run, batch: m.receiving.begin("a.mp4", 10)),
    "save a template": (Scope.OPERATE, lambda m, run, batch: m.templates.save(Template(name="a"), by=m.actor)),
    "save defaults": (Scope.OPERATE, lambda m, run, batch: m.templates.save_defaults(Template(), by=m.actor)),
    "reset defaults": (Scope.OPERATE, lambda m, run, batch: m.templates.reset_defaults(by=m.actor)),
}


@pytest.fixture
def two(tmp_path: Path) -> TwoPeople:
    return TwoPeople(tmp_path)


def state_of(two: TwoPeople) -> dict[str, bytes]:
    """Every state file there is, and the journal but for what was refused."""
    layout = two.admin.storage.layout
    return {str(path): path.read_bytes() for path in layout.state.rglob("*.json")}


@pytest.mark.parametrize("name", ABOUT | COMMANDS)
def test_what_is_anothers_is_not_found_just_as_what_never_was(two: TwoPeople, name: str) -> None:
    ask, before = (ABOUT | COMMANDS)[name], state_of(two)
    with pytest.raises(NotFound) as foreign:
        ask(two.ben, two.runs["anna"][0], two.batch["anna"])
    with pytest.raises(NotFound) as unknown:
        ask(two.ben, "r_zzz1", "b_zzz")
    said = str(foreign.value).replace(two.runs["anna"][0], "r_zzz1").replace(two.batch["anna"], "b_zzz")
    assert (said, foreign.value.hint) == (str(unknown.value), unknown.value.hint)
    assert "anna" not in said
    assert state_of(two) == before
    told = two.audited("access.foreign")
    assert [(line["actor"], line["via"]) for line in told] == [("ben", "api")]


@pytest.mark.parametrize("name", COMMANDS)
def test_who_may_only_look_commands_nothing_even_of_what_is_theirs(two: TwoPeople, name: str) -> None:
    reader, before = two.acting("anna", Scope.READ), state_of(two)
    with pytest.raises(NotAllowed):
        COMMANDS[name](reader, two.runs["anna"][0], two.batch["anna"])
    assert state_of(two) == before
    assert [line["actor"] for line in two.audited("access.refused")] == ["anna"]


@pytest.mark.parametrize(("scope", "name"), [(scope, name) for scope in Scope for name in OTHERS])
def test_each_command_needs_its_scope(two: TwoPeople, scope: Scope, name: str) -> None:
    least, ask = OTHERS[name]
    manager = two.acting("anna", scope)
    if manager.acts_for.may(least):
        try:
            ask(manager, "", "")
        except NotAllowed:
            pytest.fail("who may do it was refused")
        except RepriseError:
            pass  # there is no such token or breaker; it was asked for, and that is the point
    else:
        with pytest.raises(NotAllowed):
            ask(manager, "", "")


def test_lists_numbers_and_searches_have_only_what_is_theirs(two: TwoPeople) -> None:
    assert [run["run_id"] for run in two.ben.views.runs()["runs"]] == two.runs["ben"]
    assert two.ben.views.runs()["total"] == 2
    assert two.ben.views.runs(user="anna")["total"] == 0
    assert [batch["batch_id"] for batch in two.ben.views.batches()["batches"]] == [two.batch["ben"]]
    assert two.ben.views.status()["pending"] == 2
    assert {*two.ben.storage.index.runs} == {*two.runs["ben"]}
    assert two.admin.views.runs()["total"] == 4
    assert two.admin.views.status()["pending"] == 4


def test_an_administrator_may_act_for_others_and_is_written_down(two: TwoPeople) -> None:
    two.acting("carla", Scope.ADMIN).commands.run(two.runs["anna"][0], "cancel", by="carla", why="asked to")
    told = two.audited("command.cancel")[0]
    assert (told["actor"], told["run_id"], told["batch_id"]) == ("carla", two.runs["anna"][0], two.batch["anna"])


def test_the_queue_tells_the_true_place_and_nothing_of_who_is_before(two: TwoPeople) -> None:
    seen = two.ben.views.queue()
    everyone = [run["run_id"] for run in two.admin.views.queue()["runs"]]
    assert [(run["place"], run["run_id"]) for run in seen["runs"]] == [
        (place, run_id) for place, run_id in enumerate(everyone, start=1) if run_id in two.runs["ben"]
    ]
    assert seen["total"] == 2
    assert [user["user"] for user in seen["users"]] == ["ben"]
    assert sum(lane["waiting"] for lane in seen["lanes"]) == 4
    assert "anna" not in str(seen)


def test_history_and_audit_are_about_what_is_theirs(two: TwoPeople) -> None:
    two.anna.commands.batch(two.batch["anna"], "pause", by="anna", why="a secret of anna")
    two.anna.templates.save_defaults(Template(priority=7), by="anna")
    two.ben.commands.batch(two.batch["ben"], "pause", by="ben")
    with pytest.raises(NotFound):
        two.ben.views.run(two.runs["anna"][0])
    seen = two.ben.views.history.events()["events"]
    assert {event["batch_id"] for event in seen} == {two.batch["ben"]}
    assert "anna" not in str(seen)
    of_anna = [event["type"] for event in two.anna.views.history.events()["events"]]
    assert "access.foreign" in of_anna  # somebody asked for what is hers
    assert "defaults.saved" in of_anna
    assert two.ben.views.history.events(run_id=two.runs["anna"][0]) == {"events": []}


def test_exports_and_uploads_of_others_do_not_exist(two: TwoPeople) -> None:
    sent = two.anna.receiving.begin("talk.mp4", 10)
    for ask in (two.ben.receiving.find, lambda id_: two.ben.receiving.open(id_, 0)):
        with pytest.raises(NotFound):
            ask(sent.id)
    assert two.ben.receiving.cancel(sent.id) is False
    assert two.ben.receiving.waiting("") == []
    assert two.anna.receiving.find(sent.id) == sent
    assert two.ben.views.history.events() == {"events": []}, "who tries an id is not told that it exists"
    assert [line["actor"] for line in two.audited("access.foreign")] == ["ben"]


def test_a_run_that_changes_hands_changes_what_both_see(two: TwoPeople) -> None:
    run = two.admin.views.record(two.runs["anna"][0])
    batch = two.admin.storage.index.batch(two.batch["anna"])
    assert two.ben.views.runs()["total"] == 2
    two.change(run, owner="ben")
    two.change(batch, owner="ben")
    assert run.run_id in two.ben.storage.index.runs
    assert run.run_id not in two.anna.storage.index.runs


def test_what_was_deleted_for_good_is_gone_for_its_owner_too(two: TwoPeople) -> None:
    batch_id = two.batch["anna"]
    for run_id in two.runs["anna"]:
        two.change(two.anna.views.record(run_id), phase=Phase.CANCELLED)
    two.change(two.anna.storage.index.batch(batch_id), phase=BatchPhase.CANCELLED)
    two.anna.commands.delete(batch_id, by="anna", hard=True)
    assert two.anna.views.batches()["total"] == 0
    assert two.ben.views.batches()["total"] == 1


def test_files_of_this_machine_are_named_by_administrators_alone(two: TwoPeople, tmp_path: Path) -> None:
    layout, secret = two.admin.storage.layout, tmp_path / "passwd.mp4"
    secret.write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\0" * 64)
    link = layout.inbox / "innocent.mp4"
    link.symlink_to(secret)
    own = layout.inbox / "talk.mp4"
    own.write_bytes(secret.read_bytes())
    foreign = two.anna.receiving.begin("talk.mp4", 64)
    with_anna = two.anna.receiving.open(foreign.id, 0)
    with_anna.write(secret.read_bytes()[:64])
    path = with_anna.close().path
    assert path is not None
    for source in (str(secret), str(tmp_path), str(link), path, "/nowhere", "~", f"{layout.inbox}/../..", "\0"):
        added = two.ben.intake.add(Submission(sources=(source,)), "ben")
        assert [one.code for one in added.rejected] == ["path_not_allowed"], source
    taken = two.ben.intake.add(Submission(sources=(str(own),)), "ben")
    assert [run.source.value for run in taken.runs] == [str(own)]
    assert len(two.anna.intake.add(Submission(sources=(path,)), "anna").runs) == 1
    assert len(two.admin.intake.add(Submission(sources=(str(secret),)), "local:root").runs) == 1


@pytest.mark.parametrize(
    ("field", "value"), [("proxy", "http://127.0.0.1:3128"), ("cookies", "/etc/passwd"), ("archive", "/etc/passwd")]
)
def test_what_reaches_beyond_the_storage_is_for_administrators(two: TwoPeople, field: str, value: str) -> None:
    with pytest.raises(RepriseError) as refused:
        two.ben.intake.add(Submission(sources=("https://192.0.2.1/v",), **{field: value}), "ben")
    assert isinstance(refused.value, NotAllowed) or refused.value.code == "path_not_allowed"


def test_attempts_fill_no_disk(two: TwoPeople) -> None:
    for _ in range(5):
        with pytest.raises(NotFound):
            two.ben.views.run(two.runs["anna"][0])
    assert len(two.audited("access.foreign")) == 1
    two.clock.advance(61)
    with pytest.raises(NotFound):
        two.ben.views.run(two.runs["anna"][0])
    assert len(two.audited("access.foreign")) == 2


def test_templates_are_of_everybody_or_of_one_who_made_them(two: TwoPeople) -> None:
    two.admin.templates.save(Template(name="House"), by="local:root")
    two.anna.templates.save(Template(name="Talks", priority=7), by="anna")
    two.anna.templates.save(Template(name="house", priority=8), by="anna", replace=True)
    assert [(one.name, one.priority) for one in two.anna.templates.all()] == [("house", 8), ("Talks", 7)]
    assert [(one.name, one.priority) for one in two.ben.templates.all()] == [("House", 5)]
    assert [one.name for one in two.admin.templates.all()] == ["House"]
    with pytest.raises(NotFound):
        two.ben.templates.delete("Talks", by="ben")
    with pytest.raises(NotAllowed):
        two.ben.templates.delete("House", by="ben")
    two.anna.templates.delete("house", by="anna")
    assert [(one.name, one.priority) for one in two.anna.templates.all()] == [("House", 5), ("Talks", 7)]


def test_looking_first_tells_nothing_of_files_that_may_not_be_named(two: TwoPeople, tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42")
    for source in (str(tmp_path), str(tmp_path / "talk.mp4"), str(tmp_path / "never.mp4")):
        found = Preflight(two.ben.storage, two.ben.reach).look(Submission(sources=(source,)))
        assert [one.code for one in found.rejected] == ["path_not_allowed"]
    reader = two.acting("ben", Scope.READ)
    with pytest.raises(NotAllowed):
        Preflight(reader.storage, reader.reach).look(Submission(sources=("https://192.0.2.1/v",)))


def test_a_damaged_record_is_told_to_whom_it_belongs(two: TwoPeople) -> None:
    run_id = two.runs["anna"][0]
    run = two.admin.views.record(run_id)
    member = Member(run_id=run_id, space_id=run.space_id, position=1, source=run.source)
    two.change(two.admin.storage.index.batch(two.batch["anna"]), members=[member])
    two.admin.storage.index.lose(run_id, Damaged(f"The state of {run_id} is damaged."))
    assert [one["id"] for one in two.anna.views.runs()["damaged"]] == [run_id]
    assert two.anna.views.status()["damaged"] == 1
    assert two.ben.views.runs()["damaged"] == []
    with pytest.raises(Damaged):
        two.anna.views.run(run_id)
    with pytest.raises(NotFound):
        two.ben.views.run(run_id)


def test_a_breaker_is_told_to_who_needs_what_it_stands_for(two: TwoPeople) -> None:
    broken = Breaker(
        at=NOON, failures=3, opened_at=NOON, until=NOON + timedelta(minutes=1), open_s=60.0, why="It is down."
    )
    two.admin.storage.index.put_pool(Stored(value=PoolRecord(breakers={f"{HOST}anna.example": broken}), gen=1, epoch=0))
    assert [one["name"] for one in two.anna.views.queue()["breakers"]] == [f"{HOST}anna.example"]
    assert two.ben.views.queue()["breakers"] == []
    assert two.ben.views.status()["breakers"] == []
    assert len(two.admin.views.status()["breakers"]) == 1


def test_why_a_run_waits_names_nobody_else(two: TwoPeople) -> None:
    with Lock(two.admin.storage.layout.service_lock()).holding():
        index = two.admin.storage.index
        capacity = Capacity(lanes={"network": 1, "cpu": 1, "api": 1})
        index.put_pool(Stored(value=PoolRecord(capacity=capacity), gen=1, epoch=0))
        said = {owner: [acting.views.why(run)["message"] for run in two.runs[owner]] for owner, acting in
                (("anna", two.anna), ("ben", two.ben))}  # fmt: skip
    assert not [text for text in said["ben"] if "anna" in text]
    assert not [text for text in said["anna"] if "ben" in text]
    assert any("of another user" in text for text in said["anna"] + said["ben"]), said
