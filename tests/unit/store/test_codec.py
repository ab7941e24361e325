import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.errors import BadInput, Damaged
from core.domain.run import Attempt, RunRecord
from core.store.codec import MAX_BYTES, Codec, NewerVersion, seal
from tests.support.storage import NOON, RUN, a_run

CODEC = Codec("run", RunRecord)


def encoded(**changes: Any) -> bytes:
    return CODEC.encode(RUN, a_run(**changes), gen=3, epoch=2, prev_crc="0" * 16)


def resealed(data: bytes, **changes: Any) -> bytes:
    """A whole file, as a program with other ideas would have written it."""
    envelope = json.loads(data)
    del envelope["crc"]
    return seal(json.dumps(envelope | changes).encode())


def without(data: bytes, name: str) -> bytes:
    envelope = json.loads(data)
    del envelope["crc"], envelope[name]
    return seal(json.dumps(envelope).encode())


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(0, 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_record_is_read_as_it_was_written(title: str, position: int, duration_s: float) -> None:
    run = a_run(title=title, position=position, duration_s=duration_s)
    opened = CODEC.decode(RUN, CODEC.encode(RUN, run, gen=7, epoch=4))
    assert (opened.value, opened.gen, opened.epoch) == (run, 7, 4)


def test_a_file_can_be_read_by_people_and_keeps_the_order_of_stages() -> None:
    data = encoded()
    assert json.loads(data)["body"]["source"]["value"] == "https://example.com/video"
    assert data.count(b"\n") > 20
    assert list(CODEC.decode(RUN, data).value.stages) == ["download", "analyse"]


def test_no_flip_of_a_single_bit_is_believed() -> None:
    data = encoded(title="Grüße")
    for position in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises(Damaged):
            CODEC.decode(RUN, bytes(flipped))


def test_no_truncation_and_no_longer_file_is_believed() -> None:
    data = encoded()
    for size in range(len(data)):
        with pytest.raises(Damaged):
            CODEC.decode(RUN, data[:size])
    with pytest.raises(Damaged):
        CODEC.decode(RUN, data + b"\n")


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 4096, b"[]", b"null", b"true", b'"text"', b"{}", b"\xff\xfe", seal(b"{}"), seal(b'{"schema":1}')],
    ids=str,
)
def test_what_is_no_state_file_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        CODEC.decode(RUN, data)


@pytest.mark.parametrize(
    "edit",
    [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n"), lambda data: b"// hi\n" + data],
)
def test_a_file_edited_by_hand_is_damaged(edit: Any) -> None:
    with pytest.raises(Damaged):
        CODEC.decode(RUN, edit(encoded()))


def test_the_reason_of_damage_is_said() -> None:
    for data, says in ((b"", "empty"), (b"\0" * 99, "zero bytes"), (b"{}", "checksum")):
        with pytest.raises(Damaged, match=says):
            CODEC.decode(RUN, data)


@pytest.mark.parametrize("name", ["schema", "kind", "id", "gen", "epoch", "body"])
def test_a_file_without_one_of_its_fields_is_damaged(name: str) -> None:
    with pytest.raises(Damaged):
        CODEC.decode(RUN, without(encoded(), name))


def test_the_file_of_another_record_is_damaged() -> None:
    with pytest.raises(Damaged, match=RUN):
        CODEC.decode("r_other", encoded())


def test_the_file_of_another_kind_is_damaged() -> None:
    with pytest.raises(Damaged, match="batch"):
        CODEC.decode(RUN, resealed(encoded(), kind="batch"))


@pytest.mark.parametrize("changes", [{"gen": 0}, {"gen": -1}, {"epoch": -1}, {"body": {}}, {"body": []}, {"gen": "3"}])
def test_whole_files_that_make_no_sense_are_damaged(changes: dict[str, Any]) -> None:
    with pytest.raises(Damaged):
        CODEC.decode(RUN, resealed(encoded(), **changes))


def test_a_newer_schema_is_refused_and_not_called_damage() -> None:
    with pytest.raises(NewerVersion, match="newer version"):
        CODEC.decode(RUN, resealed(encoded(), schema=2, body={"quite": "different"}))


def test_an_older_schema_is_migrated_step_by_step() -> None:
    def to_2(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "title": body["title"] + "2"}

    def to_3(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "title": body["title"] + "3"}

    later = Codec("run", RunRecord, schema=3, migrations={1: to_2, 2: to_3})
    opened = later.decode(RUN, encoded(title="1"))
    assert (opened.value.title, opened.schema) == ("123", 1)


def test_a_schema_that_was_never_written_is_damaged() -> None:
    with pytest.raises(Damaged):
        CODEC.decode(RUN, resealed(encoded(), schema=0))


def test_fields_of_a_later_version_survive_a_rewrite_at_every_depth() -> None:
    attempt = Attempt(id="a1", stage="download", epoch=1, started_at=NOON)
    envelope = json.loads(encoded(attempts=[attempt]))
    envelope["body"]["mood"] = "good"
    envelope["body"]["stages"]["download"]["speed"] = 9
    envelope["body"]["attempts"][0]["gpu"] = "x"
    before = resealed(encoded(), body=envelope["body"])
    value = replace(CODEC.decode(RUN, before).value, title="new")
    after = json.loads(CODEC.encode(RUN, value, gen=4, epoch=2, before=before))["body"]
    assert (after["title"], after["mood"]) == ("new", "good")
    assert after["stages"]["download"]["speed"] == 9
    assert after["attempts"][0]["gpu"] == "x"


def test_what_a_change_removes_does_not_come_back() -> None:
    before = encoded()
    value = replace(a_run(), stages={"analyse": a_run().stages["analyse"]})
    after = json.loads(CODEC.encode(RUN, value, gen=4, epoch=2, before=before))["body"]
    assert list(after["stages"]) == ["analyse"]


@pytest.mark.parametrize(
    "changes", [{"duration_s": math.nan}, {"duration_s": math.inf}, {"title": "\ud800"}, {"position": "no number"}]
)
def test_what_could_not_be_read_back_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        encoded(**changes)


def test_a_record_that_is_too_long_is_not_written() -> None:
    with pytest.raises(BadInput, match="too long"):
        encoded(title="x" * MAX_BYTES)


def test_the_checksum_names_the_file_before() -> None:
    first = CODEC.decode(RUN, encoded())
    second = msgspec.json.decode(CODEC.encode(RUN, a_run(), gen=4, epoch=2, prev_crc=first.crc))
    assert second["prev_crc"] == first.crc
