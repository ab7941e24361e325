"""The machine has no more open files or processes to give, or lets no file grow longer: said, waited for, nothing lost."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.media_files import media_file, mp4
from tests.support.product import Product
from tests.support.waiting import until

DOWNLOAD = ("--json", "--set", "transcribe=false")
FILE_LIMIT_BYTES = 2**20


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path, rescan_s=0.2, retry_base_s=0.05)
    yield product
    product.close()


@contextmanager
def no_more_open_files(pid: int) -> Iterator[None]:
    """Process `pid` gets no new descriptor for a while."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def test_a_service_without_open_files_to_spare_waits_and_takes_nobody_for_the_owner(product: Product) -> None:
    service = product.serve()
    until(lambda: '"ready"' in product.log())
    with no_more_open_files(service.pid):
        run = product.run_of(product("add", *DOWNLOAD, mp4()))
        until(lambda: "Too many open files" in product.log())
        assert service.poll() is None
        assert product.phase(run) == "queued", "nothing was lost, nothing was blamed on it"
        assert "stayed locked" not in product.log()
    assert product.wait_for(run, "completed", "failed") == "completed"
    assert product("show", run, "--json").json["attempts"]["download"] == 0
    assert product("check", "--json").json["ok"]


@pytest.mark.strace
def test_when_no_process_can_be_started_the_next_try_is_later_and_no_run_is_lost(product: Product) -> None:
    service = product.serve()
    trace = product.storage.parent / "trace"
    # Each process fails to fork twice: the service as it starts its worker, the worker as it starts its tools. Python
    # tries `fork` (clone) when it is refused `vfork`.
    fault = ["-e", "trace=vfork,clone", "-e", "inject=vfork,clone:error=EAGAIN:when=1..2"]
    argv = ["strace", "-f", "-o", str(trace), *fault, "-p", str(service.pid)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        try:
            run = product.run_of(product("add", *DOWNLOAD, mp4()))
            product.wait_for(run, "completed", "failed")
        finally:
            tracer.terminate()
    assert product.phase(run) == "completed", product("show", run, "--json").out
    refused = {line.split()[0] for line in trace.read_text().splitlines() if "EAGAIN" in line}
    assert len(refused) >= 2, "the service and its worker"
    assert "Resource temporarily unavailable" in product.log()
    assert service.poll() is None


def test_a_file_that_may_not_grow_so_long_fails_its_run_with_one_sentence_and_leaves_no_part(product: Product) -> None:
    service = product.serve()
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (FILE_LIMIT_BYTES, resource.RLIM_INFINITY))
    big = media_file("longer.wav", seconds=30.0, video=False, codecs=("-c:a", "pcm_s16le"))
    assert big.stat().st_size > FILE_LIMIT_BYTES
    added = product("add", *DOWNLOAD, big, mp4())
    large, small = product.run_of(added), product.run_of(added, 1)
    product.wait_for(large, "failed", "completed")
    assert product.wait_for(small, "failed", "completed") == "completed"
    shown = product("show", large, "--json").json
    assert (shown["phase"], shown["failure"]["class"]) == ("failed", "limit_exceeded")
    assert shown["failure"]["message"] == "A file became longer than this system allows a file to be."
    assert "ulimit -f" in shown["failure"]["hint"]
    parts = [path for path in product.layout.work_root.rglob("*") if path.is_file() and path.name != "units.jsonl"]
    assert parts == []
    assert product("check", "--json").json["ok"]
