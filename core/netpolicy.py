"""Which addresses a source may be fetched from: the pure half of the address policy. No sockets, no DNS.

A name is judged by every address it resolves to, after unwrapping IPv4 carried inside IPv6. Python's `is_global` is not
used: 3.11.7 calls multicast, 6to4 of loopback and NAT64 of loopback global (reliability.md section 4, "User URL").
Tables: IANA special-purpose address registries for IPv4 and IPv6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from core.errors import SourceRefused
from core.spec import Origin

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ADDRESS_REFUSED: Final = "address_refused"  # the code of every refusal here
WEB: Final = frozenset(("http", "https"))

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
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")  # RFC 8215: which of its bits hold the IPv4 is the network's affair
_COMPATIBLE: Final = IPv6Network("::/96")  # RFC 4291 2.5.5.1, deprecated; `::` and `::1` are no carriers
_ISATAP: Final = (0x00005EFE, 0x02005EFE)  # RFC 5214 6.1: the upper half of the interface identifier
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")  # parsers differ on whether they drop them
_AMBIGUOUS: Final = re.compile(r"[\\\s]")  # and on whether a host ends there
_OWN: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "::1/128", "fc00::/7")
)  # what a person may mean by "my own machine"; link-local (cloud metadata) is not in it
# AWS, ECS, EKS, Scaleway, Alibaba, Oracle, Azure, then the same and Google over IPv6: they hand out credentials
_METADATA: Final[frozenset[Address]] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42", "100.100.100.200", "192.0.0.192",
        "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42",
    )
)  # fmt: skip


def embedded(address: Address) -> tuple[Address, ...]:
    """Where a packet to `address` can end: there, or at the IPv4 inside a mapped, compatible, 6to4, Teredo, NAT64 or
    ISATAP address."""
    if isinstance(address, IPv4Address):
        return (address,)
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _NAT64:
        return (low,)
    carries = address in _COMPATIBLE or address in _NAT64_LOCAL or int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    return (address, low) if carries and int(address) > 1 else (address,)


def refused_v4() -> tuple[tuple[IPv4Network, ...], tuple[IPv4Network, ...]]:
    """For firewalls: services that hand out credentials, which no setting opens, and all that is not public."""
    metadata = sorted(address for address in _METADATA if isinstance(address, IPv4Address))
    return tuple(IPv4Network(address) for address in metadata), _V4_SPECIAL


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
    """What one source may reach. `typed_host`: host of the URL as it was given; `allow`: the setting `net.allow`;
    `typed_own`: the typed host may be on the person's own network (see `settled`)."""

    origin: Origin
    typed_host: str | None = None
    allow: tuple[Network, ...] = ()
    typed_own: bool = True

    @classmethod
    def for_source(cls, source: str, origin: Origin, allow: Sequence[str] = ()) -> AddressPolicy:
        """The policy for a source text; raises ValueError when an entry of `allow` is no network."""
        try:
            host = urlsplit(source).hostname if "://" in source else None
        except ValueError:
            host = None  # check_url says what is wrong with it
        return cls(origin=origin, typed_host=_plain_host(host), allow=tuple(ip_network(text) for text in allow))

    @property
    def unsettled_host(self) -> str | None:
        """The name whose first answer has to be handed to `settled`; None when no answer changes anything."""
        named = self.typed_host is not None and _literal(self.typed_host) is None
        return self.typed_host if named and self.typed_own and self.origin == "cli" else None

    def settled(self, addresses: Sequence[Address]) -> AddressPolicy:
        """The policy once the typed host's first answer is known. A public host stays one: when its name later leads
        into a private network, that is rebinding and not the person's own machine."""
        if addresses and all(is_public(address) for address in addresses):
            return replace(self, typed_own=False)
        return self

    def check_url(self, url: str, *, parent: str | None = None, schemes: frozenset[str] = WEB) -> str:
        """The host of a URL that may be fetched; raises SourceRefused. `parent`: the page or playlist it came from."""
        try:
            parts = urlsplit(url)
            host, _ = _plain_host(parts.hostname), parts.port
        except ValueError as err:
            raise _refused("the URL is not well formed", "Check the address for typing errors.") from err
        if _CONTROL.search(url) or _AMBIGUOUS.search(parts.netloc):
            raise _refused("the URL holds characters that no URL may", "Write them percent-encoded.")
        if parts.scheme not in schemes:
            only = " and ".join(sorted(schemes))
            raise _refused(f"{parts.scheme or 'no'}: is no scheme we fetch", f"Only {only} URLs are followed.")
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
        if self._is_own(host) and _two_faced(addresses) and not all(self._listed(a) for a in addresses):
            raise _refused(
                f"{host} is at public addresses and at one of this machine's own", "Give the address itself instead."
            )

    def may_connect(self, address: Address) -> bool:
        """Whether any host of this source may be at an address: asked of the very address that a socket is for, so that
        nothing between look-up and connection has to be believed."""
        typed = "" if self.typed_host is None else self.typed_host
        return self._allows(typed, address)

    def _allows(self, host: str, address: Address) -> bool:
        inner = embedded(address)
        if not _METADATA.isdisjoint((address, *inner)):
            return any(n.num_addresses == 1 and a in n for a in (address, *inner) for n in self.allow)
        if is_public(address) or self._listed(address):
            return True
        return self._is_own(host) and all(_plain_own(a) for a in inner)

    def _listed(self, address: Address) -> bool:
        return all(any(a.version == n.version and a in n for n in self.allow) for a in embedded(address))

    def _is_typed(self, host: str) -> bool:
        return self.origin == "cli" and self.typed_host is not None and _plain_host(host) == self.typed_host

    def _is_own(self, host: str) -> bool:
        return self.typed_own and self._is_typed(host)


def _two_faced(addresses: Sequence[Address]) -> bool:
    """Public and private in one answer. A house may have public IPv6 and private IPv4; inside one family, or beside
    loopback, it is a trap."""
    own = [inner for address in addresses if not is_public(address) for inner in embedded(address)]
    public = {address.version for address in addresses if is_public(address)}
    return bool(public) and any(address.is_loopback or address.version in public for address in own)


def _plain_host(host: str | None) -> str | None:
    return None if host is None else host.rstrip(".").lower()


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _refused(what: str, remedy: str) -> SourceRefused:
    return SourceRefused(what, remedy=remedy, code=ADDRESS_REFUSED)
