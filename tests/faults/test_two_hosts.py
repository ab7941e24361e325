"""One storage, two machines or containers: the second is refused by the kernel's lock, whatever it can see of the first."""

import subprocess

import pytest

from core.store.locks import Lock
from core.system.identity import is_alive
from tests.support.media_files import mp4
from tests.support.product import Product, command
from tests.support.waiting import until

pytestmark = pytest.mark.root

# Pids, host name and mounts of its own, as in a second container: it cannot see the first one's processes.
ELSEWHERE = ["unshare", "--pid", "--uts", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]
AS_ANOTHER_HOST = 'hostname elsewhere; exec "$@"'


def elsewhere(product: Product, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of the product on another host that shares the storage."""
    argv = [*ELSEWHERE, AS_ANOTHER_HOST, "sh", *command(), *arguments]
    return subprocess.run(argv, env=product.environment, capture_output=True, text=True, check=False, timeout=120)


def test_a_service_elsewhere_is_refused_and_names_the_first_with_its_host(product: Product) -> None:
    service = product.serve()
    lock = product.layout.service_lock()
    before = lock.stat().st_ino, lock.read_bytes()
    answer = elsewhere(product, "serve", "--json")
    assert answer.returncode == 4, answer.stderr
    assert f"process {service.pid} on " in answer.stderr
    assert (lock.stat().st_ino, lock.read_bytes()) == before, "a foreign lock is never broken"
    assert service.poll() is None


def test_a_first_service_elsewhere_keeps_this_one_out_although_its_pid_means_nothing_here(product: Product) -> None:
    argv = [*ELSEWHERE, AS_ANOTHER_HOST, "sh", *command(), "serve"]
    product.storage.mkdir()
    with (product.storage / "serve.err").open("wb") as errors:
        first = subprocess.Popen(argv, env=product.environment, stdin=subprocess.DEVNULL, stderr=errors)
    try:
        until(lambda: first.poll() is not None or "ready" in product.log())
        owner = Lock(product.layout.service_lock()).holder()
        assert owner is not None
        assert owner.host == "elsewhere"
        assert is_alive(owner) is None, "from here nobody can tell, so nothing is assumed"
        answer = product("serve", "--json", check=False)
        assert (answer.code, answer.error["code"]) == (4, "refused")
        assert "on elsewhere" in answer.error["message"]
        assert first.poll() is None
        run = product.run_of(product("add", "--json", "--set", "transcribe=false", mp4()))
        assert product.wait_for(run, "completed", "failed") == "completed", "commands from here reach it by the files"
    finally:
        first.kill()  # and with it everything in its namespace
        first.wait()
    until(lambda: not product.has_service())
    assert product.serve().poll() is None, "once it is dead the lock is free, whoever held it"
