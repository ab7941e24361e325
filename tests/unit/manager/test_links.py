"""A link is good for one export, until a moment, and made by this storage alone."""

import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import Gone, NotFound
from core.manager.links import Links
from core.system import files
from tests.support.storage import NOON

UNTIL = NOON + timedelta(hours=24)


@pytest.fixture
def links(tmp_path: Path) -> Links:
    return Links(tmp_path / "link.key")


def test_a_link_is_good_until_its_time(links: Links) -> None:
    last, signature = links.sign("e_1", "whole", UNTIL)
    links.check("e_1", "whole", str(last), signature, UNTIL)
    with pytest.raises(Gone, match="good until 2026-06-02 12:00 UTC"):
        links.check("e_1", "whole", str(last), signature, UNTIL + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("export_id", "what", "until", "signature"),
    [
        ("e_2", "whole", None, None),
        ("e_1", "0", None, None),
        ("e_1", "whole", "99999999999", None),
        ("e_1", "whole", "", None),
        ("e_1", "whole", "-1", None),
        ("e_1", "whole", "١٢٣", None),
        ("e_1", "whole", "9" * 400, None),
        ("e_1", "whole", None, ""),
        ("e_1", "whole", None, "AAAA"),
        ("e_1", "whole", None, "é"),
        ("e_1", "whole", None, "=" * 100_000),
    ],
)
def test_a_link_for_something_else_leads_nowhere(
    links: Links, export_id: str, what: str, until: str | None, signature: str | None
) -> None:
    last, made = links.sign("e_1", "whole", UNTIL)
    with pytest.raises(NotFound):
        links.check(
            export_id, what, str(last) if until is None else until, made if signature is None else signature, NOON
        )


def test_the_secret_is_its_owners_and_the_same_for_every_process(tmp_path: Path) -> None:
    path = tmp_path / "link.key"
    last, signature = Links(path).sign("e_1", "whole", UNTIL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    Links(path).check("e_1", "whole", str(last), signature, NOON)
    other = Links(tmp_path / "other.key")
    with pytest.raises(NotFound):
        other.check("e_1", "whole", str(last), signature, NOON)
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["link.key", "other.key"]


def test_a_secret_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "link.key"
    path.write_bytes(b"short")
    Links(path).sign("e_1", "whole", UNTIL)
    assert path.stat().st_size == 32


def test_a_secret_that_another_process_puts_there_at_the_same_moment_stays(
    links: Links, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, another = tmp_path / "link.key", b"k" * 32

    def just_before(look: Callable[..., Any]) -> Callable[..., Any]:
        def looked(*given: Any) -> Any:
            found = look(*given)
            path.write_bytes(another)
            return found

        return looked

    monkeypatch.setattr(os.path, "lexists", just_before(os.path.lexists))
    monkeypatch.setattr(files, "size_of", just_before(files.size_of))
    links.sign("e_1", "whole", UNTIL)
    assert path.read_bytes() == another
