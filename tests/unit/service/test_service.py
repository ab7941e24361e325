"""The bell of the service's loop: what it remembers until it is waited for."""

import pytest

from core.service.service import Wake


@pytest.mark.parametrize(("kind", "urgent"), [("pool", True), ("batch", True), ("run", False), ("progress", False)])
def test_what_holds_many_runs_at_once_is_urgent_until_it_is_taken_up(kind: str, urgent: bool) -> None:
    wake = Wake()
    wake.changed(kind, "x")
    assert wake.urgent() is urgent
    assert wake.wait(0.0) == ([] if kind == "progress" else [(kind, "x")])
    assert not wake.urgent()
