"""Which addresses may be fetched: the rule for URLs when they are given, and for addresses when they are connected to.

Private, local and special-purpose addresses are refused unless `AllowedHosts` opens them; cloud metadata services are
refused always. `check_url` judges what can be judged without the network; the rest is judged by `core.system.egress`,
for every hop of every fetch, on the very address that is connected to.
"""

import ipaddress
import re
import socket
import unicodedata
from typing import Self
from urllib.parse import SplitResult, urlsplit

import msgspec

from core.domain.errors import BadInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_LENGTH = 4096
DEFAULT_PORTS = {"http": 80, "https": 443}

# Beside what `ipaddress` calls not global: address families that carry another address inside (IPv4-compatible,
# NAT64, Teredo, 6to4) and what Python versions disagree about.
_BLOCKED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "fec0::/10",
        "ff00::/8",
    )
)
# The only part of IPv6 that is given out; Python calls some of the unassigned rest global.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "instance-data"})
_LOCAL_NAME = re.compile(r"^(localhost|localhost\d*\.localdomain\d*|.+\.(localhost|localdomain|local|internal))$")


def unmapped(address: Address) -> Address:
    """`address`, or the IPv4 address inside when it is an IPv4-mapped IPv6 one."""
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return inner or address


def is_this_machine(name: str) -> bool:
    """Whether `name`, an address or `localhost`, leads from this machine to this machine and from no other one."""
    try:
        return name == "localhost" or unmapped(ipaddress.ip_address(name.strip("[]"))).is_loopback
    except ValueError:
        return False


def is_public(address: Address) -> bool:
    """Whether `address` is one of the public internet, and nothing that leads somewhere else."""
    address = unmapped(address)
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(
        address in network for network in _BLOCKED if network.version == address.version
    )


class Opened(msgspec.Struct, frozen=True):
    """One entry of the list of allowed hosts: a host name or a network, and the port if only one is opened."""

    name: str | None
    network: Network | None
    port: int | None


class AllowedHosts(msgspec.Struct, frozen=True):
    """What may be fetched although it is private; by default nothing."""

    entries: tuple[Opened, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The list in `text`: `host`, `host:port`, an address, `[v6]:port` or a CIDR, separated by commas.

        Raises `BadInput` naming the entry that is none of these.
        """
        return cls(tuple(_opened(item.strip()) for item in text.split(",") if item.strip()))

    def opens(self, host: str, port: int, address: Address | None = None) -> bool:
        """Whether `host` at `port` is opened by its name, or by the `address` it stands for."""
        host = host.rstrip(".").lower()
        for entry in self.entries:
            if entry.port not in (None, port):
                continue
            if entry.name is not None and entry.name == host:
                return True
            if entry.network is not None and address is not None and unmapped(address) in entry.network:
                return True
        return False

    def may_open(self, host: str, port: int) -> bool:
        """Whether `host` is opened by its name, or could be by an address that is not known yet."""
        return self.opens(host, port) or any(entry.network and entry.port in (None, port) for entry in self.entries)

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Whether a connection to `address`, found for `host`, may be made."""
        if unmapped(address) in _METADATA_ADDRESSES or host.rstrip(".").lower() in _METADATA_NAMES:
            return False
        return is_public(address) or self.opens(host, port, address)


def _opened(item: str) -> Opened:
    try:
        return Opened(None, ipaddress.ip_network(item.strip("[]"), strict=False), None)
    except ValueError:
        pass
    try:
        parts = urlsplit(f"//{item}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not re.fullmatch(r"[\w.:-]+", host) or parts.path or parts.query or parts.username is not None:
        raise BadInput(
            f"“{item}” in REPRISE_ALLOWED_HOSTS is not a host, host:port or CIDR.",
            hint="Example: REPRISE_ALLOWED_HOSTS=media.lan,10.0.0.5:8080,192.168.7.0/24",
        )
    address = literal_address(host)
    if address is not None:
        return Opened(None, ipaddress.ip_network(unmapped(address)), port)
    return Opened(host.rstrip(".").lower(), None, port)


def literal_address(host: str) -> Address | None:
    """The address that `host` itself is, in any form a resolver accepts (`127.1`, `0x7f.1`, `2130706433`), or None."""
    host = unicodedata.normalize("NFKC", host).strip("[]").partition("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host)) if re.fullmatch(r"[0-9a-fA-FxX.]+", host) else None
    except OSError:
        return None


def check_url(url: str, allowed: AllowedHosts) -> SplitResult:
    """The parts of `url`, whose host is in the form that goes on the wire; nothing is looked up.

    Raises `BadInput` with the code `url_invalid`, `url_scheme`, `url_userinfo` or `url_private_address`.
    """
    if len(url) > MAX_URL_LENGTH:
        raise BadInput(
            f"The address is longer than {MAX_URL_LENGTH} characters.",
            hint="Copy the address of the video's own page.",
            code="url_invalid",
        )
    if re.search(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]|%(00|0[aAdD])", url):
        raise BadInput(
            "The address contains blanks, line breaks or control characters.",
            hint="Copy it again; one address is one word.",
            code="url_invalid",
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid("The address cannot be read: its host or port is malformed.") from None
    if parts.scheme.lower() not in DEFAULT_PORTS:
        raise BadInput(
            f"Addresses that begin with “{parts.scheme[:20]}:” are not fetched; only http and https are.",
            hint="A file on this machine is given by its path alone."
            if parts.scheme.lower() == "file"
            else "Give the http(s) address of the page or file that plays the video.",
            code="url_scheme",
        )
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            "The address contains a user name or password.",
            hint="Take it out (it would stand in lists and logs) and use a cookies file (--cookies) instead.",
            code="url_userinfo",
        )
    host = wire_host(host)
    _refuse_private(host, port or DEFAULT_PORTS[parts.scheme.lower()], allowed)
    return parts._replace(scheme=parts.scheme.lower(), netloc=_netloc(host, port, parts.scheme.lower()))


def wire_host(host: str) -> str:
    """`host` in lower case and in the ASCII form that is looked up (IDN as punycode), without a final dot.

    Raises `BadInput` (`url_invalid`) when it is no host name.
    """
    host = host.rstrip(".").lower()
    if ":" in host:
        return host
    try:
        wire = host.encode("idna").decode("ascii").rstrip(".").lower()
    except UnicodeError:
        raise _invalid("The address has no valid host name.") from None
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_-])?", wire) or ".." in wire:
        raise _invalid("The address has no valid host name.")
    return wire


def _refuse_private(host: str, port: int, allowed: AllowedHosts) -> None:
    address = literal_address(host)
    if address is not None:
        private = not allowed.permits(host, port, address)
    else:
        local = "." not in host or _LOCAL_NAME.match(host) is not None
        private = host in _METADATA_NAMES or (local and not allowed.may_open(host, port))
    if private:
        raise private_address(host)


def private_address(host: str) -> BadInput:
    """The refusal of a private host."""
    return BadInput(
        f"{host} is a private or local address, which is not fetched.",
        hint="Metadata services of clouds are never fetched, whatever is allowed."
        if host in _METADATA_NAMES or literal_address(host) in _METADATA_ADDRESSES
        else f"If that is meant, allow it: REPRISE_ALLOWED_HOSTS={host}",
        code="url_private_address",
    )


def _netloc(host: str, port: int | None, scheme: str) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None or port == DEFAULT_PORTS[scheme] else f"{shown}:{port}"


def _invalid(sentence: str) -> BadInput:
    return BadInput(sentence, hint="Example: https://example.com/video.mp4", code="url_invalid")
