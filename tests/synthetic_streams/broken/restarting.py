"""A live HLS origin that goes away again and again: every so often all its connections are reset, nobody is let in for
a while, and the encoder behind it begins anew. Its chat, JSON lines that stream, goes and comes with it.

Stream time begins with the first request. Numbers go on over a restart; timestamps begin at zero again.
"""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from core.protocols import Clock
from core.times import NS_PER_S, to_s
from tests.synthetic_streams.broken.loopback import LoopbackServer, reset
from tests.synthetic_streams.broken.media import SEGMENT_S

WINDOW: Final = 6
CHAT_NS: Final = NS_PER_S // 2  # between two messages
TOLD_AGAIN: Final = 20  # messages a chat that was opened again begins with


class RestartingOrigin(LoopbackServer):
    """On 127.0.0.1 and a port of its own, while the `async with` block runs; `/live.m3u8` and `/chat`.

    A turn is `every_s` long, of which the last `away_s` are spent away. `looked` is called at every playlist that is
    given out, which is about once a segment.
    """

    def __init__(
        self,
        segments: tuple[Path, ...],
        clock: Clock,
        *,
        length_s: float,
        every_s: float,
        away_s: float,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        self._segments, self._clock, self._looked = segments, clock, looked
        self._length_s, self._every_s, self._away_s = length_s, every_s, away_s
        self._a_turn = int((every_s - away_s) // SEGMENT_S)
        assert 0 < self._a_turn <= len(segments)
        self._began_ns: int | None = None
        self._said: deque[bytes] = deque(maxlen=TOLD_AGAIN)

    def routes(self, router: web.UrlDispatcher) -> None:
        """See LoopbackServer."""
        router.add_get("/live.m3u8", self._playlist)
        router.add_get(r"/{number:\d+}.ts", self._segment)
        router.add_get("/chat", self._chat)

    @property
    def now_s(self) -> float:
        """Stream time; the first look begins it."""
        now_ns = self._clock.boottime_ns()
        if self._began_ns is None:
            self._began_ns = now_ns
        return to_s(now_ns - self._began_ns)

    @property
    def restarts(self) -> int:
        """How often it has gone and come back."""
        return int(min(self.now_s, self._length_s) // self._every_s)

    @property
    def made_s(self) -> float:
        """Length of what was listed by now."""
        return float(SEGMENT_S * self._made())

    @property
    def _away(self) -> bool:
        now_s = self.now_s
        return now_s < self._length_s and now_s % self._every_s >= self._every_s - self._away_s

    # requests

    async def _playlist(self, request: web.Request) -> web.StreamResponse:
        if self._away:
            return reset(request)
        self._looked()
        return web.Response(text=self._text(), content_type="application/vnd.apple.mpegurl")

    async def _segment(self, request: web.Request) -> web.StreamResponse:
        if self._away:
            return reset(request)
        at = int(request.match_info["number"]) % self._a_turn
        return web.Response(body=self._segments[at].read_bytes(), content_type="video/mp2t")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        """The last messages once more, then new ones until the next restart."""
        if self._away:
            return reset(request)
        turn, out = self.restarts, web.StreamResponse()
        with contextlib.suppress(ConnectionError):
            await out.prepare(request)
            await out.write(b"".join(self._said))
            while self.restarts == turn and not self._away and self.now_s < self._length_s:
                self._said.append(self._message())
                await out.write(self._said[-1])
                await self._clock.sleep(CHAT_NS)
        return reset(request)

    def _message(self) -> bytes:
        wall_ns = self._clock.wall_ns()
        number = wall_ns // CHAT_NS
        said: dict[str, Any] = {"wall": wall_ns / NS_PER_S, "user": f"u{number % 40}", "text": f"well {number % 50}"}
        return json.dumps(said).encode() + b"\n"

    def _made(self) -> int:
        """Segments by now; the first of a turn is there as it begins."""
        now_s = min(self.now_s, self._length_s)
        made = int((now_s % self._every_s) // SEGMENT_S) + 1
        return self.restarts * self._a_turn + min(made, self._a_turn)

    def _text(self) -> str:
        """The newest segments. Those of a turn are there one by one; those of the turns before it are all there."""
        count = self._made()
        first = max(0, count - WINDOW)
        lines = [
            f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{SEGMENT_S}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{max(0, (first - 1) // self._a_turn)}\n"
        ]
        for number in range(first, count):
            broken = number > 0 and number % self._a_turn == 0
            lines.append(f"{'#EXT-X-DISCONTINUITY' + chr(10) if broken else ''}#EXTINF:{SEGMENT_S}.0,\n{number}.ts\n")
        return "".join([*lines, "#EXT-X-ENDLIST\n" if self.now_s >= self._length_s else ""])
