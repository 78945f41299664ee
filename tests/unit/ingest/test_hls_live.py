"""HLS as a source, served by a scripted origin: joining, breaks, losses, demuxed sound, keys, and every way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from Crypto.Cipher import AES

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceError, SourceGone, SourceRefused, SourceUnreachable
from core.media import Packet
from core.netpolicy import AddressPolicy
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.api import Ended, Resume
from daemon.ingest.hls.demux import demux, packed_audio_ticks
from daemon.ingest.hls.loop import open_hls
from daemon.ingest.reader import BOTH
from daemon.ingest.request import Request
from daemon.ingest.sniff import sniff
from tests.fakes import FakeClock, RecordingSink
from tests.media import media
from tests.unit.ingest.conftest import AAC, Origin, Studio

WALL_S = 1_700_000_000
HEAD = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n"
END = "#EXT-X-ENDLIST\n"
FMP4 = ("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4")


def entries(first: int, last: int, *, prefix: str = "/s/i", pdt: bool = False, suffix: str = "ts") -> str:
    """Segments first..last of a folder made by ffmpeg, two seconds each."""
    lines = [f"#EXT-X-MEDIA-SEQUENCE:{first}\n"]
    for n in range(first, last + 1):
        date = f"#EXT-X-PROGRAM-DATE-TIME:{stamp(2 * n)}\n" if pdt else ""
        lines.append(f"{date}#EXTINF:2.0,\n{prefix}{n}.{suffix}\n")
    return "".join(lines)


def stamp(offset_s: float) -> str:
    """An ISO date near the fake clock's now."""
    minutes, seconds = divmod(800 + offset_s, 60)
    return f"2023-11-14T22:{int(minutes):02d}:{seconds:06.3f}Z"


class Playlist:
    """A playlist that is another one at each request; the last one stays. An int is a status, None HTML."""

    def __init__(self, *versions: str | int | None) -> None:
        self.versions = versions
        self.asked = 0

    async def __call__(self, _request: web.Request) -> web.Response:
        version = self.versions[min(self.asked, len(self.versions) - 1)]
        self.asked += 1
        if isinstance(version, int):
            return web.Response(status=version)
        return web.Response(text=version if version is not None else "<html><body>Sign in</body></html>")


class Watch:
    """A source on an origin's playlist, run to its end."""

    def __init__(self, origin: Origin, clock: FakeClock, sink: RecordingSink, options: IngestOptions) -> None:
        self.origin, self.clock, self.sink, self.options = origin, clock, sink, options
        self.live = True
        self.resume: Resume | None = None
        self.refresh: Callable[[], object] | None = None

    def request(self, path: str = "/i.m3u8") -> Request:
        url = self.origin.url + path
        return Request(
            url=url, policy=AddressPolicy.for_source(url, "cli"), options=self.options, live=self.live, speed=None,
            resume=self.resume, refresh=self.refresh,  # type: ignore[arg-type]
        )  # fmt: skip

    async def run(self, path: str = "/i.m3u8") -> Ended:
        ended = await (await open_hls(self.request(path), self.clock)).run(self.sink)
        self.check()
        return ended

    async def plays(self, *versions: str | int | None) -> Ended:
        """As `run`, with these versions of the playlist; the first one is what `open_hls` sees too."""
        self.origin.at("/i.m3u8", Playlist(versions[0], *versions))
        return await self.run()

    async def fails(self, *versions: str | int | None) -> SourceError:
        with pytest.raises(SourceError) as failed:
            await self.plays(*versions)
        self.check()
        return failed.value

    def check(self) -> None:
        """Whatever happens, each track's decode times rise."""
        for kind in ("video", "audio"):
            assert all(a.dts_ns < b.dts_ns for a, b in pairwise(self.sink.packets(kind)))

    @property
    def seconds(self) -> float:
        """Length of the picture delivered."""
        return round(len(self.sink.packets("video")) / 30, 2)


@pytest.fixture(scope="session")
def segments(studio: Studio) -> Path:
    """Fourteen seconds in seven MPEG-TS segments `i0.ts`..."""
    return studio.hls("ts", studio.av("long.mp4", 14))


@pytest.fixture
def watch(origin: Origin, clock: FakeClock, sink: RecordingSink, options: IngestOptions, segments: Path) -> Watch:
    origin.folder("/s", segments)
    return Watch(origin, clock, sink, options)


async def test_a_replay_is_taken_whole(watch: Watch) -> None:
    """A playlist with an end: one epoch, all of it, in decode order, fetched once."""
    assert await watch.plays(HEAD + entries(0, 6) + END) == Ended("endlist")
    assert watch.seconds == 14
    assert len(watch.sink.epochs) == 1
    assert watch.sink.gaps == []
    assert all(a.dts_ns <= b.dts_ns for a, b in pairwise(watch.sink.packets()))
    assert [path for path in watch.origin.seen if path.endswith(".ts")] == [f"/s/i{n}.ts" for n in range(7)]
    assert watch.sink.edges == []


async def test_a_live_stream_is_joined_at_its_edge_and_followed(watch: Watch) -> None:
    """Three segments before the newest, then each new one until the end is announced; the edge runs ahead."""
    ended = await watch.plays(
        HEAD + entries(0, 4),
        HEAD + entries(1, 4),
        HEAD + entries(1, 5),
        HEAD + entries(2, 6),
        HEAD + entries(2, 6) + END,
    )
    assert ended == Ended("endlist")
    assert watch.seconds == 10
    assert len(watch.sink.epochs) == 1
    assert watch.sink.edges[0] >= ns(6)
    assert watch.sink.edges[-1] == pytest.approx(ns(10), abs=ns(0.1))
    assert watch.sink.edges == sorted(watch.sink.edges)


async def test_the_playlist_is_reloaded_in_its_own_rhythm(watch: Watch) -> None:
    """RFC 8216: after a change one target duration, without one half of it."""
    await watch.plays(HEAD + entries(0, 3), HEAD + entries(0, 3), HEAD + entries(0, 4), HEAD + entries(0, 4) + END)
    assert watch.clock.slept_ns == [ns(2), ns(1), ns(2)]


async def test_an_unstoppable_source_says_so(watch: Watch) -> None:
    """Live is unstoppable; a replay is not, and knows its length."""
    watch.origin.at("/i.m3u8", Playlist(HEAD + entries(0, 6)))
    live = await open_hls(watch.request(), watch.clock)
    watch.origin.at("/i.m3u8", Playlist(HEAD + entries(0, 6) + END))
    replay = await open_hls(watch.request(), watch.clock)
    assert (live.info.unstoppable, live.info.duration_s) == (True, None)
    assert (replay.info.unstoppable, replay.info.duration_s) == (False, 14.0)


@pytest.mark.parametrize(
    ("first", "error", "code"),
    [(404, SourceRefused, "http_404"), (403, SourceRefused, "http_403"), (410, SourceRefused, "http_410"),
     (500, SourceUnreachable, "http_500"), (None, BadMedia, "html_page"), (HEAD, BadMedia, "no_media")],
)  # fmt: skip
async def test_a_stream_that_cannot_begin_says_why(
    watch: Watch, first: str | int | None, error: type[SourceError], code: str
) -> None:
    """Refused at once; the server's own trouble after three tries; a web page by name; an empty stream too."""
    failed = await watch.fails(first if first != HEAD else HEAD + END)
    assert type(failed) is error
    assert failed.code == code
    assert len(watch.clock.slept_ns) == (2 if error is SourceUnreachable else 0)


async def test_trouble_at_the_start_that_passes_is_no_trouble(watch: Watch) -> None:
    """Two errors of the server, then the playlist."""
    good = HEAD + entries(0, 1) + END
    watch.origin.at("/i.m3u8", Playlist(503, 503, good, 503, 503, good))
    assert await watch.run() == Ended("endlist")


@pytest.mark.parametrize("trouble", [404, 403, 410, 500, None, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nx.m3u8\n"])
async def test_a_playlist_that_fails_for_a_while_costs_nothing(watch: Watch, trouble: str | int | None) -> None:
    """Mid-stream every failure is tried again; the same session and epoch go on when it comes back."""
    ended = await watch.plays(HEAD + entries(0, 3), trouble, trouble, trouble, HEAD + entries(0, 5) + END)
    assert ended == Ended("endlist")
    assert watch.seconds == 10
    assert len(watch.sink.epochs) == 1


@pytest.mark.parametrize("trouble", [404, None, HEAD + entries(0, 3)])
async def test_a_stream_that_stops_moving_is_gone_after_the_limit(watch: Watch, trouble: str | int | None) -> None:
    """Frozen, refused or a web page: once media has not advanced for the stall limit; what came before is kept."""
    watch.options = IngestOptions(stall_s=20, timeout_s=2)
    watch.sink.clock = watch.clock
    failed = await watch.fails(HEAD + entries(0, 3), trouble)
    assert isinstance(failed, SourceGone)
    assert failed.code == "source_gone"
    assert watch.seconds == 6
    assert 20 <= (watch.clock.boottime_ns() - watch.sink.written_ns) / 1e9 <= 23


async def test_a_discontinuity_without_dates_is_a_new_epoch_with_nothing_between(watch: Watch) -> None:
    """Segments side by side in a playlist continue each other, whatever their timestamps say (an ad, a restart)."""
    text = HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n"
    for n in (0, 1):
        text += f"#EXTINF:2,\n/s/i{n}.ts\n"
    text += "#EXT-X-DISCONTINUITY\n#EXTINF:2,\n/s/i0.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\n/s/i5.ts\n"
    watch.live = False
    await watch.plays(text + END)
    assert [e.reason for e in watch.sink.epochs] == ["start", "discontinuity", "discontinuity"]
    assert [round(e.start_ns / 1e9, 1) for e in watch.sink.epochs] == [0, 4.0, 6.0]
    assert [e.by for e in watch.sink.epochs[1:]] == ["source", "source"]
    assert watch.seconds == 8


async def test_dates_say_how_long_a_live_break_was(watch: Watch) -> None:
    """Four seconds by PROGRAM-DATE-TIME between both sides: the new epoch begins four seconds later, with its date."""
    head = HEAD + f"#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PROGRAM-DATE-TIME:{stamp(0)}\n#EXTINF:2,\n/s/i0.ts\n"
    rest = f"#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:{stamp(6)}\n#EXTINF:2,\n/s/i0.ts\n"
    await watch.plays(head, head + rest, head + rest + END)
    first, second = watch.sink.epochs
    assert (first.by, second.by) == ("pdt", "pdt")
    assert second.start_ns == pytest.approx(ns(6), abs=ns(0.05))
    assert first.wall_ns == (WALL_S) * NS_PER_S
    assert second.wall_ns == (WALL_S + 6) * NS_PER_S
    [gap] = watch.sink.gaps
    assert (gap.reason, round((gap.end_ns - gap.start_ns) / 1e9)) == ("discontinuity", 4)


async def test_an_encoder_that_starts_again_keeps_the_session(watch: Watch) -> None:
    """Sequence numbers and timestamps from zero: a new epoch by this machine's clock, nothing thrown away."""
    late = HEAD + "#EXT-X-MEDIA-SEQUENCE:900\n" + "".join(f"#EXTINF:2,\n/s/i{n}.ts\n" for n in (3, 4, 5))
    again = HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n/s/i0.ts\n#EXTINF:2,\n/s/i1.ts\n"
    await watch.plays(late, again, again + END)
    assert [(e.reason, e.by) for e in watch.sink.epochs] == [("start", "start"), ("sequence_reset", "boottime")]
    assert watch.seconds == 10


async def test_a_window_that_moved_on_is_a_break_with_its_time(watch: Watch) -> None:
    """Two segments passed unseen: by the dates, four seconds are missing, and the gap says so."""
    await watch.plays(
        HEAD + entries(0, 2, pdt=True), HEAD + entries(5, 6, pdt=True), HEAD + entries(5, 6, pdt=True) + END
    )
    first, second = watch.sink.epochs
    assert (second.reason, second.by) == ("sequence_jump", "pdt")
    assert second.start_ns == pytest.approx(ns(10), abs=ns(0.05))
    [gap] = watch.sink.gaps
    assert gap.end_ns - gap.start_ns == pytest.approx(ns(4), abs=ns(0.05))
    assert first.start_ns == 0


async def test_a_lost_segment_is_one_gap_in_the_same_epoch(watch: Watch) -> None:
    """Tried until its patience ends, then named with its stated length; what follows lies where it belongs."""
    del watch.origin.handlers["/s/i4.ts"]
    await watch.plays(HEAD + entries(0, 4), HEAD + entries(0, 5), HEAD + entries(0, 6) + END)
    [gap] = watch.sink.gaps
    assert (gap.reason, gap.track) == ("segment_lost", "all")
    assert gap.end_ns - gap.start_ns == ns(2)
    assert len(watch.sink.epochs) == 1
    assert watch.seconds == 8
    assert max(p.end_ns for p in watch.sink.packets()) == pytest.approx(ns(10), abs=ns(0.05))
    assert watch.origin.seen.count("/s/i4.ts") >= 3


async def test_a_segment_that_comes_at_the_second_try_costs_nothing(watch: Watch, segments: Path) -> None:
    """CDN nodes answer 404 for a moment; a broken body is fetched again too."""
    answers: dict[str, list[web.Response]] = {
        "/s/i1.ts": [web.Response(status=404), web.Response(status=503)],
        "/s/i2.ts": [web.Response(body=b"<html>busy</html>")],
    }

    def flaky(name: str) -> Callable[[web.Request], object]:
        async def handler(_request: web.Request) -> web.StreamResponse:
            return answers[name].pop(0) if answers[name] else web.FileResponse(segments / name.rsplit("/", 1)[1])

        return handler

    for name in answers:
        watch.origin.at(name, flaky(name))  # type: ignore[arg-type]
    await watch.plays(HEAD + entries(0, 3) + END)
    assert watch.seconds == 8
    assert watch.sink.gaps == []


async def test_segments_that_are_damaged_or_marked_as_missing_are_gaps_by_name(watch: Watch) -> None:
    """EXT-X-GAP is not even asked for; bytes that are no media are given up after the second look."""
    watch.origin.body("/s/i2.ts", b"\0" * 5000)
    text = HEAD + entries(0, 5).replace("#EXTINF:2.0,\n/s/i4", "#EXT-X-GAP\n#EXTINF:2.0,\n/s/i4") + END
    await watch.plays(text)
    assert [gap.reason for gap in watch.sink.gaps] == ["segment_damaged", "gap_tag"]
    assert "/s/i4.ts" not in watch.origin.seen
    assert watch.seconds == 8


async def test_a_stream_of_nothing_readable_ends_with_the_reason(watch: Watch) -> None:
    """Three damaged segments from the start on: the stream is nothing we can read."""
    for n in range(7):
        watch.origin.body(f"/s/i{n}.ts", b"<html>login</html>")
    assert (await watch.fails(HEAD + entries(0, 6))).code == "html_page"


async def test_what_a_playlist_may_not_name_is_never_fetched(watch: Watch) -> None:
    """A segment or key on another private host is refused: a gap, no connection; a local file refuses the playlist."""
    text = (
        HEAD
        + "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n/s/i0.ts\n#EXTINF:2,\nhttp://127.0.0.2:9/x.ts\n#EXTINF:2,\n/s/i2.ts\n"
    )
    await watch.plays(text + END)
    assert [gap.reason for gap in watch.sink.gaps] == ["segment_lost"]
    assert (await watch.fails(HEAD + "#EXTINF:2,\nfile:///etc/passwd\n" + END)).code == "bad_playlist"


async def test_the_best_quality_that_can_be_had_is_taken(watch: Watch) -> None:
    """The best variant's playlist answers 404: the next one is used."""
    master = (
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080,CODECS="avc1.640028,mp4a.40.2"\nbest.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=320x180,CODECS="avc1.640028,mp4a.40.2"\nlow.m3u8\n'
    )
    watch.origin.body("/master.m3u8", master)
    watch.origin.body("/low.m3u8", HEAD + entries(0, 1) + END)
    assert await watch.run("/master.m3u8") == Ended("endlist")
    assert watch.seconds == 4


async def test_a_quality_that_changes_inside_the_playlist_opens_an_epoch(watch: Watch, studio: Studio) -> None:
    """Another picture size without a discontinuity: a muxer could not go on, so a new epoch begins, nothing between."""
    long = str(studio.folder / "long.mp4")
    small = studio.make("small.mp4", "-i", long, "-t", "4", "-s", "160x90", "-g", "30", *AAC)
    other = studio.hls("small", small)
    watch.origin.folder("/o", other)
    text = HEAD + entries(0, 0) + "#EXTINF:2,\n/o/i1.ts\n" + END
    await watch.plays(text)
    assert [e.reason for e in watch.sink.epochs] == ["start", "tracks_changed"]
    assert [tracks[0].width for tracks in watch.sink.tracks] == [320, 160]
    assert watch.sink.epochs[1].start_ns == pytest.approx(ns(2), abs=ns(0.05))


async def test_fragmented_mp4_is_read_with_its_initialisation(watch: Watch, studio: Studio) -> None:
    """CMAF: EXT-X-MAP before each fragment; the map is fetched once."""
    folder = studio.hls("cmaf", studio.folder / "long.mp4", *FMP4)
    watch.origin.folder("/c", folder)
    text = HEAD + '#EXT-X-MAP:URI="/c/init.mp4"\n' + entries(0, 6, prefix="/c/i", suffix="m4s") + END
    await watch.plays(text)
    assert watch.seconds == 14
    assert len(watch.sink.epochs) == 1
    assert watch.sink.gaps == []
    assert watch.origin.seen.count("/c/init.mp4") == 1
    assert watch.sink.tracks[0][0].extradata


async def test_byte_ranges_of_one_file_are_segments(watch: Watch, studio: Studio) -> None:
    """A single file cut by ranges."""
    folder = studio.hls("single", studio.folder / "long.mp4", "-hls_flags", "single_file")
    watch.origin.folder("", folder)
    assert await watch.run("/i.m3u8") == Ended("endlist")
    assert watch.seconds == 14


async def test_encrypted_segments_are_decrypted(watch: Watch, segments: Path) -> None:
    """AES-128 with an IV, and without one (the sequence number is it); the key is fetched once."""
    key, text = bytes(range(16)), HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n"
    watch.origin.body("/key", key)
    for n in range(4):
        iv = bytes([7]) * 16 if n < 2 else n.to_bytes(16, "big")
        data = (segments / f"i{n}.ts").read_bytes()
        pad = 16 - len(data) % 16
        watch.origin.body(f"/e{n}.ts", AES.new(key, AES.MODE_CBC, iv).encrypt(data + bytes([pad]) * pad))
        tag = f'#EXT-X-KEY:METHOD=AES-128,URI="/key"{",IV=0x" + iv.hex() if n < 2 else ""}\n'
        text += f"{tag}#EXTINF:2,\n/e{n}.ts\n"
    await watch.plays(text + END)
    assert watch.seconds == 8
    assert watch.origin.seen.count("/key") == 1
    watch.origin.body("/key", b"wrong key, 16 b.")
    watch.sink = RecordingSink()
    assert (await watch.fails(text + END)).code == "bad_encryption"


def id3(ticks: int) -> bytes:
    """An ID3 tag with Apple's timestamp."""
    frame = b"com.apple.streaming.transportStreamTimestamp\0" + ticks.to_bytes(8, "big")
    tag = b"PRIV" + len(frame).to_bytes(4, "big") + b"\0\0" + frame
    return b"ID3\x04\0\0" + bytes([0, 0, 0, len(tag)]) + tag


def demuxed_streams(origin: Origin, studio: Studio, kind: str) -> str:
    """A master with sound in a playlist of its own, as fMP4, MPEG-TS or raw AAC; returns its path."""
    source = studio.folder / "long.mp4"
    picture = studio.hls(f"dv-{kind}", source, "-an", *(FMP4 if kind == "fmp4" else ()))
    if kind == "aac":
        sound = studio.folder / "da-aac"
        if not sound.exists():
            sound.mkdir()
            lines = [HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n"]
            for n in range(7):
                part = studio.make(f"aac-{n}.aac", "-ss", str(2 * n), "-i", str(source), "-t", "2", "-vn", *AAC)
                (sound / f"{n}.aac").write_bytes(id3(132_000 + 180_000 * n) + part.read_bytes())
                lines.append(f"#EXTINF:2,\n{n}.aac\n")
            (sound / "i.m3u8").write_text("".join(lines) + END)
    else:
        sound = studio.hls(f"da-{kind}", source, "-vn", "-hls_time", "3", *(() if kind == "ts" else FMP4))
    origin.folder("/v", picture)
    origin.folder("/a", sound)
    origin.body(
        "/master.m3u8",
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="en",DEFAULT=YES,URI="/a/i.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=9000000,CODECS="avc1.640028,mp4a.40.2",AUDIO="g"\n/v/i.m3u8\n',
    )
    return "/master.m3u8"


@pytest.mark.parametrize("kind", ["fmp4", "ts", "aac", "mixed"])
async def test_sound_from_a_playlist_of_its_own_is_interleaved(watch: Watch, studio: Studio, kind: str) -> None:
    """Picture and sound in one epoch and one order, within a frame of each other at the start, nothing lost; also with
    raw AAC dated by its ID3 tag, and with MP4 sound beside an MPEG-TS picture."""
    ended = await watch.run(demuxed_streams(watch.origin, studio, kind))
    assert ended == Ended("endlist")
    packets, sound = watch.sink.packets(), watch.sink.packets("audio")
    assert all(a.dts_ns <= b.dts_ns for a, b in pairwise(packets))
    assert watch.seconds == 14
    muxer_s = 1.4 if kind == "mixed" else 0  # ffmpeg starts MPEG-TS at 1.4 s and MP4 at 0: that much sound lies before
    assert sum(p.end_ns - p.pts_ns for p in sound) == pytest.approx(ns(14 - muxer_s), abs=ns(0.2))
    assert abs(sound[0].pts_ns) <= ns(0.05)
    assert len(watch.sink.epochs) == 1
    assert [track.kind for track in watch.sink.tracks[0]] == ["video", "audio"]


async def test_sound_that_fails_does_not_stop_the_picture(watch: Watch, studio: Studio) -> None:
    """A rendition whose segments are all gone: the picture goes on without it."""
    path = demuxed_streams(watch.origin, studio, "ts")
    for name in list(watch.origin.handlers):
        if name.startswith("/a/") and name.endswith(".ts"):
            del watch.origin.handlers[name]
    assert await watch.run(path) == Ended("endlist")
    assert watch.seconds == 14
    assert watch.sink.packets("audio") == []


async def test_a_break_in_both_playlists_is_one_epoch(watch: Watch, studio: Studio) -> None:
    """Picture and sound each announce the discontinuity: one new epoch, both tracks in it."""
    demuxed_streams(watch.origin, studio, "ts")
    cut = "#EXT-X-DISCONTINUITY\n"
    video = HEAD + "".join(f"{d}#EXTINF:2,\n/v/i{n}.ts\n" for n, d in ((0, ""), (1, ""), (0, cut), (1, "")))
    sound = HEAD + "".join(f"{d}#EXTINF:3,\n/a/i{n}.ts\n" for n, d in ((0, ""), (0, cut)))
    watch.origin.body("/v/i.m3u8", video + END)
    watch.origin.body("/a/i.m3u8", sound + END)
    await watch.run("/master.m3u8")
    assert [e.reason for e in watch.sink.epochs] == ["start", "discontinuity"]
    assert watch.sink.epochs[1].start_ns == pytest.approx(ns(4), abs=ns(0.1))
    assert watch.seconds == 8
    after = [p for p in watch.sink.packets("audio") if p.pts_ns >= watch.sink.epochs[1].start_ns]
    assert sum(p.end_ns - p.pts_ns for p in after) == pytest.approx(ns(3), abs=ns(0.1))


async def test_a_resumed_live_session_goes_on_in_a_new_epoch(watch: Watch) -> None:
    """By the stream's dates: 20 s of media before, 10 s away, so the new epoch starts at 30 s."""
    watch.resume = Resume(Ns(ns(20)), 4, wall_ns=(WALL_S - 10) * NS_PER_S)
    await watch.plays(HEAD + entries(0, 1, pdt=True), HEAD + entries(0, 1, pdt=True) + END)
    [epoch] = watch.sink.epochs
    assert (epoch.number, epoch.reason, epoch.by, epoch.start_ns) == (4, "resume", "pdt", ns(30))
    [gap] = watch.sink.gaps
    assert (gap.start_ns, gap.end_ns, gap.reason) == (ns(20), ns(30), "resume")


async def test_an_expired_link_of_a_page_is_renewed(watch: Watch) -> None:
    """403 mid-stream: the page is asked for a new link; the session goes on without a new epoch."""
    asked: list[int] = []

    async def refresh() -> str:
        asked.append(1)
        return watch.origin.url + "/new.m3u8"

    watch.refresh = refresh
    watch.origin.body("/new.m3u8", HEAD + entries(0, 5) + END)
    watch.origin.at("/i.m3u8", Playlist(HEAD + entries(0, 3), HEAD + entries(0, 3), 403))
    assert await watch.run() == Ended("endlist")
    assert watch.seconds == 10
    assert len(asked) == 1
    assert len(watch.sink.epochs) == 1


async def test_a_cancelled_source_leaves_no_task_behind(watch: Watch) -> None:
    """The worker stops a source by cancelling it; every fetch ends with it."""
    watch.origin.at("/i.m3u8", Playlist(HEAD + entries(0, 3)))
    source = await open_hls(watch.request(), watch.clock)
    before, first = asyncio.all_tasks(), asyncio.Event()

    class Sink(RecordingSink):
        async def write(self, packets: Sequence[Packet]) -> None:
            first.set()

    running = asyncio.create_task(source.run(Sink()))
    await first.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not {name for name in left if name.startswith("hls")}


async def test_a_timestamp_wrap_between_segments_is_invisible(watch: Watch, studio: Studio) -> None:
    """Each segment is opened on its own; 2^33 lies in the middle of the third."""
    folder = studio.hls("wrap", studio.folder / "long.mp4", "-output_ts_offset", str(2**33 / 90_000 - 6.4))
    watch.origin.folder("/w", folder)
    await watch.plays(HEAD + entries(0, 6, prefix="/w/i") + END)
    assert len(watch.sink.epochs) == 1
    assert watch.sink.gaps == []
    assert watch.seconds == 14
    assert max(p.end_ns for p in watch.sink.packets()) == pytest.approx(ns(14), abs=ns(0.05))


# -- segments on their own


def test_every_real_segment_of_the_collection_is_demuxed() -> None:
    """25 segments of two projects: H.264 with AAC, MP3 or no sound, ID3, captions, both ends of 33 bits."""
    found = {}
    for file in sorted(media("fx-hls").rglob("*")):
        if file.suffix in (".ts", ".aac") and file.name != "encrypted.ts":
            segment = demux(file.read_bytes(), b"", BOTH, 0)
            found[file.name] = len(segment.packets)
            assert {p.kind for p in segment.packets} <= {track.kind for track in segment.tracks}
            assert all(len(p.data) > 0 for p in segment.packets)
    assert len(found) == 25
    assert (found["oneSecond.ts"], found["aacWithId3.aac"], found["videoDiffPtsDts.ts"]) == (52, 47, 40)


def test_raw_audio_is_dated_by_its_tag_or_by_the_playlist() -> None:
    """With Apple's timestamp its 33 bits count; without it, the place in the playlist."""
    data = (media("fx-hls") / "videojs/segments/aacWithId3.aac").read_bytes()
    raw = data[data.index(b"\xff\xf1") :]
    assert packed_audio_ticks(data) is None
    assert demux(data, b"", BOTH, ns(99)).packets[0].pts == 99 * 90_000
    tagged = demux(id3(1 << 34 | 12_345) + raw, b"", BOTH, ns(99))
    assert tagged.packets[0].pts == 12_345
    assert tagged.wraps
    assert tagged.tracks[0].time_base == tagged.packets[0].time_base


@pytest.mark.parametrize("data", [b"", b"<html>", b"#EXTM3U\n", b"\x47" + b"\0" * 1879])
def test_a_segment_without_media_is_bad_media(data: bytes) -> None:
    """Nothing, a page, a playlist in disguise, empty packets."""
    with pytest.raises(BadMedia):
        demux(data, b"", BOTH, 0)


def test_an_encrypted_segment_without_its_key_is_no_media() -> None:
    """What is not decrypted has no signature."""
    assert sniff((media("fx-hls") / "videojs/segments/encrypted.ts").read_bytes()[:4096]) == "unknown"
