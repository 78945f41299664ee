"""The door's half of the hand-over: keys are asked of a key server, media goes to the socket of the stream's worker.

A worker that dies does not cost the publisher its connection: what comes meanwhile is lost, and the new worker gets the
codec settings first.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Final, Protocol

import structlog

from core.protocols import Clock
from core.times import NS_PER_S
from daemon.doors.api import Link, Publisher, Refused
from daemon.doors.frames import DATA, DROP, END, RESTART, TAKEN, Frame, FrameReader, frame
from daemon.sockets import short_path

RETRY_NS: Final = NS_PER_S // 4
AWAY_NS: Final = 30 * NS_PER_S  # a restart takes 2 s and the loading of a model
MAX_TEXT: Final = 300
_NOT_WATCHED: Final = "The stream is not being watched now"
UNSENT_BYTES: Final = 4 << 20  # 4 s at 8 Mbit/s; beyond it the publisher is not read
log = structlog.get_logger()


class KeyServer(Protocol):
    """Knows which stream a key belongs to; the supervisor, in production."""

    async def socket_of(self, path: str, peer: str) -> Path | None:
        """The socket of the worker of the stream with this `app/key`; None for an unknown key. Raises Refused."""


class Handover:
    """The gate of a door for many streams."""

    def __init__(self, keys: KeyServer, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def admit(self, publisher: Publisher) -> WorkerOutlet:
        """See Gate."""
        socket = await self._keys.socket_of(publisher.path, publisher.peer)
        if socket is None:
            raise Refused("bad_key", "No stream has this key")
        outlet = WorkerOutlet(socket, publisher.link, self._clock)
        await outlet.connect()
        return outlet


class WorkerOutlet(asyncio.Protocol):
    """A daemon.doors.api Outlet: one publisher's connection to a worker, made again when it breaks."""

    def __init__(self, socket: Path, link: Link, clock: Clock) -> None:
        self._socket = socket
        self._link = link
        self._clock = clock
        self._frames = FrameReader()
        self._transport: asyncio.WriteTransport | None = None
        self._full = False
        self._closed = False
        self._joined = False  # the worker has taken the publisher
        self._answer: asyncio.Future[Refused | None] = asyncio.get_running_loop().create_future()
        self._rejoining: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Reach the worker and be taken. Raises Refused (unavailable, or what the worker says)."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        try:
            with short_path(self._socket) as short:
                await loop.create_unix_connection(lambda: self, short)
            refused = await self._answer
        except OSError as err:
            raise Refused("unavailable", _NOT_WATCHED) from err
        except asyncio.CancelledError:
            self.close("lost")
            raise
        if refused is not None:
            raise refused

    # -- Outlet

    def write(self, data: bytes) -> bool:
        """See Outlet. While the worker is away it is lost."""
        if self._transport is not None:
            self._transport.write(frame(DATA, data))
        return not self._full

    def restart(self) -> None:
        """See Outlet."""
        if self._transport is not None:
            self._transport.write(frame(RESTART))

    def close(self, reason: str) -> None:
        """See Outlet."""
        self._closed = True
        if self._rejoining is not None:
            self._rejoining.cancel()
        if self._transport is not None:
            self._transport.write(frame(END, reason.encode()))
            self._transport.close()

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The worker is there."""
        assert isinstance(transport, asyncio.WriteTransport)  # what create_unix_connection makes
        self._transport, self._frames = transport, FrameReader()
        transport.set_write_buffer_limits(high=UNSENT_BYTES)

    def data_received(self, data: bytes) -> None:
        """The worker turns the publisher away."""
        for one in self._frames.feed(data):
            self._back(one)

    def pause_writing(self) -> None:
        """The worker does not read."""
        self._full = True

    def resume_writing(self) -> None:
        """It does again."""
        self._full = False
        if not self._closed:
            self._link.resume()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The worker has gone; wait for the next one."""
        self._transport = None
        if not self._answer.done():
            self._answer.set_result(Refused("unavailable", _NOT_WATCHED))
        elif not self._closed and self._joined:
            self.resume_writing()
            self._rejoining = asyncio.create_task(self._rejoin(), name="door-rejoin")

    # -- inside

    def _back(self, one: Frame) -> None:
        code, _, text = one.body[:MAX_TEXT].decode(errors="replace").partition(" ")
        if not self._answer.done():
            self._joined = one.kind == TAKEN
            self._answer.set_result(None if self._joined else Refused(code, text))
        elif one.kind == DROP and not self._closed:
            self._link.drop(code, text)

    async def _rejoin(self) -> None:
        self._joined = False
        log.warning("handover.lost")
        until_ns = self._clock.boottime_ns() + AWAY_NS
        while self._clock.boottime_ns() < until_ns:
            await self._clock.sleep(RETRY_NS)
            with contextlib.suppress(Refused):
                await self.connect()
                self.write(self._link.preamble())
                log.info("handover.rejoined")
                return
        self._link.drop("unavailable", _NOT_WATCHED)
