"""kill -9 of the service, its workers or everything, in every stage: the result is the undisturbed one, byte for byte.

Real processes of `./reprise`, real Whisper, a real media server, a real server that speaks the API of language models.
Moments are chosen by seeds and reached by events. What was done twice is counted where it was done: by the decoder
itself, by the servers, by the starts of programs.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kills import (
    VICTIMS,
    assert_no_transition_lost,
    assert_sound,
    body,
    copy_of,
    end_all,
    kill,
    open_attempt,
    published,
    until_journaled,
)
from tests.support.llm_server import KEY, Asked, LlmServer, Says, honest, silent
from tests.support.media_server import MediaServer
from tests.support.product import Product
from tests.support.transcription_kills import Killed, Reference, first_cores, several_cores
from tests.support.waiting import until

pytestmark = pytest.mark.speech

SEEDS = (0, 1, 2)
BLOCK_BYTES = 64 * 1024  # what yt-dlp reads at a time: only the block being read may be sent twice


# --- transcribe -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_kill_in_the_middle_of_a_transcription_changes_no_byte(
    tmp_path: Path, reference: Reference, seed: int
) -> None:
    dice = random.Random(f"transcribe {seed}")
    with Killed(tmp_path, reference) as run:
        run.serve()
        run.until_decoding(dice.randint(1, reference.windows))
        run.kill(VICTIMS[seed])
        run.finish()
        run.judge()
        assert run.attempts("transcribe") == ["interrupted", "committed"]
        assert run.log.programs()["ffmpeg"] == reference.programs["ffmpeg"], "the sound was unpacked twice"


def test_a_kill_before_there_is_a_plan_starts_over_and_changes_no_byte(tmp_path: Path, reference: Reference) -> None:
    with Killed(tmp_path, reference) as run:
        run.serve()
        run.until_file("audio.pcm*")
        run.kill("everything")
        run.finish()
        run.judge()


def test_a_kill_between_plan_and_first_window_keeps_the_plan(tmp_path: Path, reference: Reference) -> None:
    with Killed(tmp_path, reference) as run:
        run.log.gate(0)
        run.serve()
        run.until_held()
        plan = run.plan()
        run.kill("everything")
        assert run.begun == 0
        run.finish()
        run.judge(kills=0)
        assert run.plan() == plan


def test_a_kill_with_two_windows_in_flight_costs_these_and_the_status_says_so(
    tmp_path: Path, reference: Reference
) -> None:
    with Killed(tmp_path, reference) as run:
        run.log.gate(2)
        run.serve()
        until(lambda: run.log.in_flight() == 2)
        run.kill("everything")
        assert run.begun == 2
        assert run.lost_s > 0
        run.finish()
        run.judge()
        assert run.product("status", "--json").json["recovery"]["redone_s"] == pytest.approx(run.lost_s, abs=0.002)


@pytest.mark.skipif(not several_cores(), reason="needs two cores")
@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_another_number_of_cores_on_resume_changes_no_byte(
    tmp_path: Path, reference: Reference, before: int, after: int
) -> None:
    with Killed(tmp_path, reference, cpus=first_cores(before)) as run:
        run.serve()
        run.until_decoding(reference.windows)
        run.kill("everything")
        run.finish(first_cores(after))
        run.judge()


def test_a_run_killed_again_and_again_still_comes_to_the_same_end(tmp_path: Path, reference: Reference) -> None:
    dice = random.Random("again and again")
    with Killed(tmp_path, reference) as run:
        for begun in range(1, reference.windows + 1):
            run.serve()
            run.until_decoding(run.begun + 1)
            run.kill(dice.choice(VICTIMS))
            assert run.begun >= begun
        run.finish()
        run.judge(kills=reference.windows)


# --- download ---------------------------------------------------------------------------------------------------


def partial_bytes(product: Product) -> int:
    """How much of the download is in its partial file."""
    return sum(path.stat().st_size for path in product.storage.glob("work/download/*/*.part"))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_kill_in_the_middle_of_a_download_fetches_only_the_rest(
    tmp_path: Path, reference: Reference, seed: int
) -> None:
    content = reference.source.read_bytes()
    assert len(content) > 10 * BLOCK_BYTES
    with MediaServer() as server:
        url = server.add("/talk.mp4", content, content_type="video/mp4")
        stall_at = random.Random(f"download {seed}").randrange(2 * BLOCK_BYTES, len(content) - BLOCK_BYTES)
        server.pages["/talk.mp4"].stall_at = stall_at
        product = Product(tmp_path, allowed_hosts=server.host)
        try:
            run_id = product.run_of(product("add", url, "--set", "transcribe=false", "--json"))
            service = product.serve()
            # The first request only looks what kind of file it is. What was sent may still be on its way: it arrives.
            server.wait_for(lambda: len(server.hits) == 2 and server.hits[1].sent >= stall_at)
            until(lambda: partial_bytes(product) > stall_at - BLOCK_BYTES)
            kill(product, service, VICTIMS[seed])
            server.pages["/talk.mp4"].stall_at = None
            server.release()
            if service.poll() is not None:
                product.serve()
            assert product.wait_for(run_id, "completed", "failed") == "completed"
            until_journaled(product, run_id)
        finally:
            end_all(product)
        _, _, _, resumed = server.hits
    assert content in published(product, run_id).values()
    assert resumed.start is not None
    assert stall_at - BLOCK_BYTES < resumed.start <= stall_at
    assert resumed.sent == len(content) - resumed.start
    assert_no_transition_lost(product, run_id)
    assert_sound(product)


# --- quotes and summary -----------------------------------------------------------------------------------------


class Model:
    """A language model that answers honestly but for one request of a chosen kind, which it leaves without an answer."""

    def __init__(self) -> None:
        self.silent_for = ""
        self.asked: list[str] = []

    def __call__(self, asked: Asked) -> Says:
        kind = "quotes" if '"quotes"' in asked.system else "summary"
        self.asked.append(kind)
        if kind == self.silent_for:
            self.silent_for = ""
            return silent(asked)
        return honest(asked)


@pytest.fixture(scope="module")
def model() -> Iterator[tuple[Model, LlmServer]]:
    answering = Model()
    with LlmServer(otherwise=answering) as server:
        yield answering, server


def redo(folder: Path, reference: Reference, stage: str, **settings: object) -> Product:
    """A copy of the finished storage in which `stage` is asked for once more."""
    copy_of(reference.product.storage, folder)
    product = Product(folder, **settings)
    product("retry", reference.run_id, "--from", stage)
    return product


def redone(product: Product, run_id: str) -> bool:
    """Whether the round that `redo` asked for is over."""
    run = body(product, run_id)
    return run["retry_count"] == 1 and run["phase"] == "completed"


def with_model(server: LlmServer) -> dict[str, object]:
    """The settings that make this server's model the one that is asked."""
    return {"llm_base_url": server.base_url, "llm_model": "fake-1", "llm_api_key": KEY}


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, reference: Reference, model: tuple[Model, LlmServer]
) -> dict[str, dict[str, bytes]]:
    """What is published when a model is asked for quotes, or for the summary, and nobody disturbs."""
    found = {}
    for stage in ("quotes", "summary"):
        product = redo(tmp_path_factory.mktemp(stage), reference, stage, **with_model(model[1]))
        try:
            product.serve()
            until(lambda product=product: redone(product, reference.run_id))  # type: ignore[misc]
        finally:
            end_all(product)
        found[stage] = published(product, reference.run_id)
    assert model[0].asked == ["quotes", "summary"]
    return found


@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("stage", ["quotes", "summary"])
def test_a_kill_while_a_model_is_asked_costs_that_question_and_changes_no_byte(
    tmp_path: Path,
    reference: Reference,
    model: tuple[Model, LlmServer],
    written: dict[str, dict[str, bytes]],
    stage: str,
    victim: str,
) -> None:
    answering, server = model
    product = redo(tmp_path, reference, stage, **with_model(server))
    answering.asked.clear()
    answering.silent_for = stage
    try:
        service = product.serve()
        until(lambda: bool(answering.asked))
        kill(product, service, victim)
        if service.poll() is not None:
            product.serve()
        until(lambda: redone(product, reference.run_id))
        until_journaled(product, reference.run_id)
    finally:
        end_all(product)
    assert published(product, reference.run_id) == written[stage]
    assert answering.asked == [stage, stage]
    assert_no_transition_lost(product, reference.run_id)
    assert_sound(product)


@pytest.mark.parametrize("stage", ["quotes", "summary"])
def test_a_kill_as_an_offline_stage_begins_changes_no_byte(tmp_path: Path, reference: Reference, stage: str) -> None:
    product = redo(tmp_path, reference, stage)
    try:
        service = product.serve()
        until(lambda: open_attempt(product, reference.run_id) != {} or redone(product, reference.run_id))
        kill(product, service, "everything")
        product.serve()
        until(lambda: redone(product, reference.run_id))
        until_journaled(product, reference.run_id)
    finally:
        end_all(product)
    assert published(product, reference.run_id) == reference.published
    assert_no_transition_lost(product, reference.run_id)
    assert_sound(product)
