"""From what was typed to a source: files by URL, endless streams, pages, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.errors import BadMedia, MissingPart, SourceGone, SourceRefused, SourceUnreachable, StorageError, UsageError
from core.netpolicy import Address, AddressPolicy
from core.times import ns
from daemon.ingest import Resume, Source, open_source
from daemon.ingest.http import system_lookup
from daemon.ingest.pipe import Pipe
from supervisor.channels import Answer, AskPage, Code
from tests.fakes import FakeClock, RecordingSink
from tests.synthetic_streams import make_media
from tests.unit.ingest.stage import Origin, Studio


async def look_up(host: str) -> Sequence[Address]:
    """Numbers as they are; every name is a public server's, so that no test asks the internet."""
    return await system_lookup(host) if host[0].isdigit() else [ip_address("1.1.1.1")]


class Opener:
    """`open_source` with a test's usual arguments."""

    def __init__(self, clock: FakeClock, workdir: Path) -> None:
        self.clock, self.workdir = clock, workdir
        self.options = IngestOptions(timeout_s=30, stall_s=20)
        self.allow: list[str] = []

    async def __call__(self, source: str | Path, **more: Any) -> Source:
        arguments = {
            "live": True, "speed": None, "origin": "cli", "allow": self.allow, "lookup": look_up, **more,
        }  # fmt: skip
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


@pytest.mark.parametrize(
    "source", ["rtmps://a.example/live", "udp://a.example:9000", "file:///etc/passwd", "ftp://a/x"]
)
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


async def test_a_stream_whose_media_stands_still_is_asked_for_again(
    opener: Opener, origin: Origin, studio: Studio, sink: RecordingSink
) -> None:
    """Bytes go on coming, and hold no media: after 20 s there is another connection, and an epoch."""
    opener.options = IngestOptions(timeout_s=30, stall_s=60)
    data = make_media("h264_aac_ts", studio.folder).read_bytes()
    stuffing = (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 100
    served: list[int] = []
    stuffed: list[float] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        served.append(1)
        if len(served) > 3:
            return web.Response(status=503)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(data)
        opener.clock.advance(ns(4))
        with suppress(ConnectionError):
            while len(served) == 2 and len(sink.packets("video")) < 100:  # it has to be read before time goes on
                await response.write(stuffing)
                await asyncio.sleep(0.02)
            for _ in range(400 if len(served) == 2 else 0):
                opener.clock.advance(ns(0.25))
                await response.write(stuffing)
                stuffed.append(0.25)
                await asyncio.sleep(0.005)
        return response

    source = await opener(origin.at("/live.ts", serve))
    with pytest.raises(SourceGone):
        await source.run(sink)
    assert [epoch.reason for epoch in sink.epochs] == ["start", "reconnect"]
    assert 19 <= sum(stuffed) <= 60


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


def answering(*answers: Answer, asked: list[str] | None = None) -> AskPage:
    """What asks a page, with answers given one after another; the last one stands."""
    left = list(answers)

    async def ask(url: str, policy: AddressPolicy, timeout_s: float) -> Answer:
        if asked is not None:
            asked.append(url)
        return left.pop(0) if len(left) > 1 else left[0]

    return ask


PAGE = "https://www.twitch.tv/somebody"


async def test_a_page_is_opened_as_what_it_leads_to(
    opener: Opener, origin: Origin, studio: Studio, plain: Path, sink: RecordingSink
) -> None:
    """The whole way: page, playlist, media, with the headers that the page's plugin sends."""
    base = origin.folder("/p", studio.hls("paged", plain))
    found = Answer(code="live", url=base + "/i.m3u8", headers={"Referer": "https://page.example/"})
    opener.allow = ["127.0.0.0/8"]
    source = await opener(PAGE, ask=answering(found))
    assert source.info.kind == "hls"
    assert (await source.run(sink)).reason == "endlist"
    assert {headers.get("Referer") for headers in origin.headers} == {"https://page.example/"}


async def test_what_a_page_leads_to_is_held_to_the_policy(opener: Opener, origin: Origin) -> None:
    """A plugin's answer is a page's word: it does not lead into a private network."""
    with pytest.raises(SourceRefused) as refused:
        await opener(PAGE, ask=answering(Answer(code="live", url=origin.url + "/i.m3u8")))
    assert refused.value.code == "address_refused"
    assert origin.seen == []


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("offline", SourceRefused),
        ("bot_check", SourceRefused),
        ("unsupported", BadMedia),
        ("stream_kind", BadMedia),
        ("unreachable", SourceUnreachable),
        ("rate_limited", SourceUnreachable),
    ],
)
async def test_a_page_without_a_stream_says_so(opener: Opener, code: Code, error: type[Exception]) -> None:
    """Each with a remedy of its own."""
    with pytest.raises(error):
        await opener(PAGE, ask=answering(Answer(code=code)))


async def test_a_recording_is_asked_of_the_second_resolver(
    opener: Opener, origin: Origin, studio: Studio, plain: Path
) -> None:
    """Only by `vod`: a page that is watched has no stream, and that is all."""
    base = origin.folder("/p", studio.hls("paged", plain))
    opener.allow = ["127.0.0.0/8"]
    first = answering(Answer(code="recording"))
    second = answering(Answer(code="live", url=base + "/i.m3u8"))
    source = await opener(PAGE, ask=first, ask_second=second, live=False)
    assert source.info.kind == "hls"
    with pytest.raises(SourceRefused):
        await opener(PAGE, ask=first, ask_second=second, live=True)


async def test_a_recording_without_the_second_resolver_names_the_command(opener: Opener) -> None:
    """Exit 4, and what installs it."""
    with pytest.raises(MissingPart, match="pip install 'clipd") as missing:
        await opener(
            PAGE,
            ask=answering(Answer(code="recording")),
            ask_second=answering(Answer(code="ytdlp_missing")),
            live=False,
        )
    assert missing.value.exit_code == 4


async def test_an_unknown_page_with_a_recording_is_found_by_the_second_resolver(
    opener: Opener, origin: Origin, studio: Studio, plain: Path
) -> None:
    """Where it finds none, or is not there, the page is what it always was: no media."""
    origin.body("/page", "<!doctype html><p>hello", kind="text/html")
    base = origin.folder("/p", studio.hls("paged", plain))
    found = answering(Answer(code="live", url=base + "/i.m3u8"))
    assert (await opener(origin.url + "/page", ask_second=found, live=False)).info.kind == "hls"
    with pytest.raises(BadMedia) as refused:
        await opener(origin.url + "/page", ask_second=answering(Answer(code="ytdlp_missing")), live=False)
    assert refused.value.code == "html_page"
