"""WHIP by the letter: what each request is answered with. The media of it is tests/unit/ingest/test_whip.py's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from recorder.rtc.options import IceOptions
from recorder.whip import FRAGMENT, SDP, Busy, WhipEndpoint, WhipSession
from telemetry import SystemClock

# as OBS writes it (libdatachannel): one bundle, no trickle, payload types 111 and 96
OBS = """v=0
o=rtc 2766093523 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE audio video
a=group:LS audio video
a=msid-semantic:WMS *
a=ice-options:ice2,trickle
a=fingerprint:sha-256 6F:3E:26:3C:71:4E:5B:1F:30:6E:7C:65:0B:84:9C:1E:64:1C:5B:72:D9:0C:1F:83:20:72:B8:2A:5B:11:D5:9D
m=audio 50000 UDP/TLS/RTP/SAVPF 111
c=IN IP4 127.0.0.1
a=mid:audio
a=sendonly
a=ssrc:1000 cname:stream
a=ssrc:1000 msid:stream stream-audio
a=msid:stream stream-audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
a=setup:actpass
a=ice-ufrag:Ik5r
a=ice-pwd:6gnkl4fNg3bcVqAZ6/wB1m
a=candidate:1 1 UDP 2114977791 127.0.0.1 50000 typ host
a=end-of-candidates
m=video 50000 UDP/TLS/RTP/SAVPF 96
c=IN IP4 127.0.0.1
a=mid:video
a=sendonly
a=ssrc:1001 cname:stream
a=ssrc:1001 msid:stream stream-video
a=msid:stream stream-video
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
a=setup:actpass
a=ice-ufrag:Ik5r
a=ice-pwd:6gnkl4fNg3bcVqAZ6/wB1m
""".replace("\n", "\r\n")


@dataclass
class Stream:
    """What the publisher publishes to."""

    busy: bool = False
    taken: list[WhipSession] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def take(self, session: WhipSession) -> Stream:
        if self.busy:
            raise Busy
        self.taken.append(session)
        return self

    def warn(self, code: str, message: str, remedy: str) -> None:
        raise AssertionError(code)

    def write(self, data: bytes) -> bool:
        return True

    def restart(self) -> None: ...

    def close(self, reason: str) -> None:
        self.ended = [*self.ended, reason] if not self.ended else self.ended


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
async def http(stream: Stream) -> AsyncIterator[TestClient[Any, Any]]:
    endpoint = WhipEndpoint(stream, clock=SystemClock(), ice=IceOptions())
    app = web.Application()
    app.add_routes(endpoint.routes())
    async with TestClient(TestServer(app)) as client:
        yield client
        await endpoint.close()


def body(kind: str = SDP, **more: str) -> dict[str, str]:
    return {"Content-Type": kind, **more}


async def test_obs_publishes_and_ends(http: TestClient[Any, Any], stream: Stream) -> None:
    """201, a path of its own, an answer that only receives, in OBS's payload types; DELETE is answered 200, twice."""
    reply = await http.post("/whip", data=OBS, headers=body())
    answer = await reply.text()
    assert (reply.status, reply.content_type) == (201, SDP)
    location = reply.headers["Location"]
    assert location.startswith("/whip/")
    assert reply.headers["ETag"].startswith('"')
    lines = answer.splitlines()
    assert [line.split()[3:] for line in lines if line.startswith("m=")] == [["111"], ["96"]]
    assert lines.count("a=recvonly") == 2
    assert "a=mid:audio" in lines
    assert [line for line in lines if line.startswith("a=setup")] == ["a=setup:active"] * 2
    assert [line for line in lines if line.startswith("a=fmtp:96 profile-level-id=42e01f")]
    for _ in range(2):
        assert (await http.delete(location)).status == 200
    assert (len(stream.taken), stream.ended) == (1, ["unpublished"])


@pytest.mark.parametrize(
    ("data", "headers", "status", "code"),
    [
        (OBS, body("text/plain"), 415, "no_sdp"),
        (OBS, body(Accept="text/html"), 406, "no_sdp"),
        (b"\xff\xfe", body(), 400, "malformed"),
        ("", body(), 400, "malformed"),
        (OBS.replace("a=ice-pwd", "a=x"), body(), 400, "malformed"),
        ("v=0\r\n" + "a" * 70_000, body(), 413, "too_big"),
        (OBS.replace("H264/90000", "H265/90000"), body(), 422, "no_codec"),
        (OBS.replace("H264/90000", "AV1/90000"), body(), 422, "no_codec"),
        (OBS.replace("sendonly", "recvonly"), body(), 422, "not_sending"),
    ],
)  # fmt: skip
async def test_offers_that_are_refused(
    data: bytes | str, headers: dict[str, str], status: int, code: str, http: TestClient[Any, Any], stream: Stream
) -> None:
    """As a whole, with a sentence for the person and a code for the program; the stream never hears of them."""
    reply = await http.post("/whip", data=data, headers=headers)
    error = (await reply.json())["error"]
    assert (reply.status, error["code"]) == (status, code)
    assert error["message"]
    assert stream.taken == []


@pytest.mark.parametrize("accept", ["*/*", "application/sdp", "text/html, application/sdp;q=0.5"])
async def test_whoever_takes_sdp_gets_it(accept: str, http: TestClient[Any, Any]) -> None:
    """Accept is looked at the way HTTP means it."""
    assert (await http.post("/whip", data=OBS, headers=body(Accept=accept))).status == 201


async def test_a_stream_that_is_taken(http: TestClient[Any, Any], stream: Stream) -> None:
    """409, and when to come again."""
    stream.busy = True
    reply = await http.post("/whip", data=OBS, headers=body())
    assert (reply.status, (await reply.json())["error"]["code"]) == (409, "busy")
    assert int(reply.headers["Retry-After"]) > 0


async def test_candidates_that_trickle(http: TestClient[Any, Any]) -> None:
    """204; what a restart, another ETag, another type or nonsense is answered with."""
    reply = await http.post("/whip", data=OBS.replace("a=end-of-candidates\r\n", ""), headers=body())
    location, etag = reply.headers["Location"], reply.headers["ETag"]
    candidate = "a=ice-ufrag:Ik5r\r\na=mid:audio\r\na=candidate:2 1 UDP 2114977791 127.0.0.1 50001 typ host\r\n"
    restart = "a=ice-ufrag:else\r\na=ice-pwd:elseelseelseelseelseelse\r\n"
    cases = [
        (candidate, body(FRAGMENT), 204),
        (candidate, body(FRAGMENT) | {"If-Match": etag}, 204),
        (candidate, body(FRAGMENT) | {"If-Match": "*"}, 204),
        (candidate, body(FRAGMENT) | {"If-Match": '"another"'}, 412),
        (candidate, body(SDP), 415),
        (restart, body(FRAGMENT) | {"If-Match": "*"}, 422),
        ("nothing", body(FRAGMENT), 400),
        (candidate.replace("127.0.0.1", "nonsense"), body(FRAGMENT), 204),  # not an address: left out
        ("a=end-of-candidates\r\n", body(FRAGMENT), 204),
        (candidate, body(FRAGMENT), 204),  # behind the end: left out
    ]
    for data, headers, status in cases:
        assert (await http.patch(location, data=data, headers=headers)).status == status, (data, headers)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
async def test_sessions_that_are_none(method: str, http: TestClient[Any, Any]) -> None:
    """404."""
    assert (await http.request(method, "/whip/made-up", data="x", headers=body(FRAGMENT))).status == 404


@pytest.mark.parametrize("path", ["/whip", "/whip/some-session"])
async def test_what_the_rfc_wants_besides(path: str, http: TestClient[Any, Any]) -> None:
    """GET and HEAD are answered without a body, OPTIONS with what may be posted, the rest with 405."""
    for method in ("GET", "HEAD"):
        reply = await http.request(method, path)
        assert (reply.status // 100, await reply.read()) == (2, b"")
    options = await http.options(path)
    assert (options.status // 100, options.headers["Accept-Post"]) == (2, SDP)
    assert (await http.put(path, data="x")).status == 405


async def test_a_session_that_is_turned_away_is_over(http: TestClient[Any, Any], stream: Stream) -> None:
    """By a publisher that takes over, say: its outlet hears why, and it can still be deleted."""
    reply = await http.post("/whip", data=OBS, headers=body())
    [session] = stream.taken
    assert session.silent_ns() >= 0
    session.drop("silent", "Another publisher has taken over")
    assert stream.ended == ["silent"]
    assert (await http.delete(reply.headers["Location"])).status == 200
