"""`./reprise serve` answers the API on its own port, and ends with streams open."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.secret import Secret
from tests.support.product import Product


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path)
    try:
        yield product
    finally:
        product.close()


@pytest.fixture
def port(product: Product) -> int:
    """Where a service of a test's own answers."""
    number = free_port()
    product.serve(api=True, REPRISE_API_PORT=str(number))
    return number


def test_a_service_answers_probes_without_a_token_and_nothing_else(product: Product, port: int) -> None:
    del product
    for path, ready in (("healthz", None), ("readyz", True)):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=20) as answer:
            assert json.load(answer).get("ready") == ready
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/uploads", timeout=20)


def test_the_first_token_lies_in_a_file_of_this_user_alone(product: Product, port: int) -> None:
    token = Secret(product.layout.admin_token(), text=True).get().decode()
    assert product.layout.admin_token().stat().st_mode & 0o777 == 0o600
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/uploads", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer) == {"uploads": []}


def test_a_port_that_is_taken_is_one_sentence(product: Product) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answer = product("serve", check=False, REPRISE_API_PORT=str(taken.getsockname()[1]))
    assert answer.code == 4
    assert "--no-api" in answer.err
