"""One page's WebSocket: reads messages one after the other, answers each, and gives up on who only sends rubbish."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiohttp import WSMsgType, web

from core.errors import ClipdError
from core.protocols import Clock
from core.times import NS_PER_S, ns
from recorder.room.messages import Pid
from recorder.room.protocol import MAX_FRAME, SUBPROTOCOL, BadMessage, error, read_message, write_message
from recorder.room.room import RecordingRoom

PING_NS: Final = ns(5)
DEAD_NS: Final = ns(60)  # a page of which nothing was heard for so long is let go
MAX_BAD: Final = 50  # refused messages in a row
RATE: Final = 40  # messages a second, of which
BURST: Final = 160  # may come at once
MAX_WAITING: Final = 256  # messages to a page that does not read
log = structlog.get_logger()


class Connection:
    """An Outlet, and the loop that serves it."""

    def __init__(self, room: RecordingRoom, pid: Pid, clock: Clock) -> None:
        self._room, self.pid, self._clock = room, pid, clock
        self._socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), max_msg_size=MAX_FRAME, autoping=False, compress=False
        )
        self._waiting: deque[str] = deque()
        self._there = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._bad = 0
        self._tokens, self._filled_ns = float(BURST), clock.boottime_ns()
        self._heard_ns = clock.boottime_ns()

    # -- Outlet

    def send(self, body: Mapping[str, Any]) -> None:
        """See Outlet. A page that reads nothing is closed, not waited for; of `peers` only the newest waits."""
        if self._closing is not None:
            return
        if body.get("type") == "peers":
            self._waiting = deque(text for text in self._waiting if not text.startswith(_PEERS))
        self._waiting.append(write_message(body))
        if len(self._waiting) > MAX_WAITING:
            self.close(1013, "too_slow")
        self._there.set()

    def close(self, code: int, reason: str) -> None:
        """See Outlet. What waits is sent first."""
        self._closing = self._closing or (code, reason)
        self._there.set()

    # -- its life

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """From the upgrade to the end of the socket; the person has entered the room."""
        try:
            await self._socket.prepare(request)
            writing = asyncio.create_task(self._write(), name=f"ws-write {self.pid}")
            pinging = asyncio.create_task(self._ping(), name=f"ws-ping {self.pid}")
            try:
                await self._read()
            finally:
                pinging.cancel()
                self.close(1000, "")  # which ends the writing
                await asyncio.gather(writing, pinging, return_exceptions=True)
        finally:
            self._room.lost(self.pid, self)
        return self._socket

    async def _read(self) -> None:
        async for message in self._socket:
            self._room.heard(self.pid)
            self._heard_ns = self._clock.boottime_ns()
            if message.type == WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                await self._take(message.data)
            elif message.type == WSMsgType.BINARY:
                self._refuse(BadMessage("Only text is read", remedy="Send JSON in text frames."))
            if self._closing is not None:
                return

    async def _take(self, text: str) -> None:
        """Boundary of one message: a bug of ours in it is an answer too, and the room goes on."""
        id: str | None = None
        try:
            self._limit()
            message = read_message(text)
            id = message.id
            reply = await self._room.reply_to(self.pid, message)
        except ClipdError as err:
            self._refuse(err, id)
            return
        except Exception:
            log.exception("room.message_failed", pid=self.pid)
            self._refuse(BadMessage("This could not be done", remedy="Try again.", code="internal"), id)
            return
        self._bad = 0
        if reply is not None:
            self.send({**reply, "re": id})

    def _refuse(self, err: ClipdError, re: str | None = None) -> None:
        self.send(error(err, re))
        self._bad += isinstance(err, BadMessage)
        if self._bad >= MAX_BAD:
            self.close(1008, "bad_messages")

    def _limit(self) -> None:
        """Raises BadMessage for who sends more than RATE a second."""
        now_ns = self._clock.boottime_ns()
        self._tokens = min(float(BURST), self._tokens + (now_ns - self._filled_ns) / NS_PER_S * RATE)
        self._filled_ns = now_ns
        if self._tokens < 1:
            raise BadMessage("Too many messages", remedy="Send fewer.", code="too_fast")
        self._tokens -= 1

    async def _write(self) -> None:
        """Send what waits, then close if that was asked for."""
        with contextlib.suppress(ConnectionError, RuntimeError):  # a page that went away
            while True:
                self._there.clear()
                while self._waiting:
                    await self._socket.send_str(self._waiting.popleft())
                if self._closing is not None:
                    code, reason = self._closing
                    await self._socket.close(code=code, message=reason.encode()[:100])
                    return
                await self._there.wait()

    async def _ping(self) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while True:
                await self._clock.sleep(PING_NS)
                await self._socket.ping()
                if self._clock.boottime_ns() - self._heard_ns > DEAD_NS:
                    self.close(1001, "silent")


_PEERS: Final = write_message({"type": "peers"})[:-1]
