"""Hostile playlists, and what stands where media should. Data and its generators; `{secret}` is a file on this disk."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.attack.everywhere import Answer
from tests.attack.ssrf_run import CHILD, END, HEAD

FOREIGN: Final = (
    "file://{secret}",
    "file:{secret}",
    "FILE://{secret}",
    "file://localhost{secret}",
    "file://{secret}%00.ts",
    "{secret}",
    "//127.0.0.1:8080{secret}",
    "concat:{secret}|{secret}",
    "concat:http://127.0.0.1:8080/x|file:{secret}",
    "concatf:{secret}",
    "subfile,,start,0,end,999,,:{secret}",
    "data:text/plain,x",
    "data:video/mp2t;base64,R0BA",
    "pipe:0",
    "pipe:",
    "fd:0",
    "tcp://127.0.0.1:6379",
    "udp://127.0.0.1:8080",
    "unix:{secret}",
    "crypto:{secret}",
    "crypto+file://{secret}",
    "async:file:{secret}",
    "cache:file:{secret}",
    "gopher://127.0.0.1:6379/_x",
    "rtp://127.0.0.1:8080",
    "rtmp://127.0.0.1:8080/x",
    "tls://127.0.0.1:8443",
    "hls+file://{secret}",
    "mmsh://127.0.0.1:8080/",
    "ipfs://x",
    "\\\\127.0.0.1\\c$\\x",
    "javascript:1",
    "movie={secret}",
    "http://127.0.0.1:8080/x",
    "%66ile://{secret}",
)
PLACES: Final = ("variant", "audio", "segment", "byte range", "map", "key", "session key")
ENTITY: Final = (
    b'<?xml version="1.0"?><!DOCTYPE MPD [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY y "&x;&x;&x;">]>'
    b'<MPD type="static"><Period><BaseURL>file://{secret}</BaseURL>&y;</Period></MPD>'
)
NUMBERS: Final = (
    "#EXTINF:-5,\n",
    "#EXTINF:nan,\n",
    "#EXTINF:inf,\n",
    "#EXTINF:1e400,\n",
    "#EXTINF:" + "9" * 5000 + ",\n",
    "#EXTINF:x,\n",
    "#EXTINF:\n",
    "#EXTINF:2",
    "#EXT-X-MEDIA-SEQUENCE:-1\n",
    "#EXT-X-MEDIA-SEQUENCE:" + "9" * 30 + "\n",
    "#EXT-X-MEDIA-SEQUENCE:" + "9" * 5000 + "\n",
    "#EXT-X-TARGETDURATION:0\n",
    "#EXT-X-TARGETDURATION:-9\n",
    "#EXT-X-TARGETDURATION:nan\n",
    "#EXT-X-TARGETDURATION:1e308\n",
    "#EXT-X-TARGETDURATION:" + "9" * 5000 + "\n",
    "#EXT-X-BYTERANGE:-1@0\n",
    "#EXT-X-BYTERANGE:0@0\n",
    "#EXT-X-BYTERANGE:1@-5\n",
    "#EXT-X-BYTERANGE:1@9223372036854775807\n",
    "#EXT-X-BYTERANGE:9223372036854775807@9223372036854775807\n",
    "#EXT-X-BYTERANGE:" + "9" * 40 + "@1\n",
    "#EXT-X-BYTERANGE:" + "9" * 5000 + "\n",
    "#EXT-X-BYTERANGE:a@b\n",
    "#EXT-X-BYTERANGE:@\n",
    "#EXT-X-BYTERANGE:9\n",
    "#EXT-X-PROGRAM-DATE-TIME:9999-12-31T23:59:59Z\n",
    "#EXT-X-PROGRAM-DATE-TIME:0001-01-01T00:00:00+14:00\n",
    "#EXT-X-PROGRAM-DATE-TIME:99999-99-99\n",
    "#EXT-X-PROGRAM-DATE-TIME:{secret}\n",
    "#EXT-X-DISCONTINUITY-SEQUENCE:-9\n",
    '#EXT-X-KEY:METHOD=AES-128,URI="/key",IV=0x' + "F" * 5000 + "\n",
    '#EXT-X-KEY:METHOD=AES-128,URI="/key",IV=-1\n',
    "#EXT-X-KEY:METHOD=AES-128\n",
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"\n',
    "#EXT-X-KEY:METHOD=\n",
    '#EXT-X-KEY:METHOD=AES-128,URI="/big"\n',
    '#EXT-X-KEY:METHOD=AES-128,URI="/empty"\n',
    '#EXT-X-MAP:URI="/empty"\n',
    '#EXT-X-MAP:URI=""\n',
    "#EXT-X-MAP\n",
    '#EXT-X-MAP:URI="/live.m3u8"\n',
    '#EXT-X-MAP:URI="/seg.ts",BYTERANGE="9@9@9"\n',
    "#EXT-X-VERSION:" + "9" * 5000 + "\n",
    '#EXT-X-DATERANGE:ID="x",START-DATE="y",DURATION=-inf\n',
    "#EXT-X-START:TIME-OFFSET=1e400\n",
    '#EXT-X-DEFINE:NAME="x",VALUE="{secret}"\n',
    "#EXT-X-SKIP:SKIPPED-SEGMENTS=999999999\n",
    "#EXT-X-GAP\n",
    "#EXT-X-I-FRAMES-ONLY\n",
    "#" + "x" * 900_000 + "\n",
    "#EXT-X-" + "Y:" * 100_000 + "\n",
)


class Case(NamedTuple):
    """What the attacker serves; the source is `/live.m3u8`."""

    name: str
    routes: dict[str, Answer | list[Answer]]


def corpus(secret: str) -> list[Case]:
    """All of them."""
    cases = [*_foreign(), *_numbers(), *_written(), *_structures(), *_sizes(), *_disguised()]
    return [Case(name, {path: _filled(answer, secret) for path, answer in routes.items()}) for name, routes in cases]


def _filled(answer: Answer | list[Answer], secret: str) -> Answer | list[Answer]:
    if isinstance(answer, list):
        return answer
    body = answer.body.replace(b"{secret}", secret.encode())
    return Answer(body, answer.repeat, answer.status, answer.headers)


def live(text: str | bytes, **more: Answer) -> dict[str, Answer | list[Answer]]:
    """A source with this playlist, and what else the attacker has."""
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return {
        "/live.m3u8": Answer(body),
        "/media.m3u8": Answer((HEAD + END).encode()),
        "/seg.ts": Answer(bytes(1600)),
        "/key": Answer(bytes(16)),
        "/empty": Answer(),
        "/big": Answer(b"k" * 100_000, 10),
        **{f"/{name}": answer for name, answer in more.items()},
    }


def _foreign() -> Iterator[Case]:
    for url in FOREIGN:
        for place in PLACES:
            yield Case(f"{place} {url}", live(CHILD[place].replace("{url}", url)))


def _numbers() -> Iterator[Case]:
    for number, tag in enumerate(NUMBERS):
        yield Case(f"tag {number} {tag[:40]!r}", live(f"{HEAD}{tag}{END}"))
    for attributes in (
        "BANDWIDTH=-1",
        "BANDWIDTH=" + "9" * 5000,
        "BANDWIDTH=x,RESOLUTION=0x0",
        "RESOLUTION=-1x-1",
        "BANDWIDTH=1,RESOLUTION=99999999999x9",
        "BANDWIDTH=1,FRAME-RATE=nan",
        'BANDWIDTH=1,CODECS="' + "," * 9000,
        'BANDWIDTH=1,CODECS="evil"',
        "=" * 9000,
        '"',
        "BANDWIDTH=1," * 9000,
    ):
        yield Case(f"variant {attributes[:40]}", live(f"#EXTM3U\n#EXT-X-STREAM-INF:{attributes}\n/media.m3u8\n"))


def _written() -> Iterator[Case]:
    """Encodings and line ends."""
    text = CHILD["segment"].replace("{url}", "file://{secret}")
    yield Case("BOM", live(b"\xef\xbb\xbf" + text.encode()))
    yield Case("CRLF", live(text.replace("\n", "\r\n")))
    for name, end in {
        "CR": "\r",
        "LS": "\u2028",
        "PS": "\u2029",
        "NEL": "\x85",
        "VT": "\v",
        "FF": "\f",
        "FS": "\x1c",
    }.items():
        yield Case(f"lines end in {name}", live(text.replace("\n", end)))
        yield Case(f"a line hidden behind {name}", live(f"{HEAD}#EXTINF:2,x{end}file://{{secret}}\n{END}"))
    yield Case("NUL", live(text.replace("\n", "\n\0")))
    yield Case("NUL in a name", live(HEAD + "#EXTINF:2,\nseg.ts\0file://{secret}\n" + END))
    for coding in ("utf-16", "utf-16-be", "utf-32", "utf-7"):
        yield Case(coding, live(text.encode(coding)))
    yield Case("not UTF-8", live(text.encode() + b"\xff\xfe\x80" * 99))
    yield Case("surrogates", live(text.encode() + b"\xed\xa0\x80\xed\xb0\x80"))
    yield Case("lower case", live(text.lower()))
    yield Case("spaces before", live("  \n\t\n" + text))
    yield Case("right to left", live(HEAD + "#EXTINF:2,\n\u202efile://{secret}\n" + END))


def _structures() -> Iterator[Case]:
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n{}\n"
    here = {"Location": "/live.m3u8"}
    yield Case("a list of itself", live(master.format("/live.m3u8")))
    yield Case("two lists of each other", live(master.format("/b"), b=Answer(master.format("/live.m3u8").encode())))
    yield Case("a segment that is its playlist", live(HEAD + "#EXTINF:2,\n/live.m3u8\n" + END))
    yield Case("a redirect to itself", {"/live.m3u8": Answer(status=302, headers=here)})
    yield Case("a key that is its playlist", live(HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="/live.m3u8"\n' + END))
    yield Case("master and media in one", live(HEAD + "#EXT-X-STREAM-INF:BANDWIDTH=9\n/media.m3u8\n" + END))
    yield Case("nothing but a head", live("#EXTM3U"))
    yield Case("nothing", live(""))
    yield Case("an end", live("#EXTM3U\n#EXT-X-ENDLIST\n"))
    yield Case("a tag without a segment", live(HEAD + "#EXTINF:2,\n"))
    lists = [
        Answer((HEAD + f"#EXT-X-MEDIA-SEQUENCE:{n}\n#EXTINF:2,\n/s{n}\n").encode()) for n in (5, 10**15, 0, 3, 10**9)
    ]
    yield Case("numbers that leap at every look", {**live(""), "/live.m3u8": lists})
    kinds = [Answer((HEAD + "#EXTINF:2,\n/seg.ts\n").encode())] * 3
    for kind in (b"", ENTITY, b"<html>", bytes(99), master.format("/b").encode(), b"\x47" * 1880):
        yield Case(f"becomes {kind[:9]!r}", {**live(""), "/live.m3u8": [*kinds, Answer(kind)]})


def _sizes() -> Iterator[Case]:
    packed = gzip.compress(HEAD.encode() + b"#\n" * 60_000_000, 9)
    yield Case("100 MB", {"/live.m3u8": Answer(HEAD.encode() + b"#" * 1_000_000, 100)})
    yield Case(
        "100 MB, length unsaid",
        {"/live.m3u8": Answer(HEAD.encode() + b"#" * 1_000_000, 100, 200, {"Content-Length": ""})},
    )
    yield Case("a gzip bomb", {"/live.m3u8": Answer(packed, headers={"Content-Encoding": "gzip"})})
    yield Case(
        "a gzip bomb as segment", live(HEAD + END, **{"seg.ts": Answer(packed, headers={"Content-Encoding": "gzip"})})
    )
    flat = zlib.compress(bytes(120_000_000), 9)
    for coding in ("deflate", "gzip, deflate", "br", "zstd", "compress", "x" * 900):
        yield Case(f"encoded {coding[:20]}", {"/live.m3u8": Answer(flat, headers={"Content-Encoding": coding})})
    yield Case("a million entries", {"/live.m3u8": Answer(HEAD.encode() + b"#EXTINF:1,\na\n" * 1_000, 1_000)})
    yield Case("many entries", live(HEAD + "#EXTINF:1,\na\n" * 150_000))
    yield Case("many entries without tags", live(HEAD + "a\n" * 900_000))
    yield Case("many qualities", live("#EXTM3U\n" + "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n" * 9_000))
    yield Case("many sounds", live("#EXTM3U\n" + '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="b",URI="c"\n' * 30_000))
    yield Case("many breaks", live(HEAD + "#EXT-X-DISCONTINUITY\n" * 80_000 + END))
    yield Case("many keys", live(HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="/key"\n' * 40_000 + END))
    yield Case("a long line", live(HEAD + "#EXTINF:1,\n/" + "a" * 1_900_000))
    yield Case("a long host", live(HEAD + "#EXTINF:1,\nhttp://" + "a." * 100_000 + "/\n" + END))
    yield Case("a long answer head", {"/live.m3u8": Answer(b"#EXTM3U", headers={"X": "y" * 200_000})})
    yield Case(
        "a head that never ends", {"/live.m3u8": Answer(b"#EXTM3U", headers={f"X{n}": "y" for n in range(9_000)})}
    )


def _disguised() -> Iterator[Case]:
    for name, body in disguises().items():
        yield Case(f"segment is {name}", live(HEAD + END, **{"seg.ts": Answer(body)}))
        yield Case(f"map is {name}", live(HEAD + '#EXT-X-MAP:URI="/m"\n' + END, m=Answer(body)))
        yield Case(f"source is {name}", {"/live.m3u8": Answer(body)})


def disguises() -> dict[str, bytes]:
    """Text that libav would follow, behind names and signatures of media."""
    listing = b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile://{secret}\n#EXTINF:1,\nhttp://127.0.0.1:8080/x\n#EXT-X-ENDLIST\n"
    concat = b"ffconcat version 1.0\nfile 'file:{secret}'\nfile 'http://127.0.0.1:8080/x'\n"
    sdp = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 8080 RTP/AVP 96\n"
    alias = _box(b"alis", bytes(4) + b"{secret}")
    dref = _box(b"dref", struct.pack(">II", 0, 2) + alias + _box(b"url ", bytes(4) + b"file://{secret}\0"))
    moov = _box(b"moov", _box(b"trak", _box(b"mdia", _box(b"minf", _box(b"dinf", dref)))))
    gab2 = b"GAB2\0\x02\0" + bytes(8) + listing
    return {
        "a playlist": listing,
        "a playlist after TS packets": _ts(2) + listing,
        "a playlist in TS packets": _ts(4, listing),
        "ffconcat": concat,
        "a concat script": b"file 'file:{secret}'\n",
        "MPD": ENTITY,
        "SDP": sdp,
        "SMIL": b"<smil><body/></smil>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{secret}"/></svg>',
        "PLS": b"[playlist]\nFile1={secret}\n",
        "AVI with a playlist inside": b"RIFF\0\0\1\0AVI LIST" + gab2,
        "MOV that points elsewhere": _box(b"ftyp", b"qt  ") + moov,
        "MOV without an end": struct.pack(">I4sQ", 1, b"moov", 2**63),
        "Matroska of nonsense": b"\x1aE\xdf\xa3" + b"\xff" * 4000,
        "FLV of nonsense": b"FLV\x01\x05" + b"\xff" * 4000,
        "Ogg of nonsense": b"OggS" + bytes(4000),
        "a huge ID3 tag": b"ID3\4\0\0\x7f\x7f\x7f\x7f" + listing,
        "zeros": bytes(70_000),
        "TS of 0xff": (b"\x47" + b"\xff" * 187) * 300,
        "ELF": b"\x7fELF" + bytes(9000),
        "a shell script": b"#!/bin/sh\ncat {secret}\n",
        "image2 pattern": b"%d.png",
        "lavfi": b"movie={secret}",
        "WAV of nonsense": b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + bytes(999),
    }


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def _ts(count: int, payload: bytes = b"") -> bytes:
    padded = payload.ljust(count * 184, b"\xff")
    return b"".join(b"\x47\x40\x00\x10" + padded[n * 184 : n * 184 + 184] for n in range(count))
