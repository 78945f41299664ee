"""The worker's half of the hand-over from a door: a local socket on which publishers of this one stream arrive.

The door has checked the key, and the socket is the worker's own (mode 0600); still, what comes is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from configs.ingest import IngestOptions
from core.protocols import Clock
from daemon.doors.api import Refused
from daemon.doors.frames import DATA, DROP, END, RESTART, TAKEN, Frame, FrameReader, frame
from daemon.ingest.api import Resume
from daemon.ingest.feed import Feed
from daemon.ingest.push import PushSource
from daemon.sockets import listening_at

MAX_REASON: Final = 40


class DoorSource(PushSource):
    """Publishers come through a door of another process."""

    def __init__(self, path: Path, *, clock: Clock, options: IngestOptions, resume: Resume | None = None) -> None:
        super().__init__("door", clock=clock, options=options, resume=resume)
        self._socket = path
        self.handed: set[_Handed] = set()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[object]:
        listening = listening_at(self._socket)
        server = await asyncio.get_running_loop().create_unix_server(self._made, sock=listening)
        try:
            yield server
        finally:
            server.close()
            for handed in list(self.handed):
                handed.abort()
            await asyncio.gather(*(handed.gone() for handed in list(self.handed)))
            self._socket.unlink(missing_ok=True)

    def _where(self) -> tuple[str, str]:
        return "Waiting for a publisher at the door", "Point OBS at the door, with this stream's key."

    def _made(self) -> _Handed:
        return _Handed(self, self._clock)


class _Handed(asyncio.Protocol):
    """One publisher, as a door hands it over; the Link of its feed."""

    def __init__(self, source: DoorSource, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._frames = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._feed: Feed | None = None
        self._media_ns = clock.boottime_ns()
        self._gone = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A door has a publisher for us."""
        assert isinstance(transport, asyncio.Transport)  # what create_unix_server makes
        self._transport = transport
        self._source.handed.add(self)
        try:
            self._feed = self._source.take(self)
            transport.write(frame(TAKEN))
        except Refused as err:
            self.drop(err.code, err.text)

    def data_received(self, data: bytes) -> None:
        """Frames."""
        try:
            for one in self._frames.feed(data):
                self._take(one)
        except Refused as err:
            self.drop(err.code, err.text)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The door has gone, or its publisher."""
        if self._feed is not None:
            self._feed.close("lost")
        self._source.handed.discard(self)
        self._gone.set_result(None)

    def resume(self) -> None:
        """See Link."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def drop(self, code: str, text: str) -> None:
        """See Link."""
        if self._feed is not None:
            self._feed.close(code)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(DROP, f"{code} {text}".encode()))
            self._transport.close()

    def silent_ns(self) -> int:
        """See Link."""
        return self._clock.boottime_ns() - self._media_ns

    def preamble(self) -> bytes:
        """See Link; nobody on this side asks."""
        return b""

    def abort(self) -> None:
        """The source ends."""
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Return when it is closed."""
        await self._gone

    def _take(self, one: Frame) -> None:
        if self._feed is None:
            return
        if one.kind == DATA:
            self._media_ns = self._clock.boottime_ns()
            if not self._feed.write(one.body) and self._transport is not None:
                self._transport.pause_reading()
        elif one.kind == RESTART:
            self._feed.restart()
        elif one.kind == END:
            self._feed.close(one.body[:MAX_REASON].decode("ascii", "replace"))
