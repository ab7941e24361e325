import errno
import os
import shutil
from pathlib import Path

import pytest

from core.domain.errors import Damaged, StorageError
from core.store.quarantine import Finding
from core.store.state import StateStore, open_store
from core.system import files
from core.system.clock import ManualClock
from tests.support.damage import DAMAGE, flip, path_of, quarantined
from tests.support.storage import RUN, a_run, new_layout, new_store, titled


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return new_store(tmp_path)


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("how", ["get", "update", "load_all"])
def test_a_damaged_file_is_quarantined_and_the_one_before_restored(store: StateStore, kind: str, how: str) -> None:
    store.runs.create(RUN, a_run())
    store.runs.update(RUN, titled("before"))
    store.runs.update(RUN, titled("lost"))
    DAMAGE[kind](path_of(store))
    if how == "get":
        restored = store.runs.get(RUN)
    elif how == "update":
        restored = store.runs.update(RUN, lambda run: run)
    else:
        found, findings = store.runs.load_all()
        restored = found[RUN]
        assert [finding.repaired for finding in findings] == [True]
    assert restored.value.title == "before"
    assert restored.gen > 3, "nobody who saw the lost generation may take the restored one for older"
    assert store.runs.get(RUN) == restored
    assert len(quarantined(store)) == (kind != "missing")
    assert [event.type for event in store.journal.events(run_id=RUN)] == ["state.restored"]


def test_damage_is_told_once_to_whoever_asked(tmp_path: Path) -> None:
    told: list[Finding] = []
    layout = new_layout(tmp_path)
    store = open_store(layout, ManualClock(), told.append)
    store.runs.create(RUN, a_run())
    flip(path_of(store))
    for _ in range(3):
        with pytest.raises(Damaged):
            store.runs.get(RUN)
    assert [finding.repaired for finding in told] == [False]
    assert [event.type for event in store.journal.events(run_id=RUN)] == ["state.damaged"]


def test_a_record_of_which_nothing_can_be_believed_never_vanishes(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    store.runs.update(RUN, titled("second"))
    flip(path_of(store))
    flip(Path(f"{path_of(store)}.prev"))
    for _ in range(2):
        found, findings = store.runs.load_all()
        assert found == {}
        assert [Path(finding.path).stem for finding in findings] == [RUN]
        assert store.runs.ids() == [RUN]


def test_the_file_of_another_run_under_this_name_is_not_believed(store: StateStore) -> None:
    store.runs.create(RUN, a_run())
    store.runs.update(RUN, titled("mine"))
    store.runs.create("r_other", a_run("r_other", title="theirs"))
    shutil.copy(store.layout.run_state("r_other"), path_of(store))
    assert store.runs.get(RUN).value.run_id == RUN


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE])
def test_a_disk_that_cannot_be_read_just_now_is_no_damage(
    store: StateStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store.runs.create(RUN, a_run())

    def fail(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(files, "read_regular", fail)
        with pytest.raises(StorageError):
            store.runs.get(RUN)
        found, findings = store.runs.load_all()
        assert found == {}
        assert [finding.repaired for finding in findings] == [False]
    assert store.runs.get(RUN).gen == 1
    assert quarantined(store) == []
