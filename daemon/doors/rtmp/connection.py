"""One connection of the RTMP door: a conversation on a socket, and the way of its media to the outlet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from core.protocols import Clock
from core.times import NS_PER_S
from daemon.doors.api import Gate, Outlet, Publisher, Refused
from daemon.doors.rtmp.conversation import Conversation, Media, MediaData, PublishWanted, Step, Unpublished
from daemon.doors.rtmp.flv import FlvWriter

MAX_UNSENT: Final = 64 << 10  # bytes of ours that a peer does not read
REFUSAL_NS: Final = NS_PER_S // 2  # a wrong key is answered this late: guessing takes time
log = structlog.get_logger()


class Connection(asyncio.Protocol):
    """Made by the server. `waiting`: neither publishing nor refused yet."""

    def __init__(
        self,
        gate: Gate,
        clock: Clock,
        *,
        ended: Callable[[Connection], None],
        refused: Callable[[str, Refused], None],
    ) -> None:
        self._gate = gate
        self._clock = clock
        self._on_end = ended
        self._on_refused = refused
        self._talk = Conversation()
        self._flv = FlvWriter()
        self._transport: asyncio.Transport | None = None
        self._outlet: Outlet | None = None
        self._asking: asyncio.Task[None] | None = None
        self._gone = asyncio.get_running_loop().create_future()
        self._since_ns = clock.boottime_ns()  # of what `waiting`, silence or lingering is measured from
        self._peer = "?"
        self._over = False  # refused or unpublished: what still comes is thrown away
        self.accepted = False

    @property
    def waiting(self) -> bool:
        """Whether it takes one of the places of those that do not publish yet."""
        return self._outlet is None and not self._over

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)  # what create_server makes
        self._transport = transport
        self._peer = str((transport.get_extra_info("peername") or "?")[0])
        if self._over:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        if self._over:
            return
        try:
            steps = self._talk.feed(data)
            self._send()
            self._take(steps)
        except Refused as err:
            self.refuse(err)

    def eof_received(self) -> None:
        """The peer has hung up; so do we."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The socket is closed, by whomever."""
        if self._asking is not None:
            self._asking.cancel()
        self._close_outlet("lost")
        self._over = True
        self._on_end(self)
        if not self._gone.done():
            self._gone.set_result(None)

    # -- the gate's and the outlet's side: daemon.doors.api.Link

    def resume(self) -> None:
        """The outlet has room again."""
        if self._transport is not None and not self._transport.is_closing() and not self._over:
            self._transport.resume_reading()

    def drop(self, code: str, text: str) -> None:
        """The outlet wants no more of it."""
        self.refuse(Refused(code, text))

    def silent_ns(self) -> int:
        """Since its last media."""
        return self._clock.boottime_ns() - self._since_ns

    def preamble(self) -> bytes:
        """Header, metadata and codec settings so far."""
        return self._flv.preamble()

    # -- the server's side

    def refuse(self, refused: Refused) -> None:
        """Turn it away: say why, end our half, and give the peer a moment to read it."""
        if self._over:
            return
        self._over = True
        self._since_ns = self._clock.boottime_ns()
        self._on_refused(self._peer, refused)
        self._close_outlet(refused.code)
        self._talk.refuse(refused)
        if self._transport is None:
            return  # it is closed as soon as it is open
        self._transport.resume_reading()  # or its end would not be seen
        self._send()
        if self._transport.can_write_eof() and not self._transport.is_closing():
            self._transport.write_eof()

    def check_time(self, *, publish_ns: int, silent_ns: int, linger_ns: int) -> None:
        """Hold its time limits; called by the sweep."""
        past_ns = self._clock.boottime_ns() - self._since_ns
        if self._over:
            if past_ns > linger_ns:
                self.abort()
        elif self._outlet is None:
            if past_ns > publish_ns:
                self.refuse(Refused("slow", "Publishing did not begin in time"))
        elif past_ns > silent_ns and self._transport is not None and self._transport.is_reading():
            self.refuse(Refused("silent", "No media came"))

    def abort(self) -> None:
        """Close without a word."""
        self._over = True  # and as soon as it is open, where it is not yet
        if self._transport is not None:
            self._transport.abort()

    async def gone(self) -> None:
        """Return when its socket is closed and it asks nobody any more."""
        await self._gone
        if self._asking is not None:
            await asyncio.gather(self._asking, return_exceptions=True)

    # -- inside

    def _send(self) -> None:
        assert self._transport is not None  # there is one while bytes come
        out = self._talk.take_output()
        if out and not self._transport.is_closing():
            self._transport.write(out)
            if self._transport.get_write_buffer_size() > MAX_UNSENT and not self._over:
                raise Refused("too_big", "Answers are not read")

    def _take(self, steps: list[Step]) -> None:
        """Media of one read goes on in one piece."""
        parts: list[bytes] = []
        for step in steps:
            if isinstance(step, Media):
                data = self._flv.media(step.message)
                if self._flv.restarted:
                    self._write(parts)
                    if self._outlet is not None:
                        self._outlet.restart()
                parts.append(data)
                self._since_ns = self._clock.boottime_ns()
            elif isinstance(step, MediaData):
                parts.append(self._flv.data(step.values))
            elif isinstance(step, PublishWanted):
                self._ask(step)
            elif isinstance(step, Unpublished):
                self._write(parts)
                self._unpublished()
                return
        self._write(parts)

    def _write(self, parts: list[bytes]) -> None:
        data = b"".join(parts)
        parts.clear()
        if data and self._outlet is not None and not self._outlet.write(data) and self._transport is not None:
            self._transport.pause_reading()

    def _unpublished(self) -> None:
        self._over, self._since_ns = True, self._clock.boottime_ns()
        self._close_outlet("unpublished")

    def _close_outlet(self, reason: str) -> None:
        outlet, self._outlet = self._outlet, None
        if outlet is not None:
            if held := self._flv.finish():
                outlet.write(held)
            outlet.close(reason)

    def _ask(self, wanted: PublishWanted) -> None:
        assert self._transport is not None  # there is one while bytes come
        self._transport.pause_reading()  # nothing is taken before the answer
        publisher = Publisher(path=wanted.path, peer=self._peer, link=self)
        self._asking = asyncio.create_task(self._admit(publisher), name="rtmp-admit")

    async def _admit(self, publisher: Publisher) -> None:
        try:
            outlet = await self._gate.admit(publisher)
        except Refused as err:
            if err.code == "bad_key":
                await self._clock.sleep(REFUSAL_NS)
            self.refuse(err)
            return
        if self._over:
            outlet.close("lost")
            return
        self._outlet, self.accepted = outlet, True
        self._since_ns = self._clock.boottime_ns()
        self._talk.accept()
        self._send()
        self.resume()
        log.info("publisher.accepted", peer=self._peer)
