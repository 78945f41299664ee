"""The address policy: what a source may be fetched from."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from core.errors import SourceRefused
from core.netpolicy import AddressPolicy, is_public

PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "100.64.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
    "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2001:0:7f00:1::5601:203", "2002:7f00:1::",
    "2002:c0a8:101::1", "3fff::1",
    "64:ff9b:1:7f00:0:100::", "64:ff9b:1::8.8.8.8", "2600:2800::5efe:7f00:1", "2600:2800::200:5efe:a00:5", "::8.8.8.8",
    "::ffff:0:127.0.0.1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::5", "::ffff:8.8.8.8",
          "64:ff9b::808:808", "2002:808:808::1")  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_special_addresses_are_not_public(text: str) -> None:
    """Every special-purpose block, and every IPv4 one hidden inside IPv6, is refused."""
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_global_unicast_is_public(text: str) -> None:
    """Ordinary addresses pass, also when IPv6 carries a public IPv4."""
    assert is_public(ip_address(text))


def check(policy: AddressPolicy, host: str, *addresses: str) -> None:
    policy.check_addresses(host, [ip_address(a) for a in addresses])


def test_a_host_with_one_private_address_is_refused() -> None:
    """Every answer has to be public: a name that also resolves to loopback is an attack or a mistake."""
    policy = AddressPolicy.for_source("https://a.example/x", "cli")
    check(policy, "b.example", "8.8.8.8")
    with pytest.raises(SourceRefused, match="no public address"):
        check(policy, "b.example", "8.8.8.8", "127.0.0.1")
    with pytest.raises(SourceRefused, match="no address"):
        check(policy, "b.example")


def test_a_host_typed_at_the_command_line_may_be_private_and_only_that_host() -> None:
    """Its children may lie on the same host; another private host is refused."""
    policy = AddressPolicy.for_source("http://NAS.local.:8080/x", "cli")
    check(policy, "nas.local", "192.168.1.5")
    with pytest.raises(SourceRefused):
        check(policy, "other.local", "192.168.1.6")


def test_the_metadata_address_is_refused_even_when_it_was_typed() -> None:
    """Link-local addresses belong to the cloud, not to the user."""
    policy = AddressPolicy.for_source("http://169.254.169.254/latest", "cli")
    with pytest.raises(SourceRefused):
        policy.check_url("http://169.254.169.254/latest")


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "169.254.170.2", "100.100.100.200",
     "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"],
)  # fmt: skip
def test_what_hands_out_a_clouds_credentials_takes_an_entry_of_its_own(address: str) -> None:
    """Refused when typed and inside a wider network of net.allow; only the very address as an entry opens it."""
    typed = AddressPolicy.for_source("http://meta.example/", "cli", ["0.0.0.0/0", "::/0"])
    with pytest.raises(SourceRefused):
        check(typed, "meta.example", address)
    named = AddressPolicy.for_source("http://meta.example/", "api", [address, "169.254.169.254"])
    check(named, "meta.example", address)


def test_a_typed_host_that_was_public_stays_public() -> None:
    """A name whose first answer is public and a later one private is rebound; one that was private is one's own."""
    typed = AddressPolicy.for_source("http://media.example/x", "cli")
    public = typed.settled([ip_address("8.8.8.8")])
    with pytest.raises(SourceRefused):
        check(public, "media.example", "192.168.1.5")
    check(typed.settled([ip_address("192.168.1.5")]), "media.example", "192.168.1.5")
    assert (typed.unsettled_host, public.unsettled_host) == ("media.example", None)
    assert AddressPolicy.for_source("http://127.0.0.1/", "cli").unsettled_host is None
    assert public.check_url("http://user:pw@media.example/x") == "media.example"  # typed with its password


def test_public_and_private_in_one_answer_is_a_trap() -> None:
    """Except where a house has public IPv6 and private IPv4."""
    typed = AddressPolicy.for_source("http://nas.example/x", "cli")
    check(typed, "nas.example", "192.168.1.5", "2a00:1450::5")
    for answer in (("8.8.8.8", "10.0.0.5"), ("2a00:1450::5", "127.0.0.1"), ("8.8.8.8", "::1")):
        with pytest.raises(SourceRefused, match="this machine's own"):
            check(typed, "nas.example", *answer)


def test_the_last_door_knows_addresses_without_names() -> None:
    """What a socket may be opened to: public, listed, or the typed host's own network."""
    typed = AddressPolicy.for_source("http://nas.example/x", "cli", ["10.1.0.0/16"])
    assert [typed.may_connect(ip_address(a)) for a in ("8.8.8.8", "10.1.2.3", "192.168.1.5", "169.254.169.254")] == [
        True, True, True, False,
    ]  # fmt: skip
    stranger = AddressPolicy.for_source("http://nas.example/x", "api")
    assert not stranger.may_connect(ip_address("192.168.1.5"))


@pytest.mark.parametrize("origin", ["api", "hook"])
def test_a_private_host_from_the_api_is_refused(origin: str) -> None:
    """Only a person at the command line means his own network."""
    policy = AddressPolicy.for_source("http://nas.local/x", origin)  # type: ignore[arg-type]
    with pytest.raises(SourceRefused):
        check(policy, "nas.local", "192.168.1.5")


def test_net_allow_opens_a_network() -> None:
    """The setting names networks that may be reached, also inside mapped addresses."""
    policy = AddressPolicy.for_source("http://x.example/", "api", ["10.1.0.0/16", "fd00::/8"])
    check(policy, "a", "10.1.2.3", "fd00::1", "::ffff:10.1.9.9")
    with pytest.raises(SourceRefused):
        check(policy, "a", "10.2.0.1")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "concat:a|b", "data:text/plain,x", "ftp://a.example/x", "rtmp://a.example/x", "/etc/passwd",
     "http://", "https://user:pw@a.example/", "http://a.example:99999/", "http://[::1", "http://[::1]/",
     "http://a.example\\@b.example/", "http://a b/", "http://a.example/\r\nX: y", "\x00http://a.example/",
     "http://127.0.0.1/", "http://[::ffff:10.0.0.1]/x", "subfile,,start,0,end,1,,:/etc/passwd"],
)  # fmt: skip
def test_other_schemes_user_names_and_private_literals_are_refused(url: str) -> None:
    """A playlist may name anything; only plain public http and https URLs are fetched."""
    with pytest.raises(SourceRefused):
        AddressPolicy.for_source("https://a.example/i.m3u8", "api").check_url(url)


def test_https_does_not_lead_to_http() -> None:
    """A secure playlist's children stay secure; a plain one may lead to either."""
    policy = AddressPolicy.for_source("https://a.example/i.m3u8", "api")
    with pytest.raises(SourceRefused, match="https"):
        policy.check_url("http://a.example/s.ts", parent="https://a.example/i.m3u8")
    assert policy.check_url("https://a.example/s.ts", parent="http://a.example/i.m3u8") == "a.example"
    assert policy.check_url("https://a.example:8443/s.ts") == "a.example"


def test_a_broken_network_in_the_setting_is_an_error_at_once() -> None:
    """A typing error in net.allow must not become an open or a closed door in silence."""
    with pytest.raises(ValueError, match="999"):
        AddressPolicy.for_source("https://a.example/", "api", ["10.0.0.999/8"])
