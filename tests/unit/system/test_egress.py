"""The filtering proxy: what it lets through, what it refuses, and that it connects only to what it checked."""

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import requests

from core.domain.errors import BadInput
from core.system.egress import EgressProxy
from core.system.network import AllowedHosts
from tests.support.media_server import MediaServer


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


def through(proxy: EgressProxy) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.proxies = {"all": proxy.url}
    return session


def test_an_allowed_host_is_fetched_whole_in_part_and_again_over_one_session(server: MediaServer) -> None:
    url = server.add("/v.mp4", bytes(range(256)) * 1000)
    with EgressProxy(AllowedHosts.parse(server.host)) as proxy, through(proxy) as session:
        assert session.get(url).content == server.pages["/v.mp4"].body
        part = session.get(url, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, server.pages["/v.mp4"].body[100:200])
        assert session.head(url).headers["Content-Length"] == "256000"
        assert proxy.received_bytes == 256_100
    assert [hit.start for hit in server.hits] == [None, 100, None]


def test_a_private_address_is_refused_in_a_way_that_can_be_recognised(server: MediaServer) -> None:
    with EgressProxy(AllowedHosts()) as proxy, through(proxy) as session:
        answer = session.get(server.url("/v.mp4"))
        assert (answer.status_code, answer.headers["X-Reprise-Refused"]) == (403, "private_address")
        refusal = proxy.refusal()
        assert refusal is not None
        assert refusal.host == "127.0.0.1"
    assert server.hits == []


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "0", "[::1]", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("method", ["GET", "CONNECT"])
def test_every_spelling_of_loopback_is_refused_for_plain_requests_and_for_tunnels(
    server: MediaServer, host: str, method: str
) -> None:
    with EgressProxy(AllowedHosts()) as proxy:
        status = raw(proxy, f"{host}:{server.port}" if method == "CONNECT" else f"http://{host}:{server.port}/", method)
        assert status in (403, 502)  # 502: a machine whose resolver knows no such spelling
    assert server.hits == []


def raw(proxy: EgressProxy, target: str, method: str = "GET", **headers: str) -> int:
    """The status of a request made by hand, so that nothing tidies up its target."""
    authorization = requests.auth._basic_auth_str("reprise", proxy.url.split(":")[2].partition("@")[0])
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Proxy-Authorization": authorization, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port)) for address in ("8.8.8.8", "127.0.0.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", resolver({"two.test": [answers]}))
    with EgressProxy(AllowedHosts()) as proxy:
        assert raw(proxy, f"http://two.test:{server.port}/v.mp4") == 403
    assert server.hits == []


def test_a_name_that_changes_its_mind_is_connected_to_only_where_it_was_checked(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(address: str) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port))]

    lookups = {"rebind.test": [answer("203.0.113.1"), answer("127.0.0.1")]}
    monkeypatch.setattr(socket, "getaddrinfo", resolver(lookups))
    with EgressProxy(AllowedHosts.parse("203.0.113.0/24"), connect_timeout_s=0.2) as proxy:
        assert raw(proxy, f"http://rebind.test:{server.port}/v.mp4") == 504
        assert proxy.trouble[-1].kind == "connect"
        assert raw(proxy, f"http://rebind.test:{server.port}/v.mp4") == 403
    assert server.hits == []


def resolver(lookups: dict[str, list[list[object]]]) -> object:
    """A `getaddrinfo` that answers some names from a list, one answer a lookup, and leaves addresses alone."""
    real = socket.getaddrinfo

    def look_up(host: str, *rest: object, **more: object) -> object:
        return lookups[host].pop(0) if host in lookups else real(host, *rest, **more)  # type: ignore[arg-type]

    return look_up


def test_a_redirect_to_a_private_address_is_refused_at_the_second_hop(server: MediaServer) -> None:
    with MediaServer() as canary:
        canary.add("/v.mp4", b"secret")
        url = server.redirect("/go", canary.url("/v.mp4"))
        with EgressProxy(AllowedHosts.parse(server.host)) as proxy, through(proxy) as session:
            assert session.get(url).status_code == 403
        assert canary.hits == []


def test_who_does_not_know_the_secret_gets_nothing(server: MediaServer) -> None:
    with EgressProxy(AllowedHosts.parse(server.host)) as proxy:
        assert raw(proxy, server.url("/"), **{"Proxy-Authorization": "Basic bm9wZQ=="}) == 407
    assert server.hits == []


@pytest.mark.parametrize(
    "target", ["ftp://127.0.0.1/x", "/v.mp4", "http:///v.mp4", "http://user:pass@127.0.0.1/", "http://127.0.0.1:99999/"]
)
def test_what_is_no_plain_http_target_is_refused(target: str) -> None:
    with EgressProxy(AllowedHosts.parse("127.0.0.0/8")) as proxy:
        assert raw(proxy, target) == 400


def test_an_unknown_name_and_a_closed_port_are_told_apart(server: MediaServer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with EgressProxy(AllowedHosts.parse("127.0.0.1")) as proxy, through(proxy) as session:
            unknown = session.get("http://no-such-name.invalid/")
            assert (unknown.status_code, unknown.headers["X-Reprise-Failed"]) == (502, "dns")
            refused = session.get(f"http://127.0.0.1:{port}/")
            assert (refused.status_code, refused.headers["X-Reprise-Failed"]) == (504, "connect")


def test_an_answer_that_breaks_off_is_not_made_to_look_whole(server: MediaServer) -> None:
    url = server.add("/v.mp4", b"x" * 100_000, declared_length=200_000)
    proxy, broken = EgressProxy(AllowedHosts.parse(server.host)), pytest.raises(requests.RequestException)
    with proxy, through(proxy) as session, broken:
        assert session.get(url).content


def test_a_tunnel_carries_bytes_both_ways_to_an_allowed_host(server: MediaServer) -> None:
    server.add("/v.mp4", b"hello")
    with EgressProxy(AllowedHosts.parse(server.host)) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        secret = requests.auth._basic_auth_str("reprise", proxy.url.split(":")[2].partition("@")[0])
        connection.set_tunnel("127.0.0.1", server.port, {"Proxy-Authorization": secret})
        for _ in range(2):  # kept alive
            connection.request("GET", "/v.mp4")
            assert connection.getresponse().read() == b"hello"
        connection.close()


def test_the_users_own_proxy_is_asked_for_the_checked_address_and_is_itself_checked(server: MediaServer) -> None:
    server.add("/v.mp4", b"hello")
    with RecordingProxy() as upstream:
        allowed = AllowedHosts.parse(f"{server.host},127.0.0.1:{upstream.port}")
        with (
            EgressProxy(allowed, upstream=f"http://me:secret@127.0.0.1:{upstream.port}") as proxy,
            through(proxy) as session,
        ):
            assert session.get(server.url("/v.mp4")).content == b"hello"
        assert upstream.heads[0].startswith(f"CONNECT {server.host} HTTP/1.1")
        assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in upstream.heads[0]
        closed = AllowedHosts.parse(server.host)
        with EgressProxy(closed, upstream=f"http://127.0.0.1:{upstream.port}") as proxy, through(proxy) as session:
            assert session.get(server.url("/v.mp4")).status_code == 403
        assert len(upstream.heads) == 1


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1080", "https://127.0.0.1:3128", "127.0.0.1:3128", "http://h.com"])
def test_a_proxy_of_another_kind_is_refused_in_words(url: str) -> None:
    with pytest.raises(BadInput, match="http://host:port") as caught:
        EgressProxy(AllowedHosts(), upstream=url)
    assert caught.value.code == "url_proxy"


class RecordingProxy:
    """A small CONNECT proxy that writes down what it was asked."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "RecordingProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            head = near.recv(65536).decode()
            self.heads.append(head)
            host, _, port = head.split()[1].rpartition(":")
            far = socket.create_connection((host, int(port)))
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            far.sendall(near.recv(65536))
            while data := far.recv(65536):
                near.sendall(data)
            near.close()
            far.close()


def test_leaving_the_block_ends_every_connection(server: MediaServer) -> None:
    url = server.add("/v.mp4", b"x" * 10_000_000, stall_at=1_000_000)
    with EgressProxy(AllowedHosts.parse(server.host)) as proxy, through(proxy) as session:
        answer = session.get(url, stream=True)
        assert answer.raw.read(1000)
        before = threading.active_count()
    assert threading.active_count() < before
    server.release()
