"""The origin behaves like a real live HLS origin, on virtual time."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from core.times import NS_PER_S, ns
from daemon.demo.chat import make_chat
from daemon.demo.origin import Fault, LiveOrigin, OriginOptions
from daemon.demo.recipe import Recipe
from daemon.demo.render import MediaOptions, VideoLoop
from tests.fakes import FakeClock
from tests.synthetic_streams.streams import plain

SHORT_S = 40.0


class Viewer:
    """Asks an origin for things, and moves its clock."""

    def __init__(self, origin: LiveOrigin, clock: FakeClock, http: aiohttp.ClientSession) -> None:
        self.origin, self.clock, self._http = origin, clock, http

    async def get(self, name: str) -> tuple[int, bytes, Any]:
        """Status, body and headers of a path."""
        async with self._http.get(self.origin.url.replace("stream.m3u8", name)) as answer:
            return answer.status, await answer.read(), answer.headers

    async def playlist(self, name: str = "main.m3u8") -> Playlist:
        """The media playlist as it is now."""
        status, body, _ = await self.get(name)
        assert status == 200
        return Playlist(body.decode())

    async def at(self, stream_s: float) -> None:
        """Move on to a time of the stream."""
        self.clock.advance(ns(stream_s) - self.origin.now_ns())


class Playlist:
    """What a test reads from a media playlist."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.uris = [line for line in text.splitlines() if line and not line.startswith("#")]
        self.sequence = self._number("EXT-X-MEDIA-SEQUENCE")
        self.target_s = self._number("EXT-X-TARGETDURATION")
        self.durations_s = [float(x) for x in re.findall(r"#EXTINF:([\d.]+),", text)]
        self.walls_s = [datetime.fromisoformat(x).timestamp() for x in re.findall(r"DATE-TIME:(\S+)", text)]
        self.ended = text.endswith("#EXT-X-ENDLIST\n")

    def _number(self, tag: str) -> int:
        found = re.search(rf"#{tag}:(\d+)", self.text)
        assert found, self.text
        return int(found[1])

    def numbered(self) -> dict[str, int]:
        """Media sequence number of each URI."""
        return {uri: self.sequence + i for i, uri in enumerate(self.uris)}


@asynccontextmanager
async def viewing(
    video: VideoLoop, recipe: Recipe | None = None, *, media: MediaOptions | None = None, **options: Any
) -> AsyncIterator[Viewer]:
    """A short stream with a viewer."""
    clock = FakeClock()
    served = OriginOptions(**options)
    origin = LiveOrigin(recipe or plain(1, SHORT_S), clock, media=media, options=served, video=video)
    async with origin, aiohttp.ClientSession() as http:
        yield Viewer(origin, clock, http)


async def test_a_viewer_finds_three_segments_at_the_start(video: VideoLoop) -> None:
    """The stream begins with the first request, three segments ago; nobody who comes first misses its first second."""
    async with viewing(video) as viewer:
        viewer.clock.advance(3600 * NS_PER_S)
        assert viewer.origin.wall_start_ns is None
        first = await viewer.playlist()
        assert first.uris == ["main-00000.ts", "main-00001.ts", "main-00002.ts"]
        start_ns = viewer.clock.wall_ns() - 6 * NS_PER_S
        assert viewer.origin.wall_start_ns == start_ns
        assert first.walls_s[0] == pytest.approx(start_ns / 1e9, abs=0.001)


async def test_a_segment_appears_only_after_its_last_frame(video: VideoLoop) -> None:
    """At 7.99 s there are three segments and the fourth is 404; at 8 s it is listed and served."""
    async with viewing(video) as viewer:
        await viewer.playlist()
        await viewer.at(7.99)
        assert len((await viewer.playlist()).uris) == 3
        assert (await viewer.get("main-00003.ts"))[0] == 404
        await viewer.at(8.0)
        assert (await viewer.playlist()).uris[-1] == "main-00003.ts"
        status, body, headers = await viewer.get("main-00003.ts")
        assert (status, body[0], headers["Content-Type"]) == (200, 0x47, "video/mp2t")
        assert "max-age" in headers["Cache-Control"]


async def test_the_window_slides_by_the_rules_until_the_stream_ends(video: VideoLoop) -> None:
    """Polled each second: six segments at most, numbers and dates never change, ENDLIST at the end."""
    async with viewing(video) as viewer:
        seen: dict[str, int] = {}
        walls: dict[str, float] = {}
        last = await viewer.playlist()
        for second in range(7, int(SHORT_S) + 3):
            await viewer.at(second)
            now = await viewer.playlist()
            assert now.sequence >= last.sequence
            assert len(now.uris) <= 6
            assert all(round(d) <= now.target_s for d in now.durations_s)
            assert all(seen.setdefault(uri, number) == number for uri, number in now.numbered().items())
            for uri, wall_s in zip(now.uris, now.walls_s, strict=True):
                assert walls.setdefault(uri, wall_s) == wall_s
            assert now.ended == (second >= SHORT_S)
            last = now
        assert sorted(seen.values()) == list(range(20))
        assert {round(b - a, 3) for a, b in itertools.pairwise(sorted(walls.values()))} == {2.0}
        assert last.uris[-1] == "main-00019.ts"


async def test_old_segments_leave_the_server_some_time_after_the_window(video: VideoLoop) -> None:
    """A slow viewer still gets a segment that just left the playlist; long after, it is gone."""
    async with viewing(video) as viewer:
        await viewer.playlist()
        await viewer.at(16)
        assert "main-00000.ts" not in (await viewer.playlist()).uris
        assert (await viewer.get("main-00000.ts"))[0] == 200
        await viewer.at(30)
        assert (await viewer.get("main-00000.ts"))[0] == 404


async def test_the_master_playlist_names_codecs_and_the_variant(video: VideoLoop) -> None:
    """One variant with bandwidth, codecs, size and rate; with demuxed audio its own rendition."""
    async with viewing(video, media=MediaOptions(demuxed=True, container="cmaf")) as viewer:
        text = (await viewer.get("stream.m3u8"))[1].decode()
        assert 'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=854x480,FRAME-RATE=30.000,AUDIO="sound"' in text
        assert text.endswith("\nmain.m3u8\n")
        assert 'URI="audio.m3u8"' in text
        sound = await viewer.playlist("audio.m3u8")
        assert '#EXT-X-MAP:URI="audio-init.mp4"' in sound.text
        assert (await viewer.get("audio-init.mp4"))[1][4:8] == b"ftyp"
        assert (await viewer.get(sound.uris[0]))[1][4:8] == b"moof"


async def test_chat_comes_when_it_happens_and_ends_with_the_stream(video: VideoLoop) -> None:
    """Every message of the recipe, stamped with its wall time; the connection closes at the stream's end."""
    recipe = plain(4, SHORT_S)
    async with viewing(video, recipe) as viewer:
        _, body, headers = await viewer.get("chat.jsonl")
        assert headers["Content-Type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in body.splitlines()]
        chat = make_chat(recipe)
        assert [line["text"] for line in lines] == [m.text for m in chat]
        start_ns = viewer.origin.wall_start_ns
        assert start_ns is not None
        assert lines[-1]["wall"] == pytest.approx((start_ns + chat[-1].t_ns) / 1e9, abs=0.002)
        assert viewer.origin.now_ns() == ns(SHORT_S)
        assert sum(viewer.clock.slept_ns) == ns(SHORT_S - 6)


async def test_an_endless_transport_stream_is_the_same_media(video: VideoLoop) -> None:
    """Over plain HTTP the segments follow one another as they happen."""
    async with viewing(video) as viewer:
        _, body, _ = await viewer.get("live.ts")
        assert body == b"".join(viewer.origin.media.segment(i) for i in range(20))


async def test_finished_waits_for_the_last_frame(video: VideoLoop) -> None:
    """The run stops by itself."""
    async with viewing(video) as viewer:
        await viewer.origin.finished()
        assert viewer.origin.now_ns() == ns(SHORT_S)
        assert (await viewer.playlist()).ended


async def test_a_vod_playlist_lists_everything_at_once(video: VideoLoop) -> None:
    """PLAYLIST-TYPE VOD, all twenty segments, ended, each served."""
    async with viewing(video, vod=True) as viewer:
        whole = await viewer.playlist()
        assert (len(whole.uris), whole.sequence, whole.ended) == (20, 0, True)
        assert "#EXT-X-PLAYLIST-TYPE:VOD" in whole.text
        assert (await viewer.get("main-00019.ts"))[0] == 200


async def test_a_restarted_encoder_is_announced_as_a_discontinuity(video: VideoLoop) -> None:
    """The tag stands before the first new segment; once it has left the window the discontinuity sequence counts it."""
    async with viewing(video, media=MediaOptions(resets_s=(10.0,))) as viewer:
        await viewer.playlist()
        await viewer.at(14)
        text = (await viewer.playlist()).text
        assert re.search(r"main-00004\.ts\n#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM\S+\n#EXTINF:2\.000,\nmain-00005", text)
        assert "#EXT-X-DISCONTINUITY-SEQUENCE:0" in text
        await viewer.at(30)
        text = (await viewer.playlist()).text
        assert "#EXT-X-DISCONTINUITY\n" not in text
        assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in text


async def test_a_lost_segment_is_never_listed(video: VideoLoop) -> None:
    """The numbers run on, the dates jump by four seconds, and the segment itself is 404."""
    async with viewing(video, lost=frozenset({4})) as viewer:
        await viewer.playlist()
        await viewer.at(14)
        shown = await viewer.playlist()
        assert shown.uris[3:] == ["main-00003.ts", "main-00005.ts", "main-00006.ts"]
        assert shown.walls_s[4] - shown.walls_s[3] == pytest.approx(4.0)
        assert (await viewer.get("main-00004.ts"))[0] == 404


async def test_a_restarted_packager_counts_from_zero(video: VideoLoop) -> None:
    """From the reset on only newer segments are listed, and the media sequence begins again."""
    async with viewing(video, sequence_reset_s=20.0) as viewer:
        await viewer.playlist()
        await viewer.at(19.9)
        assert (await viewer.playlist()).sequence == 3
        await viewer.at(24)
        after = await viewer.playlist()
        assert (after.sequence, after.uris) == (0, ["main-00010.ts", "main-00011.ts"])


async def test_faults_answer_in_their_span_and_for_their_target(video: VideoLoop) -> None:
    """A segment's 403, a playlist's 404 and a login page each hit what they name, when they say, and nothing else."""
    faults = (
        Fault(kind="status", target="segment", status=403, segments=frozenset({2})),
        Fault(kind="status", target="playlist", start_s=10, end_s=14, status=404),
        Fault(kind="html", target="playlist", start_s=16, end_s=18),
        Fault(kind="status", target="chat", status=503),
    )
    async with viewing(video, faults=faults) as viewer:
        await viewer.playlist()
        assert [(await viewer.get(f"main-0000{i}.ts"))[0] for i in (1, 2)] == [200, 403]
        for at_s, status in ((9.9, 200), (10, 404), (13.9, 404), (14, 200)):
            await viewer.at(at_s)
            assert (await viewer.get("main.m3u8"))[0] == status
        await viewer.at(16)
        status, body, headers = await viewer.get("main.m3u8")
        assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/html")
        assert b"#EXTM3U" not in body
        assert (await viewer.get("chat.jsonl"))[0] == 503


async def test_a_frozen_playlist_stays_as_it_was_and_then_jumps(video: VideoLoop) -> None:
    """Between 12 and 20 s viewers see the playlist of 12 s."""
    async with viewing(video, faults=(Fault(kind="frozen", target="playlist", start_s=12, end_s=20),)) as viewer:
        await viewer.playlist()
        await viewer.at(12)
        frozen = await viewer.playlist()
        await viewer.at(19.9)
        assert (await viewer.playlist()).text == frozen.text
        await viewer.at(20)
        assert (await viewer.playlist()).uris[-1] == "main-00009.ts"


async def test_a_slow_body_arrives_whole_but_late(video: VideoLoop) -> None:
    """Its bytes are spread over the stated time."""
    async with viewing(video, faults=(Fault(kind="slow", target="segment", slow_s=10.0),)) as viewer:
        await viewer.playlist()
        before_ns = viewer.origin.now_ns()
        _, body, _ = await viewer.get("main-00001.ts")
        assert body == viewer.origin.media.segment(1)
        assert viewer.origin.now_ns() - before_ns == ns(10)
