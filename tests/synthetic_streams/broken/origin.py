"""Serves a script's stream over loopback in real time. `/live.m3u8` lists two qualities, which are the same pictures.

Stream time stands at HEAD_S until there is a segment and it is asked for: a viewer finds three, however slowly it
begins. Nothing is random.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from core.protocols import Clock
from core.times import NS_PER_S, to_s
from tests.synthetic_streams.broken.loopback import LoopbackServer, reset
from tests.synthetic_streams.broken.media import SEGMENT_S, Shelf
from tests.synthetic_streams.broken.scripts import LENGTH_S, Fault, Script

HEAD_S: Final = 6.0
WINDOW: Final = 9
_RESET, _BREAK, _LEAP, _SMALLER = 12, 10, 10, 12  # segments from which a shape is seen
_DROPPED: Final = frozenset({9, 10})
_ADVERT: Final = frozenset({9, 10})
_RESTART_S: Final = 6.0  # an encoder that restarts; the old list stays as it was meanwhile
_END_S: Final = (20.0, 23.0)
_BURST: Final = 4
_HANG_S: Final = 60.0
_HTML: Final = "<!doctype html><title>Sign in</title>"
_BOMB: Final = gzip.compress(b"#EXTM3U\n" + b"# \n" * 20_000_000, 1)
_MASTER: Final = (
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\n{key}/a.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=500000\n{key}/b.m3u8\n"
)


class BrokenOrigin(LoopbackServer):
    """One viewer's origin on 127.0.0.1 and a port of its own, while the `async with` block runs."""

    def __init__(self, script: Script, shelf: Shelf, clock: Clock) -> None:
        self._script, self._shelf, self._clock = script, shelf, clock
        self._began_ns: int | None = None
        self._done: set[tuple[Fault, int]] = set()
        self._asked = 0
        self._date_s = clock.wall_ns() // NS_PER_S
        self.first: int | None = None  # of the segments that were asked for

    def routes(self, router: web.UrlDispatcher) -> None:
        """See LoopbackServer."""
        router.add_get("/live.m3u8", self._master)
        router.add_get(r"/{key:\d}/{quality:a|b}.m3u8", self._playlist)
        router.add_get(r"/{key:\d}/{number:\d+}.ts", self._segment)

    @property
    def url(self) -> str:
        """The list of qualities."""
        return f"{self.address}/live.m3u8"

    @property
    def now_s(self) -> float:
        """Stream time."""
        return HEAD_S if self._began_ns is None else HEAD_S + to_s(self._clock.boottime_ns() - self._began_ns)

    def made_s(self) -> float:
        """Seconds of the stream itself that a viewer could have, from the segment it joined at."""
        return float(SEGMENT_S * sum(n >= (self.first or 0) for n in self._numbers(LENGTH_S) if n not in self._adverts))

    # requests

    async def _master(self, request: web.Request) -> web.StreamResponse:
        if self._away():
            return await self._answer(request, "reset", b"")
        renewed_s = self._script.renewed_s
        key = 2 if renewed_s is not None and self.now_s >= renewed_s else 1
        return web.Response(text=_MASTER.format(key=key), content_type="application/vnd.apple.mpegurl")

    async def _playlist(self, request: web.Request) -> web.StreamResponse:
        fault = self._fault("playlist", request, None)
        self._asked += 1
        if not self._numbers(self.now_s):
            self._begin()
        text = self._text(self.now_s if fault is None or fault.answer != "frozen" else fault.start_s)
        if self._away() or (fault is not None and fault.answer != "frozen"):
            return await self._answer(request, "reset" if fault is None else fault.answer, text.encode())
        return web.Response(text=text, content_type="application/vnd.apple.mpegurl")

    async def _segment(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        self.first = number if self.first is None else min(number, self.first)
        self._begin()
        fault, data = self._fault("segment", request, number), self._content(number)
        if self._away() or fault is not None:
            return await self._answer(request, "reset" if fault is None else fault.answer, data)
        return web.Response(body=data, content_type="video/mp2t")

    def _begin(self) -> None:
        if self._began_ns is None:
            self._began_ns = self._clock.boottime_ns()

    def _away(self) -> bool:
        away = self._script.away
        return away is not None and away[0] <= self.now_s < away[1]

    def _fault(self, target: str, request: web.Request, number: int | None) -> Fault | None:
        now_s, info = self.now_s, request.match_info
        for fault in self._script.faults:
            hit = fault.target == target and fault.start_s <= now_s < fault.end_s
            hit = hit and (not fault.numbers or number in fault.numbers)
            hit = hit and not (self._script.renewed_s is not None and info["key"] == "2")
            hit = hit and not (fault.answer == "gone" and info.get("quality") == "b")
            if hit and fault.once and number is not None:
                hit = (fault, number) not in self._done
                self._done.add((fault, number))
            if hit:
                return fault
        return None

    # the stream

    @property
    def _adverts(self) -> frozenset[int]:
        return _ADVERT if self._script.shape == "advert" else frozenset()

    def _numbers(self, now_s: float) -> list[int]:
        """Segments that have been made by then."""
        count = int(min(now_s, LENGTH_S) // SEGMENT_S)
        count -= count % _BURST if self._script.shape == "burst" and now_s < LENGTH_S else 0
        return [n for n in range(count) if self._script.shape != "dropped" or n not in _DROPPED]

    def _text(self, now_s: float) -> str:
        shape = self._script.shape
        late = shape == "stale" and self._asked % 2 == 0
        pause = shape == "end" and _END_S[0] <= now_s < _END_S[1]
        there = self._numbers(_END_S[0] if pause else now_s - (2 * SEGMENT_S if late else 0))
        if shape == "reset":
            restarted = now_s >= _RESET * SEGMENT_S + _RESTART_S
            there = [n for n in there if (n >= _RESET) is restarted]
        shown = there[-WINDOW:]
        text = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{SEGMENT_S}\n"
        text += f"#EXT-X-MEDIA-SEQUENCE:{len(there) - len(shown)}\n"
        text += "".join(self._entry(n) for n in shown)
        return text + ("#EXT-X-ENDLIST\n" if pause or now_s >= LENGTH_S + SEGMENT_S else "")

    def _entry(self, number: int) -> str:
        shape, tags = self._script.shape, ""
        if (shape, number) in {("discontinuity", _BREAK), ("smaller", _SMALLER)}:
            tags = "#EXT-X-DISCONTINUITY\n"
        if shape == "advert" and number == min(_ADVERT):
            tags = f"#EXT-X-DISCONTINUITY\n#EXT-X-CUE-OUT:{SEGMENT_S * len(_ADVERT)}\n"
        if shape == "advert" and number == max(_ADVERT) + 1:
            tags = "#EXT-X-CUE-IN\n#EXT-X-DISCONTINUITY\n"
        if shape == "reset":  # without dates the time between two arrivals would count, which is the machine's
            dated = datetime.fromtimestamp(self._date_s + number * SEGMENT_S, UTC)
            tags += f"#EXT-X-PROGRAM-DATE-TIME:{dated.isoformat(timespec='milliseconds')}\n"
        return f"{tags}#EXTINF:{SEGMENT_S}.0,\n{number}.ts\n"

    def _content(self, number: int) -> bytes:
        shape, shelf = self._script.shape, self._shelf
        files, at = shelf.plain, number
        if shape == "wrap":
            files = shelf.wrapping
        elif (shape == "smaller" and number >= _SMALLER) or number in self._adverts:
            files = shelf.small
        elif shape == "reset" and number >= _RESET:
            at = number - _RESET
        elif shape == "discontinuity" and number >= _BREAK:
            at = number - _BREAK
        elif shape == "backward" and number >= _LEAP:
            at = number - 2
        return files[at].read_bytes() if at < len(files) else b""

    # the faults

    async def _answer(self, request: web.Request, answer: str, whole: bytes) -> web.StreamResponse:
        if answer.isdecimal():
            return web.Response(status=int(answer), headers={"Retry-After": "2"})
        if answer == "gone":
            return web.Response(status=404)
        fixed = {
            "html": _HTML.encode(), "empty": b"", "garbage": _noise(len(whole)), "nosegments": b"#EXTM3U\n",
            "masterlist": _MASTER.format(key=1).encode(),
        }  # fmt: skip
        if answer in fixed:
            return web.Response(body=fixed[answer], content_type="text/html" if answer == "html" else "video/mp2t")
        if answer == "gzip":
            return web.Response(body=_BOMB, headers={"Content-Encoding": "gzip"})
        if answer == "reset":
            return reset(request)
        return await self._badly(request, answer, whole)

    async def _badly(self, request: web.Request, answer: str, whole: bytes) -> web.StreamResponse:
        """A body that stops half way, comes by drops, never begins, or never ends."""
        out = web.StreamResponse(headers={"Content-Type": "video/mp2t"})
        if answer in ("cut", "trickle"):
            out.content_length = len(whole)
        try:
            if answer == "hang":
                await asyncio.sleep(_HANG_S)
                return reset(request)
            await out.prepare(request)
            if answer == "cut":
                await out.write(whole[: len(whole) // 2])
                return reset(request)
            piece = whole[:50] if answer == "trickle" else bytes(1 << 16)
            for _ in range(int(_HANG_S * 10)):
                await out.write(piece)
                await asyncio.sleep(0.1 if answer == "trickle" else 0)
        except (ConnectionError, RuntimeError):
            pass  # the viewer has given up, as it should
        return out


def _noise(length: int) -> bytes:
    return hashlib.shake_128(b"noise").digest(max(length, 1000))
