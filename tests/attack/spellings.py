"""The ways to write an address that is not public. Data and its generators; every entry is the host part of a URL."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

HIDDEN4: Final = ("127.0.0.1", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "0.0.0.0")
CARRIED4: Final = ("127.0.0.1", "10.0.0.5", "169.254.169.254")
NATIVE6: Final = (
    "::1", "0:0:0:0:0:0:0:1", "0000:0000:0000:0000:0000:0000:0000:0001", "::", "fe80::1", "fe80::1%25lo", "fe80::1%lo",
    "fe80::a9fe:a9fe%251", "fc00::1", "fd00:ec2::254", "FD00:EC2::254", "fd20:ce::254", "fd00:42::42", "fec0::1",
    "ff02::1", "ff0e::1", "100::1", "2001:db8::1", "2001:2::1", "2001:10::1", "2001:20::1", "3fff::1", "5f00::1",
    "64:ff9b:1::1", "4000::1", "::2",
)  # fmt: skip
SPECIAL4: Final = (
    "0.0.0.1", "100.64.0.1", "127.255.255.254", "169.254.170.2", "172.31.255.255", "192.0.0.8", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "168.63.129.16",
)  # fmt: skip
NAMES: Final = (
    "localhost", "LOCALHOST", "LocalHost.", "localhost.", "ip6-localhost", "localhost.localdomain",
    "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54", "loc\u00adalhost",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "lo%63alhost", "xn--localhost-", "xn--", "127.0.0.1.", "127.0.0.1..", ".127.0.0.1", "127.0.0.1%2e", "a" * 70,
    "a." * 130 + "a", "\u0660.0.0.1", "\u0967\u0968\u096d.0.0.1", "%00127.0.0.1", "127.0.0.1%00.good.example",
)  # fmt: skip


def written4(address: str) -> Iterator[tuple[str, str]]:
    """(name of the spelling, host) of an IPv4 address in every form that inet_aton, browsers or IDNA understand."""
    parts = [int(part) for part in address.split(".")]
    number, (a, b, c, d) = int(IPv4Address(address)), parts
    yield "dotted", address
    yield "trailing dot", address + "."
    yield "decimal", str(number)
    yield "hex", hex(number)
    yield "upper hex", f"0X{number:08X}"
    yield "padded hex", f"0x{number:016x}"
    yield "octal", f"0{number:o}"
    yield "dotted octal", ".".join(f"0{part:o}" for part in parts)
    yield "padded octal", ".".join(f"{part:06o}" for part in parts)
    yield "dotted hex", ".".join(hex(part) for part in parts)
    yield "mixed", f"{hex(a)}.{b}.0{c:o}.{d}"
    yield "two parts", f"{a}.{b << 16 | c << 8 | d}"
    yield "three parts", f"{a}.{b}.{c << 8 | d}"
    if a != 172:  # 172.016 is 172.14, which is public
        yield "zero padded", ".".join(f"{part:03d}" for part in parts)
    yield "full-width digits", "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in address)
    yield "ideographic stops", address.replace(".", "\u3002")
    yield "half-width stops", address.replace(".", "\uff61")
    yield "full-width stops", address.replace(".", "\uff0e")
    yield "percent dots", address.replace(".", "%2e")
    yield "percent digits", "".join(f"%{ord(c):02x}" for c in address)
    yield "circled digits", "".join(chr(0x2460 + int(c) - 1) if c in "123456789" else c for c in address)
    yield (
        "superscript",
        address.translate(str.maketrans("0123456789", "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")),
    )


def carrying6(address: str) -> Iterator[tuple[str, str]]:
    """(kind, IPv6 address) that a translator, tunnel or kernel turns into this IPv4 address."""
    number = int(IPv4Address(address))
    flipped = number ^ 0xFFFFFFFF

    def text(value: int) -> str:
        return str(IPv6Address(value))

    yield "mapped", text(0xFFFF << 32 | number)
    yield "mapped, dotted", f"::ffff:{address}"
    yield "mapped, in full", f"0:0:0:0:0:ffff:{number >> 16:04X}:{number & 0xFFFF:04X}"
    yield "translated", f"::ffff:0:{address}"
    yield "compatible", f"::{address}"
    yield "6to4", text(0x2002 << 112 | number << 80 | 1)
    yield "6to4 host", text(0x2002 << 112 | number << 80)
    yield "teredo client", text(0x20010000 << 96 | 0x08080808 << 64 | 0x8000 << 48 | flipped)
    yield "teredo server", text(0x20010000 << 96 | number << 64 | 0x8000 << 48 | (0x08080808 ^ 0xFFFFFFFF))
    yield "nat64", f"64:ff9b::{address}"
    yield "nat64 local /96", f"64:ff9b:1::{address}"
    yield "nat64 local /48", text(0x0064FF9B0001 << 80 | (number >> 16) << 64 | (number & 0xFFFF) << 40)
    yield "isatap", text(0x26002800 << 96 | 0x00005EFE << 32 | number)
    yield "isatap, global", text(0x26002800 << 96 | 0x02005EFE << 32 | number)
