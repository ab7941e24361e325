"""Before a batch is started it is told how large and long it would be, whether it fits, and when it may be done."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from core.config import Config
from core.domain.errors import BadInput
from core.domain.settings import Settings
from core.manager.access import EVERYTHING
from core.manager.index import Index
from core.manager.preflight import Forecast, Preflight
from core.manager.reach import Reach
from core.manager.submission import Submission
from core.stages.catalog import Catalog
from core.stages.download.source import file_source, space_id
from core.store.layout import Layout
from core.system.clock import Clock
from tests.support.dispatching import House
from tests.support.media_files import media_file, mp4
from tests.support.media_server import MediaServer


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@dataclass
class Opened:
    """What a preflight needs of an opened storage."""

    config: Config
    clock: Clock
    layout: Layout
    index: Index
    catalog: Catalog


def look(house: House, *sources: str, config: Config | None = None, **how: object) -> Forecast:
    opened = Opened(config or Config(free_space_bytes=0), house.clock, house.layout, house.index, house.catalog)
    before = sorted(path for path in house.layout.root.rglob("*") if path.is_file())
    found = Preflight(opened, Reach(EVERYTHING, opened.layout, opened.config)).look(Submission(sources=sources, **how))  # type: ignore[arg-type]
    after = sorted(path for path in house.layout.root.rglob("*") if path.is_file())
    assert after == before, "nothing is written"
    return found


def test_files_are_told_with_their_size_and_length(house: House) -> None:
    found = look(house, str(mp4()))
    (one,) = found.looks
    assert one.size == mp4().stat().st_size == found.size
    assert one.duration_s == pytest.approx(2.0, abs=0.1)
    assert (found.unknown, found.fits, found.eta) == (0, True, None)
    assert found.needed_bytes >= found.size + 32_000


def test_what_would_be_refused_is_told_with_the_reason(house: House, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("just words")
    found = look(house, str(mp4()), str(mp4()), str(notes), "ftp://example.com/v.mp4")
    assert len(found.looks) == 1
    assert [one.code for one in found.rejected] == ["duplicate", "url_scheme", "url_scheme"]
    with pytest.raises(BadInput):
        look(house)


def test_a_file_that_is_damaged_is_of_unknown_length(house: House, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(mp4().read_bytes()[:500])
    (one,) = look(house, str(damaged)).looks
    assert (one.size, one.duration_s) == (500, None)
    assert one.problem


def test_what_does_not_fit_on_the_disk_is_said(house: House) -> None:
    found = look(house, str(mp4()), config=Config(free_space_bytes=2**62))
    assert (found.fits, found.free_bytes) == (False, 0)


def test_an_address_is_asked_and_nothing_of_it_is_fetched(house: House, server: MediaServer) -> None:
    film = mp4().read_bytes() + bytes(50_000_000)
    url = server.add("/talk.mp4", film, content_type="video/mp4")
    found = look(house, url, config=Config(free_space_bytes=0, allowed_hosts=server.host))
    (one,) = found.looks
    assert (one.title, one.size, one.problem) == ("talk", len(film), "")
    assert sum(hit.sent for hit in server.of("/talk.mp4")) < 10_000_000, "what stands in the buffers of a connection"


def test_what_a_site_does_not_give_is_told_in_its_line(house: House, server: MediaServer) -> None:
    config = Config(free_space_bytes=0, allowed_hosts=server.host)
    found = look(house, server.url("/gone.mp4"), server.add("/page.html", b"<html>words</html>"), config=config)
    assert [bool(one.problem) for one in found.looks] == [True, True]
    assert found.unknown == 2


def test_an_address_in_a_private_network_is_not_asked(house: House, server: MediaServer) -> None:
    found = look(house, server.add("/talk.mp4", mp4(), content_type="video/mp4"))
    assert [one.code for one in found.rejected] == ["url_private_address"]
    assert server.hits == []


def test_what_was_done_before_is_told_and_not_counted_twice_on_the_disk(house: House) -> None:
    first = look(house, str(mp4()))
    source = first.looks[0].source
    (run,) = house.add()
    space = space_id(file_source(Path(source)))
    house.given.run(run, lambda record: msgspec.structs.replace(record, space_id=space))
    house.turn()
    house.finish(run)
    found = look(house, source)
    assert found.looks[0].before == run
    assert found.needed_bytes < first.needed_bytes


def test_cutting_and_exporting_need_room_of_their_own(house: House) -> None:
    house.catalog.stages = {**house.catalog.stages, "export": house.catalog.stages["download"]}  # type: ignore[misc]
    plain, more = (look(house, str(mp4()), settings=Settings(export=on)).needed_bytes for on in (False, True))
    assert more == plain + mp4().stat().st_size


def test_a_film_without_sound_has_a_length_too(house: House) -> None:
    assert look(house, str(media_file("silent.mp4", audio=False))).looks[0].duration_s == pytest.approx(2.0, abs=0.1)
