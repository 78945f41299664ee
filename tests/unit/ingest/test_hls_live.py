"""HLS as a source, served by a scripted origin: joining, following, breaks, losses, and every way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.errors import BadMedia, SourceError, SourceGone, SourceRefused, SourceUnreachable
from core.media import Packet
from core.times import NS_PER_S, Ns, ns
from daemon.ingest.api import Ended, Resume
from daemon.ingest.hls.loop import open_hls
from tests.fakes import RecordingSink
from tests.unit.ingest.hls_watch import END, HEAD, WALL_S, Playlist, Watch, entries, stamp


async def test_a_replay_is_taken_whole(watch: Watch) -> None:
    """A playlist with an end: one epoch, all of it, in decode order, fetched once."""
    assert await watch.plays(HEAD + entries(0, 6) + END) == Ended("endlist")
    assert watch.seconds == 14
    assert len(watch.sink.epochs) == 1
    assert watch.sink.gaps == []
    assert all(a.dts_ns <= b.dts_ns for a, b in pairwise(watch.sink.packets()))
    assert sorted(path for path in watch.origin.seen if path.endswith(".ts")) == [f"/s/i{n}.ts" for n in range(7)]
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
    """RFC 8216: after a change one target duration, without one half of it; an end is looked at twice more."""
    await watch.plays(HEAD + entries(0, 3), HEAD + entries(0, 3), HEAD + entries(0, 4), HEAD + entries(0, 4) + END)
    assert watch.clock.slept_ns == [ns(2), ns(1), ns(2), ns(2), ns(2)]


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
    watch.options = IngestOptions(stall_s=20, timeout_s=30)
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


async def test_a_segment_that_left_the_playlist_is_asked_for_while_its_server_is_away(
    watch: Watch, segments: Path
) -> None:
    """Servers keep what they list no longer: three errors outlast the window, then it comes; a 404 there is final."""
    playlist = Playlist(HEAD + entries(0, 3), HEAD + entries(0, 3), HEAD + entries(4, 5), HEAD + entries(4, 6) + END)
    watch.origin.at("/i.m3u8", playlist)

    async def away(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(segments / "i2.ts") if playlist.asked > 3 else web.Response(status=503)

    async def gone(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=404 if playlist.asked > 3 else 503)

    watch.origin.at("/s/i2.ts", away)
    watch.origin.at("/s/i3.ts", gone)
    await watch.run()
    assert [(gap.start_ns, gap.end_ns, gap.reason) for gap in watch.sink.gaps] == [(ns(4), ns(6), "segment_lost")]


async def test_a_fetch_that_failed_while_the_machine_stood_still_is_made_again(watch: Watch, segments: Path) -> None:
    """It took longer than a segment may, all by itself; the segment is there."""
    tries: list[int] = []

    async def slept(_request: web.Request) -> web.StreamResponse:
        tries.append(1)
        if len(tries) > 1:
            return web.FileResponse(segments / "i2.ts")
        await watch.clock.sleep(ns(60))
        return web.Response(status=503)

    watch.origin.at("/s/i2.ts", slept)
    await watch.plays(HEAD + entries(0, 3), HEAD + entries(0, 4) + END)
    assert (watch.sink.gaps, len(tries)) == ([], 2)


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


async def test_a_resumed_live_session_goes_on_in_a_new_epoch(watch: Watch) -> None:
    """By the stream's dates: 20 s of media before, 10 s away, so the new epoch starts at 30 s."""
    watch.resume = Resume(Ns(ns(20)), 4, wall_ns=(WALL_S - 10) * NS_PER_S)
    await watch.plays(HEAD + entries(0, 1, pdt=True), HEAD + entries(0, 1, pdt=True) + END)
    [epoch] = watch.sink.epochs
    assert (epoch.number, epoch.reason, epoch.by, epoch.start_ns) == (4, "worker_restart", "pdt", ns(30))
    [gap] = watch.sink.gaps
    assert (gap.start_ns, gap.end_ns, gap.reason) == (ns(20), ns(30), "worker_restart")


async def test_a_worker_that_was_away_shortly_loses_nothing(watch: Watch) -> None:
    """What passed meanwhile is still listed: it is fetched, and the new epoch begins where the old one ended."""
    watch.resume = Resume(Ns(ns(20)), 1, wall_ns=(WALL_S + 4) * NS_PER_S)
    playlist = HEAD + entries(0, 6, pdt=True)
    await watch.plays(playlist, playlist + END)
    [epoch] = watch.sink.epochs
    assert (epoch.start_ns, epoch.by) == (ns(20), "pdt")
    assert watch.sink.gaps == []
    assert watch.seconds == 10


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


async def test_a_playlist_that_stands_still_is_looked_for_elsewhere(watch: Watch) -> None:
    """It is answered with 200 and names nothing new: after 20 s the page is asked again, long before it counts as
    gone."""
    asked: list[float] = []

    async def refresh() -> str:
        asked.append((watch.clock.boottime_ns() - began_ns) / 1e9)
        return watch.origin.url + "/new.m3u8"

    watch.refresh, began_ns = refresh, watch.clock.boottime_ns()
    watch.origin.body("/new.m3u8", HEAD + entries(0, 5) + END)
    watch.origin.at("/i.m3u8", Playlist(HEAD + entries(0, 3)))
    assert await watch.run() == Ended("endlist")
    assert len(asked) == 1
    assert 20 <= asked[0] <= 30
    assert watch.seconds == 10
    assert len(watch.sink.epochs) == 1


async def test_a_renewed_link_to_a_list_of_qualities_is_followed(watch: Watch) -> None:
    """What a page gives is the list; the quality in it is what goes on. The playlist itself had not been refused: only
    its segments, which are fetched by their new names."""
    gone = HEAD + entries(0, 2) + "#EXTINF:2.0,\n/old/i3.ts\n"
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n/new.m3u8\n"

    async def refresh() -> str:
        return watch.origin.url + "/master.m3u8"

    watch.refresh = refresh
    watch.origin.body("/master.m3u8", master)
    watch.origin.body("/new.m3u8", HEAD + entries(0, 5) + END)
    watch.origin.at("/old/i3.ts", Playlist(403))
    watch.origin.at("/i.m3u8", Playlist(gone))
    assert await watch.run() == Ended("endlist")
    assert watch.seconds == 10
    assert watch.sink.gaps == []


async def test_a_quality_that_is_gone_is_left_for_another(watch: Watch) -> None:
    """The best one's playlist is refused from now on: the list is read again, and the next one goes on."""
    watch.origin.body(
        "/i.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n/a.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5\n/b.m3u8\n"
    )
    watch.origin.at("/a.m3u8", Playlist(HEAD + entries(0, 3), HEAD + entries(0, 3), 404))
    watch.origin.body("/b.m3u8", HEAD + entries(0, 5) + END)
    assert await watch.run() == Ended("endlist")
    assert watch.seconds == 10


async def test_an_end_that_is_taken_back_is_none(watch: Watch) -> None:
    """A packager that restarts says it has ended, and goes on a few seconds later."""
    first = HEAD + entries(0, 3)
    again = HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2,\n/s/i4.ts\n#EXTINF:2,\n/s/i5.ts\n"
    more = again + "#EXTINF:2,\n/s/i6.ts\n"
    assert await watch.plays(first, first + END, first + END, again, more, more + END) == Ended("endlist")
    assert [e.reason for e in watch.sink.epochs] == ["start", "sequence_reset"]
    assert watch.seconds == 12


@pytest.mark.parametrize("marks", ["twitch", "cue", "scte35"])
async def test_adverts_are_a_gap_by_name(watch: Watch, marks: str) -> None:
    """What stands in the stream's place is not taken; the stream goes on behind it in an epoch of its own."""
    dated = f'ID="stitched-ad-1",CLASS="twitch-stitched-ad",START-DATE="{stamp(4)}",DURATION=4.0'
    spliced = f'ID="7",START-DATE="{stamp(4)}",PLANNED-DURATION=4,SCTE35-OUT=0xFC30'
    text = HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n"
    text += {"twitch": f"#EXT-X-DATERANGE:{dated}\n", "scte35": f"#EXT-X-DATERANGE:{spliced}\n", "cue": ""}[marks]
    for n in range(7):
        text += {2: "#EXT-X-CUE-OUT:DURATION=4\n", 4: "#EXT-X-CUE-IN\n"}.get(n, "") if marks == "cue" else ""
        text += f"#EXT-X-PROGRAM-DATE-TIME:{stamp(2 * n)}\n#EXTINF:2,\n/s/i{n}.ts\n"
    watch.live = False
    await watch.plays(text + END)
    assert {gap.reason for gap in watch.sink.gaps} == {"ad"}
    assert sum(gap.end_ns - gap.start_ns for gap in watch.sink.gaps) == pytest.approx(ns(4), abs=ns(0.1))
    assert [epoch.reason for epoch in watch.sink.epochs] == ["start", "ad_break"]
    assert not [path for path in watch.origin.seen if path in ("/s/i2.ts", "/s/i3.ts")]


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
