"""Which addresses a source may be fetched from: the pure half of the address policy. No sockets, no DNS.

A name is judged by every address it resolves to, after unwrapping IPv4 carried inside IPv6. Python's `is_global` is not
used: 3.11.7 calls multicast, 6to4 of loopback and NAT64 of loopback global (reliability.md section 4, "User URL").
Tables: IANA special-purpose address registries for IPv4 and IPv6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from core.errors import SourceRefused
from core.spec import Origin

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_V4_SPECIAL: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_V6_GLOBAL: Final = IPv6Network("2000::/3")
_V6_SPECIAL: Final = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64: Final = IPv6Network("64:ff9b::/96")
_OWN: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)  # what a person may mean by "my own machine"; link-local (cloud metadata) is not in it


def embedded(address: Address) -> tuple[Address, ...]:
    """Where a packet to `address` can end: there, or at the IPv4 inside a mapped, 6to4, Teredo or NAT64 address."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return (address,)


def is_public(address: Address) -> bool:
    """Global unicast, and what it unwraps to as well."""
    return all(_plain_public(inner) for inner in embedded(address))


def _plain_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _V4_SPECIAL)
    return address in _V6_GLOBAL and not any(address in network for network in _V6_SPECIAL)


def _plain_own(address: Address) -> bool:
    return any(address.version == network.version and address in network for network in _OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """What one source may reach. `typed_host`: host of the URL as it was given; `allow`: the setting `net.allow`."""

    origin: Origin
    typed_host: str | None = None
    allow: tuple[Network, ...] = ()

    @classmethod
    def for_source(cls, source: str, origin: Origin, allow: Sequence[str] = ()) -> AddressPolicy:
        """The policy for a source text; raises ValueError when an entry of `allow` is no network."""
        host = urlsplit(source).hostname if "://" in source else None
        return cls(origin=origin, typed_host=_plain_host(host), allow=tuple(ip_network(text) for text in allow))

    def check_url(self, url: str, *, parent: str | None = None) -> str:
        """The host of a URL that may be fetched; raises SourceRefused. `parent`: the page or playlist it came from."""
        try:
            parts = urlsplit(url)
            host, _ = _plain_host(parts.hostname), parts.port
        except ValueError as err:
            raise _refused("the URL is not well formed", "Check the address for typing errors.") from err
        if parts.scheme not in ("http", "https"):
            raise _refused(f"{parts.scheme or 'no'}: is no scheme we fetch", "Only http and https URLs are followed.")
        if parent is not None and parts.scheme == "http" and urlsplit(parent).scheme == "https":
            raise _refused("an https source points to an http URL", "The source has to stay on https.")
        if not host:
            raise _refused("the URL names no host", "Give a full URL such as https://host/path.")
        if (parts.username is not None or parts.password is not None) and not self._is_typed(host):
            raise _refused("the URL carries a user name or password", "Remove them from the URL.")
        literal = _literal(host)
        if literal is not None:
            self.check_addresses(host, (literal,))
        return host

    def check_addresses(self, host: str, addresses: Sequence[Address]) -> None:
        """Every address a host resolved to; raises SourceRefused when there is none, or one of them is not allowed."""
        if not addresses:
            raise _refused(f"{host} has no address", "Check the host name.")
        for address in addresses:
            if not self._allows(host, address):
                raise _refused(
                    f"{host} is at {address}, which is no public address",
                    "Add its network to the setting net.allow when it is meant to be reached.",
                )

    def _allows(self, host: str, address: Address) -> bool:
        if is_public(address):
            return True
        inner = embedded(address)
        if all(any(a.version == n.version and a in n for n in self.allow) for a in inner):
            return True
        return self._is_typed(host) and all(_plain_own(a) for a in inner)

    def _is_typed(self, host: str) -> bool:
        return self.origin == "cli" and self.typed_host is not None and _plain_host(host) == self.typed_host


def _plain_host(host: str | None) -> str | None:
    return None if host is None else host.rstrip(".").lower()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _refused(what: str, remedy: str) -> SourceRefused:
    return SourceRefused(what, remedy=remedy, code="address_refused")
