"""Twitch's chat: IRC over a WebSocket, read without an account.

One connection a chat; the JOIN limit (20 in 10 s) counts per account and address, and a worker joins once. It stays
connected for as long as it is used: whatever breaks is tried again, with growing and jittered pauses.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import WSMsgType

from core.errors import SourceRefused, SourceUnreachable
from core.protocols import Clock
from core.times import NS_PER_S
from daemon.ingest.chat.irc import IrcLine, parse_irc
from daemon.ingest.chat.message import Post, clean
from daemon.ingest.chat.repeats import Repeats
from daemon.ingest.chat.twitch_lines import FINAL_NOTICES, to_post
from daemon.ingest.http import Http, WebSocket

MAX_FRAME: Final = 1 << 18  # bytes; a frame carries several lines, each at most 8.7 kB
MAX_PAUSE_NS: Final = 60 * NS_PER_S
STEADY_NS: Final = 60 * NS_PER_S  # a connection that lived this long begins the pauses anew
TELL_AFTER: Final = 4  # tries in a row without a chat (about 10 s) before the user hears of it
log = structlog.get_logger()

Warn = Callable[[str, str, str], Awaitable[None]]  # code, message, remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long nothing may come, in seconds: before we ask (Twitch itself does every five minutes), for the answer, and
    for being let into the channel."""

    silence_s: float = 60.0
    answer_s: float = 15.0
    join_s: float = 15.0


PATIENCE: Final = Patience()


class TwitchChat:
    """A ChatFeed: the chat of one channel, whose name has been checked (core.chat)."""

    def __init__(
        self,
        channel: str,
        url: str,
        http: Http,
        *,
        clock: Clock,
        warn: Warn,
        patience: Patience = PATIENCE,
        rng: random.Random | None = None,
    ) -> None:
        self._channel = channel
        self._url = url
        self._http = http
        self._clock = clock
        self._warn = warn
        self._patience = patience
        self._rng = rng or random.Random()
        self._repeats = Repeats()
        self._joined_ns: int | None = None  # CLOCK_BOOTTIME at which the running connection was let in
        self._failed = 0  # tries in a row that brought no chat, or not for long
        self._told = False
        self.skipped = 0

    @property
    def repeated(self) -> int:
        """See ChatFeed."""
        return self._repeats.repeated

    async def groups(self) -> AsyncGenerator[list[Post], None]:
        """Messages with their UTC times; an empty group every time the server has been silent. Ends never; raises
        SourceRefused when the address policy or Twitch says no for good."""
        async with self._http:
            while True:
                self._joined_ns = None
                try:
                    async with aclosing(self._connection()) as groups:
                        async for group in groups:
                            yield group
                except SourceUnreachable as err:
                    await self._count_failure(err)
                    log.info("chat.lost", channel=self._channel, reason=err.code, failures=self._failed)
                await self._clock.sleep(self._pause_ns())

    async def _count_failure(self, err: SourceUnreachable) -> None:
        joined_ns = self._joined_ns
        lived = joined_ns is not None and self._clock.boottime_ns() - joined_ns >= STEADY_NS
        if lived:
            self._failed, self._told = 0, False
        self._failed += 1
        if self._failed >= TELL_AFTER and not self._told:
            self._told = True
            await self._warn(
                "chat_unreachable",
                f"The chat of {self._channel} cannot be read: {err.what}",
                "The stream is watched without it; it is tried again.",
            )

    def _pause_ns(self) -> int:
        """1, 2, 4, ... 60 s, each between a half and the whole of it: thousands lose Twitch at the same moment."""
        longest_ns = min(MAX_PAUSE_NS, NS_PER_S << min(max(self._failed - 1, 0), 10))
        return round(longest_ns * self._rng.uniform(0.5, 1.0))

    async def _connection(self) -> AsyncGenerator[list[Post], None]:
        """One connection. Raises SourceUnreachable when it breaks, or when the server asks for another."""
        async with self._http.websocket(self._url, max_bytes=MAX_FRAME) as socket:
            await self._send(socket, "CAP REQ :twitch.tv/tags twitch.tv/commands")
            await self._send(socket, f"NICK justinfan{self._rng.randrange(10_000, 100_000)}")
            opened_ns, asked = self._clock.boottime_ns(), False
            while True:
                frame = await self._frame(socket, asked=asked)
                asked = frame is None
                if frame is None:
                    self._expect_joined(opened_ns, silent=True)
                    await self._send(socket, "PING :clipd")
                    yield []
                    continue
                posts, again = await self._take(socket, frame)
                self._expect_joined(opened_ns, silent=False)
                yield posts
                if again:
                    raise _broken("Twitch asked for a new connection", "chat_moved")

    def _expect_joined(self, opened_ns: int, *, silent: bool) -> None:
        late = self._clock.boottime_ns() - opened_ns > self._patience.join_s * NS_PER_S
        if self._joined_ns is None and (silent or late):
            raise _broken(f"Twitch did not let us into the channel {self._channel}", "chat_not_joined")

    async def _frame(self, socket: WebSocket, *, asked: bool) -> bytes | None:
        """The next message of the WebSocket; None when it has been silent and is yet to be asked."""
        patience = self._patience
        wait_s = patience.join_s if self._joined_ns is None else patience.answer_s if asked else patience.silence_s
        try:
            frame = await socket.receive(timeout=wait_s)
        except TimeoutError:
            if asked:
                raise _broken("Twitch's chat does not answer any more", "chat_silent") from None
            return None
        if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            data: bytes = frame.data
            return data
        if frame.type is WSMsgType.ERROR:
            raise _broken(f"Twitch's chat sent what is no WebSocket message: {frame.data}", "chat_garbled")
        raise _broken("Twitch's chat closed the connection", "chat_closed")

    async def _take(self, socket: WebSocket, frame: bytes) -> tuple[list[Post], bool]:
        """What a frame's lines say, and whether the server asked us to connect anew."""
        posts, again = [], False
        for raw in frame.split(b"\n"):
            if not (raw := raw.strip(b"\r\0 ")):
                continue
            line = parse_irc(raw)
            if line is None:
                self.skipped += 1
            elif line.command in ("PRIVMSG", "USERNOTICE"):
                if self._repeats.is_new_id(line.tags.get("id", "")) and (post := to_post(line, self._clock.wall_ns())):
                    posts.append(post)
            else:
                again |= await self._obey(socket, line)
        return posts, again

    async def _obey(self, socket: WebSocket, line: IrcLine) -> bool:
        """Lines about the connection itself; True: connect anew. Raises SourceRefused when it is a final no."""
        if line.command == "001":
            await self._send(socket, f"JOIN #{self._channel}")
        elif line.command in ("366", "ROOMSTATE"):  # the end of the names, or how the room is set up: we are in
            if self._joined_ns is None:
                self._joined_ns = self._clock.boottime_ns()
                log.info("chat.joined", channel=self._channel)
        elif line.command == "PING":
            await self._send(socket, f"PONG :{line.text[:200]}")
        elif line.command == "NOTICE":
            self._heed(line)
        return line.command == "RECONNECT"

    def _heed(self, line: IrcLine) -> None:
        what = clean(line.text)[:200]
        if line.tags.get("msg-id") in FINAL_NOTICES:
            raise SourceRefused(
                f"Twitch refuses the chat of {self._channel}: {what}",
                remedy="Check the channel's name; the stream is watched without its chat.",
                code="chat_refused",
            )
        if self._joined_ns is None:
            raise _broken(f"Twitch refuses the connection: {what}", "chat_login")

    async def _send(self, socket: WebSocket, line: str) -> None:
        await socket.send_str(f"{line}\r\n")


def _broken(what: str, code: str) -> SourceUnreachable:
    return SourceUnreachable(what, remedy="It is tried again.", code=code)
