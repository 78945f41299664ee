"""Watching an HLS stream in a test: playlists that change with every request, and a source run to its end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from aiohttp import web

from configs.ingest import IngestOptions
from core.errors import SourceError
from core.netpolicy import AddressPolicy
from daemon.ingest.api import Ended, Resume
from daemon.ingest.hls.loop import open_hls
from daemon.ingest.request import Request
from tests.fakes import FakeClock, RecordingSink
from tests.unit.ingest.stage import Origin

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
