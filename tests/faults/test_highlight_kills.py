"""kill -9 while highlights are found and while a clip is rendered: at most the unit in flight is done again, no byte differs."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.kills import assert_sound, body, copy_of, end_all, kill
from tests.support.llm_server import KEY, Asked, LlmServer, Says, says, silent
from tests.support.product import Product, command, workers_of
from tests.support.transcription_kills import Reference
from tests.support.waiting import until

pytestmark = pytest.mark.speech


class Model:
    """Calls the longest sentence that it was shown a highlight; the first request is left without an answer, if so wished."""

    def __init__(self, *, silent_once: bool) -> None:
        self.silent_once = silent_once
        self.asked = 0

    def __call__(self, asked: Asked) -> Says:
        self.asked += 1
        if self.silent_once:
            self.silent_once = False
            return silent(asked)
        label, text = max((line.split(" ", 1) for line in asked.material), key=lambda line: len(line[1]))
        offer = {"start_id": label, "end_id": label, "text": text, "why": "it is long", "rating": 9}
        return says({"highlights": [offer]})(asked)


def found(folder: Path, reference: Reference, *, killed: bool) -> tuple[bytes, int]:
    """The highlights of the reference as a model chooses them, and how often it was asked."""
    copy_of(reference.product.storage, folder)
    model = Model(silent_once=killed)
    with LlmServer(otherwise=model) as server:
        product = Product(folder, llm_base_url=server.base_url, llm_model="fake-1", llm_api_key=KEY)
        product("retry", reference.run_id, "--set", "detect_highlights=true")
        try:
            service = product.serve()
            if killed:
                until(lambda: model.asked == 1)
                kill(product, service, "everything")
                product.serve()
            until(lambda: status(product, reference.run_id) == "committed")
        finally:
            end_all(product)
        assert_sound(product)
        return product("get", reference.run_id, "highlights.json").out.encode(), model.asked


def status(product: Product, run_id: str) -> str:
    found: str = body(product, run_id)["stages"].get("detect_highlights", {}).get("status", "")
    return found


def test_a_kill_while_a_model_is_asked_for_highlights_costs_that_question_and_changes_no_byte(
    tmp_path: Path, reference: Reference
) -> None:
    undisturbed, asked = found(tmp_path / "undisturbed", reference, killed=False)
    assert json.loads(undisturbed)["highlights"]
    assert found(tmp_path / "killed", reference, killed=True) == (undisturbed, asked + 1)


def test_a_kill_while_a_clip_is_rendered_costs_one_unit_and_changes_no_byte(
    tmp_path: Path, reference: Reference
) -> None:
    copy_of(reference.product.storage, tmp_path)
    product = Product(tmp_path)
    asked = ("clip", reference.run_id, "0:00-1:10", "-o", tmp_path / "clip.mp4")
    making = subprocess.Popen([*command(), *map(str, asked)], env=product.environment, start_new_session=True)
    clips = product.layout.work_root / "clip"
    try:
        until(lambda: any('"unit":' in path.read_text() for path in clips.glob("*/units.jsonl")))
    finally:
        os.killpg(making.pid, signal.SIGKILL)
        making.wait()
    until(lambda: not workers_of(product.storage))
    assert not (tmp_path / "clip.mp4").exists()
    (units,) = clips.glob("*/units.jsonl")
    noted = [int(size) for sizes in re.findall(r'"bytes":\[([\d,]+)\]', units.read_text()) for size in sizes.split(",")]
    parts = [path for path in units.parent.glob("*.m*") if path.suffix != ".part"]
    assert sorted(path.stat().st_size for path in parts) == sorted(noted), "nothing half made has its final name"
    resumed = product(*asked, "--json")
    whole = (tmp_path / "clip.mp4").read_bytes()
    for artifact in (product.layout.artifacts / "clip").iterdir():
        (artifact / "clip.mp4").unlink()
        (artifact / "receipt.json").unlink()
        artifact.rmdir()
    product(*asked)
    assert (tmp_path / "clip.mp4").read_bytes() == whole
    assert resumed.json["size"] == len(whole)
