"""Which addresses may be fetched, as far as it can be told without the network."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import BadInput
from core.system.network import MAX_URL_LENGTH, AllowedHosts, check_url, is_public, literal_address, unmapped

NOTHING = AllowedHosts()


def refusal(url: str, allowed: AllowedHosts = NOTHING) -> str | None:
    """The code with which `url` is refused, or None."""
    try:
        check_url(url, allowed)
    except BadInput as error:
        return error.code if error.message.endswith(".") and error.hint else "not in whole sentences"
    return None


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v.mp4",
        "http://localhost:8000/v.mp4",
        "http://LOCALHOST./",
        "http://sub.localhost/",
        "http://2130706433:8000/",
        "http://0x7f.1:8000/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]:8000/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]:8000/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:7f00:1::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fc00::1]/",
        "http://①②⑦.0.0.1/",
        "http://１２７.1/",
        "http://127。0。0。1/",
        "http://10.1.2.3/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://router/",
        "http://nas.local/",
        "http://host.docker.internal/",
    ],
)
def test_private_addresses_are_refused_in_every_form_a_resolver_accepts(url: str) -> None:
    assert refusal(url) == "url_private_address"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h.com/x",
        "file:///etc/passwd",
        "gopher://h.com/",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "//h.com/x",
    ],
)
def test_only_http_and_https_are_fetched(url: str) -> None:
    assert refusal(url) == "url_scheme"


@pytest.mark.parametrize("url", ["https://user:pass@host.com/v.mp4", "https://user@host.com/", "https://@host.com/"])
def test_a_user_name_or_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_url(url, NOTHING)
    assert caught.value.code == "url_userinfo"
    assert "pass" not in caught.value.message.replace("password", "")


@pytest.mark.parametrize(
    "url",
    [
        "http://h.com/a\r\nX: y",
        "http://h.com/a\x00b",
        "http://h.com/a\tb",
        "http://h.com/%00",
        "http://h.com/%0d%0aX:%20y",
        "http://h .com/",
        "http://h.com/\u2028",
        "http://h.com:99999/",
        "http://h.com:x/",
        "http://",
        "http:///v.mp4",
        "http://a..b/",
        "http://-.com/",
        "http://[::1/",
        "http://h.com/" + "x" * MAX_URL_LENGTH,
        "http://" + "x" * 64 + ".com/",
    ],
)
def test_malformed_urls_are_refused(url: str) -> None:
    assert refusal(url) == "url_invalid"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://EXAMPLE.com:443/A?b=C", "https://example.com/A?b=C"),
        ("http://example.com.:80/", "http://example.com/"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("https://exämple.com/ü", "https://xn--exmple-cua.com/ü"),
        ("http://8.8.8.8/v.mp4", "http://8.8.8.8/v.mp4"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
    ],
)
def test_a_public_url_comes_back_with_its_host_as_it_goes_on_the_wire(url: str, canonical: str) -> None:
    assert check_url(url, NOTHING).geturl() == canonical


def test_allowed_hosts_open_a_name_a_port_and_a_network_and_nothing_beside_them() -> None:
    allowed = AllowedHosts.parse("media.lan, 127.0.0.1:8000, 10.0.0.0/8, [::1]:90")
    for url in (
        "http://media.lan/v",
        "http://MEDIA.lan:99/v",
        "http://127.1:8000/",
        "http://10.200.1.1/",
        "http://[::1]:90/",
    ):
        assert refusal(url, allowed) is None, url
    for url in ("http://127.0.0.1:8001/", "http://192.168.0.1/", "http://[::1]:91/"):
        assert refusal(url, allowed) == "url_private_address", url


def test_metadata_services_cannot_be_opened() -> None:
    allowed = AllowedHosts.parse("169.254.0.0/16,metadata.google.internal,fd00::/8")
    for host in ("169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"):
        assert refusal(f"http://{host}/", allowed) == "url_private_address"


@pytest.mark.parametrize("entry", ["a b", "http://h.com/", "h.com/path", "user@h.com", "10.0.0.0/99", "h.com:abc"])
def test_an_entry_that_is_no_host_is_named(entry: str) -> None:
    with pytest.raises(BadInput, match="REPRISE_ALLOWED_HOSTS"):
        AllowedHosts.parse(entry)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_in_all_its_spellings(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for spelling in (str(address), str(number), hex(number), f"::ffff:{address}", f"{address}."):
        found = literal_address(spelling)
        assert found is not None
        assert is_public(found) == is_public(address)


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    address = unmapped(address)
    if (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
    ):
        assert not is_public(address)
