"""The corpus: which URL is put where, and by whom. A case is a hostile URL and the door it comes through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from core.spec import Origin
from tests.attack.everywhere import ATTACKER, ATTACKER6, PORTS
from tests.attack.spellings import CARRIED4, HIDDEN4, NAMES, NATIVE6, SPECIAL4, carrying6, written4

ORIGINS: Final[tuple[Origin, ...]] = ("api", "hook", "cli")
STRANGERS: Final[tuple[Origin, ...]] = ("api", "hook")
CHILDREN: Final = (
    "variant", "audio", "segment", "second segment", "byte range", "map", "map byte range", "key", "map key",
    "session key", "iframe", "subtitles", "nested", "reload", "part",
)  # fmt: skip
INSIDE: Final = (
    "http://127.0.0.1:6379/x", "http://[::1]:8080/x", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.5/x",
    "http://2130706433:8080/x", "http://[::ffff:10.0.0.5]:8080/x", "http://inside.example/x",
    "http://both.example:8080/x", "https://127.0.0.1:8443/x",
)  # fmt: skip

Answers = dict[str, tuple[tuple[str, ...], ...]]
DNS: Final[Answers] = {  # a name's answers, one look-up after the other; the last one stays
    "media.example": ((ATTACKER,),),
    "media6.example": ((ATTACKER6,),),
    "inside.example": (("10.0.0.5",),),
    "both.example": ((ATTACKER, "127.0.0.1"),),
    "both6.example": ((ATTACKER6, "::1"),),
    "mixed.example": ((ATTACKER, "10.0.0.5"),),
    "mapped.example": (("::ffff:127.0.0.1",),),
    "none.example": ((),),
    "flip.example": ((ATTACKER,), ("127.0.0.1",)),
    "flip3.example": ((ATTACKER,), (ATTACKER,), (ATTACKER,), ("169.254.169.254",)),
    "flip6.example": ((ATTACKER6,), ("::1",)),
    "flop.example": ((ATTACKER,), ("10.0.0.5",), (ATTACKER,), ("10.0.0.5",)),
}


class Case(NamedTuple):
    """`url` is the hostile one; `door`: direct, chat, page, redirect N, or a playlist's child; `typed`: what a person
    gave, where the hostile URL is not that itself."""

    family: str
    name: str
    url: str
    door: str
    origin: Origin
    typed: str = f"http://{ATTACKER}:8080/live.m3u8"
    control: bool = True  # reaches a canary once `net.allow` lists everything


def corpus() -> list[Case]:
    """All of them."""
    return [
        *_spelled(),
        *_carried(),
        *_special(),
        *_tricks(),
        *_metadata(),
        *_rebinding(),
        *_redirected(),
        *_children(),
    ]


def _spelled() -> Iterator[Case]:
    for number, address in enumerate(HIDDEN4):
        for name, host in written4(address):
            door = ("direct", "chat")[number % 2]
            yield Case("IPv4 spellings", f"{address} {name}", f"http://{host}:8080/x", door, STRANGERS[number % 2])
    for name in NAMES:
        yield Case("names", name[:40], f"http://{name}:8080/x", "direct", "api", control=False)


def _carried() -> Iterator[Case]:
    for address in CARRIED4:
        for kind, host in carrying6(address):
            for door in ("direct", "chat"):
                yield Case("IPv4 inside IPv6", f"{address} {kind} {door}", f"http://[{host}]:8080/x", door, "api")


def _special() -> Iterator[Case]:
    for host in NATIVE6:
        yield Case("IPv6 ranges", host, f"http://[{host}]:8080/x", "direct", "api", control="%" not in host)
    for host in SPECIAL4:
        yield Case("IPv4 ranges", host, f"http://{host}:8080/x", "direct", "hook")


def _tricks() -> Iterator[Case]:
    good = "media.example"
    urls = (
        f"http://{good}@127.0.0.1:8080/", f"http://{good}:80@127.0.0.1:8080/", f"http://{good}%40@127.0.0.1:8080/",
        f"http://a@{good}@127.0.0.1:8080/", f"http://127.0.0.1:8080\\@{good}/", f"http://{good}\\@127.0.0.1:8080/",
        f"http://{good}\\.127.0.0.1:8080/", f"http://{good}:8080\\@127.0.0.1:8080/", "http:\\\\127.0.0.1:8080\\x",
        "http:/\\127.0.0.1:8080/", "http:127.0.0.1:8080/", "http:/127.0.0.1:8080/", "http:///127.0.0.1:8080/",
        "//127.0.0.1:8080/", "http://127.0.0.1:8080", "HTTP://127.0.0.1:8080/", "hTtP://LOCALHOST:8080/",
        "http://127.0.\t0.1:8080/", "http://127.0.0.1\n:8080/", "\nhttp://127.0.0.1:8080/", "\x00http://127.0.0.1:8080/",
        " http://127.0.0.1:8080/", "http:// 127.0.0.1:8080/", f"http://{good}\r\nHost: 127.0.0.1/",
        "http://[::1]:8080:80/", "http://[::1/", "http://::1]:8080/", "http://[::1]x:8080/", "http://[127.0.0.1]:8080/",
        "http://[v1.127.0.0.1]:8080/", "http://127.0.0.1:00008080/", "http://127.0.0.1:65536/", "http://127.0.0.1:-1/",
        "http://127.0.0.1:0/", "http://127.0.0.1:\u0668\u0660\u0668\u0660/", "http://127.0.0.1:8080#@media.example/",
        "http://127.0.0.1:8080?@media.example/", "http://127.0.0.1;media.example:8080/", "http://127.0.0.1,8.8.8.8:8080/",
        "http://127.0.0.1:8080/%2e%2e/%2e%2e/", "http://127.1.:8080/", "http://[::ffff:7f00:1]:8080/",
        "http://[0:0::ffff:127.0.0.1]:8080/", "http://[::%31]:8080/", "http://%31%32%37.0.0.1:8080/", "http://@127.0.0.1:8080/",
        "http://:@127.0.0.1:8080/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "ftp://127.0.0.1:22/",
        "dict://127.0.0.1:11211/", "ldap://127.0.0.1:8080/", "unix:///var/run/docker.sock", "rtmp://127.0.0.1:8080/",
        "rtsp://127.0.0.1:8080/", "srt://127.0.0.1:8080", "tcp://127.0.0.1:6379", "data:text/plain,x", "jar:http://127.0.0.1!/",
        "concat:http://127.0.0.1:8080/|x", "subfile,,start,0,end,9,,:/etc/passwd", "httpproxy://127.0.0.1:8080/",
        "hls+http://127.0.0.1:8080/x", "hls://127.0.0.1:8080/x", "httpstream://127.0.0.1:8080/x", "view-source:http://127.0.0.1:8080/",
    )  # fmt: skip
    for url in urls:
        for door in ("direct", "redirect 1", "segment"):
            plain = url.startswith("http://127.0.0.1:8080")
            yield Case("parser tricks", f"{url!r} {door}", url, door, "api", control=plain)
    for port in PORTS:
        yield Case("ports", f"port {port}", f"http://127.0.0.1:{port}/x", "direct", "api")


def _metadata() -> Iterator[Case]:
    """Typed at the command line: a person's own network is allowed, what hands out a cloud's credentials is not."""
    for host in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16",
                 "[fd00:ec2::254]", "[fd20:ce::254]", "[::ffff:169.254.169.254]", "[64:ff9b::169.254.169.254]",
                 "2852039166", "0xa9fea9fe"):  # fmt: skip
        for door in ("direct", "chat"):
            yield Case("metadata, typed", f"{host} {door}", f"http://{host}/latest/meta-data/", door, "cli")


def _rebinding() -> Iterator[Case]:
    for host in ("flip.example", "flip3.example", "flip6.example", "flop.example", "both.example", "both6.example",
                 "mixed.example", "mapped.example", "none.example"):  # fmt: skip
        for origin in ORIGINS:
            if origin == "cli" and host == "mapped.example":
                continue  # typed, and nothing but the person's own machine
            url = f"http://{host}:8080/live.m3u8"
            for door in ("direct", "same host", "chat"):
                name = f"{host} {origin} {door}"
                yield Case("rebinding", name, url, door, origin, typed=url, control=origin == "api")


def _redirected() -> Iterator[Case]:
    for url in INSIDE:
        for origin in ORIGINS:
            for hops in (1, 2, 5, 6):
                name = f"{hops} to {url} {origin}"
                yield Case("redirects", name, url, f"redirect {hops}", origin, control=hops < 6)
        yield Case("redirects", f"chat to {url}", url, "chat redirect", "api")


def _children() -> Iterator[Case]:
    for child in CHILDREN:
        reached = child not in ("session key", "iframe", "subtitles", "part")  # these are never fetched at all
        for number, url in enumerate(INSIDE):
            for origin in ORIGINS[number % 3 :] if number < 3 else (ORIGINS[number % 3],):
                name = f"{child} {url} {origin}"
                yield Case("playlist children", name, url, child, origin, control=reached)
        typed = "http://media.example:8080/live.m3u8"
        yield Case(
            "playlist children", f"{child} by name", "http://10.0.0.5/x", child, "cli", typed=typed, control=reached
        )
