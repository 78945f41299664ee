"""From what was typed to a source: files by URL, endless streams, pages, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from streamlink.exceptions import NoPluginError
from streamlink.session.session import Streamlink
from streamlink.stream.hls.hls import HLSStream
from streamlink.stream.http import HTTPStream

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceGone, SourceRefused, SourceUnreachable, StorageError, UsageError
from core.netpolicy import AddressPolicy
from core.times import ns
from daemon.ingest import Resume, Source, open_source
from daemon.ingest.pages import _pick, is_page, resolve_page
from daemon.ingest.pipe import Pipe
from tests.fakes import FakeClock, RecordingSink
from tests.synthetic_streams import make_media
from tests.unit.ingest.stage import Origin, Studio


class Opener:
    """`open_source` with a test's usual arguments."""

    def __init__(self, clock: FakeClock, workdir: Path) -> None:
        self.clock, self.workdir = clock, workdir
        self.options = IngestOptions(timeout_s=2, stall_s=20)

    async def __call__(self, source: str | Path, **more: Any) -> Source:
        arguments = {"live": True, "speed": None, "origin": "cli", **more}
        return await open_source(
            str(source), clock=self.clock, options=self.options, workdir=self.workdir, **arguments
        )  # fmt: skip


@pytest.fixture
def opener(clock: FakeClock, tmp_path: Path) -> Opener:
    return Opener(clock, tmp_path)


async def test_a_path_is_a_file(opener: Opener, plain: Path, sink: RecordingSink) -> None:
    """Known before the first packet: kind, path, length; it is its own ring."""
    source = await opener(plain)
    assert (source.info.kind, source.info.unstoppable, source.info.path) == ("file", False, plain)
    assert source.info.duration_s == pytest.approx(6, abs=0.1)
    assert source.footage is not None
    assert (await source.run(sink)).reason == "eof"


@pytest.mark.parametrize("source", ["rtmp://a.example/live", "srt://a.example:9000", "file:///etc/passwd", "ftp://a/x"])
async def test_other_schemes_are_no_sources(opener: Opener, source: str) -> None:
    """Named, with what would be one."""
    with pytest.raises(UsageError):
        await opener(source)


async def test_a_media_url_is_fetched_then_replayed(
    opener: Opener, origin: Origin, plain: Path, sink: RecordingSink
) -> None:
    """The whole file lies in the work folder before the first packet, whatever it is called."""

    async def served(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(plain)

    url = origin.at("/movie.php", served)
    source = await opener(url)
    assert source.info.kind == "file"
    assert (await source.run(sink)).reason == "eof"
    assert [p.name for p in opener.workdir.iterdir()] == ["source.mp4"]
    assert (opener.workdir / "source.mp4").read_bytes() == plain.read_bytes()
    assert len(sink.packets("video")) == 180
    assert source.info.duration_s == pytest.approx(6, abs=0.1)
    asked = len(origin.seen)
    again = await opener(url, resume=Resume(ns(5), 1))
    fresh = RecordingSink()
    await again.run(fresh)
    assert len(origin.seen) == asked + 1
    assert fresh.packets()[0].end_ns > ns(5)


async def test_a_download_that_breaks_goes_on_where_it_stopped(
    opener: Opener, origin: Origin, plain: Path, sink: RecordingSink
) -> None:
    """The connection closes half-way; the rest is asked for by range."""
    data = plain.read_bytes()

    async def served(request: web.Request) -> web.StreamResponse:
        start = int(request.headers.get("Range", "bytes=0-").split("=")[1].rstrip("-"))
        end = len(data) // 2 if not start else len(data)
        response = web.StreamResponse(
            status=206 if start else 200, headers={"Content-Length": str(len(data) - start), "ETag": '"x"'}
        )
        await response.prepare(request)
        await response.write(data[start:end])
        if request.transport is not None and not start:
            request.transport.close()
        return response

    url = origin.at("/movie.mp4", served)
    await (await opener(url)).run(sink)
    assert (opener.workdir / "source.mp4").read_bytes() == data
    [asked] = [h["Range"] for h in origin.headers if "Range" in h]
    assert 0 < int(asked.removeprefix("bytes=").rstrip("-")) <= len(data) // 2
    assert [h["If-Range"] for h in origin.headers if "If-Range" in h] == ['"x"']


async def test_a_file_that_is_too_large_or_finds_no_room_leaves_nothing(
    opener: Opener, origin: Origin, plain: Path, sink: RecordingSink
) -> None:
    """The limit is a setting; a work folder that cannot be made is a storage error."""
    url = origin.body("/movie.mp4", plain.read_bytes())
    opener.options = IngestOptions(max_download_gb=1e-5)
    with pytest.raises(BadMedia) as refused:
        await (await opener(url)).run(sink)
    assert refused.value.code == "too_big"
    assert list(opener.workdir.iterdir()) == []
    (opener.workdir / "file").touch()
    opener.workdir /= "file/folder"
    with pytest.raises(StorageError):
        await (await opener(url)).run(sink)


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "empty"), (b"<html>x</html>", "html_page"), (b"what", "not_media"), (b"<MPD/>", "dash_unsupported")],
)
async def test_a_url_that_is_no_media_says_what_it_is(opener: Opener, origin: Origin, body: bytes, code: str) -> None:
    """Content types are not asked: the bytes decide."""
    url = origin.body("/x.mp4", body, kind="video/mp4")
    with pytest.raises(BadMedia) as refused:
        await opener(url)
    assert refused.value.code == code


async def test_a_playlist_by_any_name_is_followed(
    opener: Opener, origin: Origin, studio: Studio, plain: Path, sink: RecordingSink
) -> None:
    """`#EXTM3U` makes it HLS."""
    folder = studio.hls("opened", plain)
    origin.folder("", folder)
    origin.body("/anything", (folder / "i.m3u8").read_bytes())
    source = await opener(origin.url + "/anything")
    assert source.info.kind == "hls"
    assert (await source.run(sink)).reason == "endlist"


async def test_servers_in_trouble_are_asked_again(opener: Opener, origin: Origin) -> None:
    """Three tries for 5xx, one for a refusal, none for an address that may not be reached."""
    with pytest.raises(SourceUnreachable):
        await opener(origin.body("/busy", b"", status=503))
    assert origin.seen.count("/busy") == 3
    with pytest.raises(SourceRefused):
        await opener(origin.url + "/none")
    with pytest.raises(SourceRefused) as refused:
        await opener(origin.url + "/busy", origin="api")
    assert refused.value.code == "address_refused"
    with pytest.raises(BadMedia):
        await opener(origin.body("/allowed", b"x"), origin="api", allow=["127.0.0.0/8"])


# -- endless streams


class Endless:
    """Serves parts of a transport stream, one part a connection, in pieces at about the virtual clock's time."""

    def __init__(self, clock: FakeClock, *parts: bytes, pace_s: float = 4.0) -> None:
        self.clock, self.parts, self.pace_s = clock, list(parts), pace_s

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        sniffing = len(self.parts) and not hasattr(self, "sniffed")
        self.sniffed = True
        if not self.parts:
            return web.Response(status=503)
        part = self.parts[0] if sniffing else self.parts.pop(0)
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in self._pieces(part):
            await response.write(piece)
        return response

    async def _pieces(self, part: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(part), max(1, len(part) // 8)):
            self.clock.advance(ns(self.pace_s / 8))
            yield part[start : start + max(1, len(part) // 8)]
            await asyncio.sleep(0)


async def test_an_endless_stream_is_read_as_it_comes_and_reconnected(
    opener: Opener, origin: Origin, studio: Studio, sink: RecordingSink
) -> None:
    """Each connection is an epoch after the last, with the time that passed between; then it is gone for good."""
    data = make_media("h264_aac_ts", studio.folder).read_bytes()
    source = await opener(origin.at("/live.ts", Endless(opener.clock, data, data)))
    assert (source.info.kind, source.info.unstoppable) == ("http", True)
    with pytest.raises(SourceGone):
        await source.run(sink)
    assert [(e.reason, e.by) for e in sink.epochs] == [("start", "start"), ("reconnect", "boottime")]
    assert len(sink.packets("video")) == 240
    assert sink.epochs[1].start_ns > ns(4)


async def test_a_transport_stream_joined_half_way_through_a_packet_is_found(
    opener: Opener, origin: Origin, studio: Studio, sink: RecordingSink
) -> None:
    """Live relays cut anywhere; sync bytes are looked for."""
    data = make_media("h264_aac_ts", studio.folder).read_bytes()[100:]
    source = await opener(origin.at("/live", Endless(opener.clock, data)))
    with pytest.raises(SourceGone):
        await source.run(sink)
    assert len(sink.packets("video")) >= 60


async def test_a_stream_that_comes_faster_than_time_is_a_file(
    opener: Opener, origin: Origin, studio: Studio, sink: RecordingSink
) -> None:
    """A transport stream without stated length that arrives at once has an end; it is not read in a circle."""
    data = make_media("h264_aac_ts", studio.folder).read_bytes()
    source = await opener(origin.at("/vod.ts", Endless(opener.clock, data, data, pace_s=0.1)))
    assert (await source.run(sink)).reason == "eof"
    assert len(sink.packets("video")) == 120


async def test_an_endless_stream_of_nothing_ends_with_the_reason(
    opener: Opener, origin: Origin, studio: Studio, sink: RecordingSink
) -> None:
    """A page after the sniffing, or a 404: the first refusal is told when there never was media."""
    data = make_media("h264_aac_ts", studio.folder).read_bytes()
    source = await opener(origin.at("/live.ts", Endless(opener.clock, data, b"<html>no</html>" * 99)))
    origin.body("/live.ts", b"<html>no</html>" * 99)
    with pytest.raises(BadMedia):
        await source.run(sink)
    del origin.handlers["/live.ts"]
    with pytest.raises(SourceRefused):
        await source.run(sink)


async def test_a_cancelled_stream_ends_its_threads(opener: Opener, origin: Origin, studio: Studio) -> None:
    """A server that goes silent half-way does not hold the worker."""
    data, first, silent = make_media("h264_aac_ts", studio.folder).read_bytes(), asyncio.Event(), asyncio.Event()

    async def stalls(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(data[: len(data) * 3 // 4])
        await silent.wait()
        return response

    class Sink(RecordingSink):
        async def write(self, packets: Any) -> None:
            first.set()

    source = await opener(origin.at("/live.ts", stalls))
    running = asyncio.create_task(source.run(Sink()))
    await first.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    silent.set()


def test_the_pipe_holds_only_so_much() -> None:
    """A writer waits for room; an aborted pipe lets both sides go."""
    pipe = Pipe(limit=10)
    pipe.feed(b"x" * 10)
    assert pipe.read(4) == b"xxxx"
    pipe.feed(b"y")
    pipe.abort()
    pipe.feed(b"late")
    assert pipe.read(99) == b""
    assert pipe.peek(5) == b""


# -- pages


def test_known_pages_are_told_from_plain_urls() -> None:
    """streamlink's plugins for platforms count, its generic ones don't."""
    assert is_page("https://www.twitch.tv/somebody")
    assert not is_page("https://example.com/live.m3u8")
    assert not is_page("https://example.com/live.mpd")
    assert not is_page("https://example.com/")


class PagePlugin:
    """Stands for a platform's plugin inside a real streamlink session."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, streams: Any) -> None:
        def found(session: Streamlink, url: str, **_more: Any) -> Any:
            result = streams(session, url)
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(Streamlink, "streams", found)


async def test_a_page_leads_to_its_playlist_with_the_headers_it_needs(
    monkeypatch: pytest.MonkeyPatch, origin: Origin
) -> None:
    """The playlist with all qualities where there is one; a plugin's Referer goes along, its other headers don't."""

    def streams(session: Streamlink, _url: str) -> Any:
        session.http.headers.update({"Referer": "https://page.example/", "X-Secret": "no"})
        return {"best": HLSStream(session, origin.url + "/v.m3u8")}

    PagePlugin(monkeypatch, streams)
    found = await resolve_page("https://page.example/x", AddressPolicy(origin="cli"), 1)
    assert found.url == origin.url + "/v.m3u8"
    assert found.headers["Referer"] == "https://page.example/"
    assert "X-Secret" not in found.headers


async def test_a_page_is_read_under_the_address_policy(monkeypatch: pytest.MonkeyPatch, origin: Origin) -> None:
    """streamlink's own requests to a private host are refused too."""
    PagePlugin(monkeypatch, lambda session, _url: session.http.get(origin.url + "/api"))
    with pytest.raises(SourceRefused) as refused:
        await resolve_page("https://page.example/x", AddressPolicy(origin="cli", typed_host="page.example"), 1)
    assert refused.value.code == "address_refused"
    assert origin.seen == []


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({}, SourceRefused),
        (NoPluginError(), BadMedia),
        (OSError("no route"), SourceUnreachable),
        ({"best": object()}, BadMedia),
    ],
)
async def test_a_page_without_a_stream_says_so(
    monkeypatch: pytest.MonkeyPatch, result: Any, error: type[Exception]
) -> None:
    """Offline, unknown, unreachable, or a kind of stream we don't read."""
    PagePlugin(monkeypatch, lambda _session, _url: result)
    with pytest.raises(error):
        await resolve_page("https://page.example/x", AddressPolicy(origin="cli"), 1)


def test_a_plain_http_stream_of_a_page_is_taken() -> None:
    """Some platforms give a file."""
    assert _pick({"best": HTTPStream(Streamlink(), "https://cdn.example/v.mp4")}, {}).url == "https://cdn.example/v.mp4"


async def test_a_page_is_opened_as_what_it_leads_to(
    monkeypatch: pytest.MonkeyPatch, opener: Opener, origin: Origin, studio: Studio, plain: Path, sink: RecordingSink
) -> None:
    """The whole way: page, playlist, media."""
    base = origin.folder("/p", studio.hls("paged", plain))
    monkeypatch.setattr("daemon.ingest.open.is_page", lambda _url: True)
    PagePlugin(monkeypatch, lambda session, _url: {"best": HLSStream(session, base + "/i.m3u8")})
    source = await opener(origin.url + "/somebody")
    assert source.info.kind == "hls"
    assert (await source.run(sink)).reason == "endlist"
