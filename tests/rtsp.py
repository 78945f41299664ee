"""A small RTSP server for tests: one publisher (real ffmpeg, RECORD), players as they come (PLAY), interleaved only.

What it passes on is what ffmpeg's RTP muxer made; it reads no more of it than the frame's header.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
from collections.abc import Callable
from typing import Any, Self

Answer = Callable[[str], bytes | None]  # to a player's method: status line and headers that are not the usual ones


class RtspServer:
    """Use as `async with`. `login`: `user:password` for players. `answer`: replies that differ from the usual ones.
    `mute`: what is published is no longer passed on, connections stay."""

    def __init__(self, *, login: str = "", answer: Answer = lambda _method: None) -> None:
        self._login = base64.b64encode(login.encode()).decode() if login else ""
        self._answer = answer
        self._sdp = b""
        self._players: set[asyncio.StreamWriter] = set()
        self._publishers: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self.asked: list[str] = []
        self.published = asyncio.Event()
        self.mute = False
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.listen()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Hang up."""
        await self.leave()

    async def listen(self) -> None:
        """Begin, again at the same port where it had one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """As a machine that is switched off."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._serving)
        self.published.clear()

    @property
    def players(self) -> int:
        """How many are served."""
        return len(self._players)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"$":
                    head = await reader.readexactly(3)
                    self._pass_on(first + head + await reader.readexactly(int.from_bytes(head[1:])))
                else:
                    await self._serve(first + await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._players.discard(writer)
            self._publishers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._writers.discard(writer)

    def _pass_on(self, frame: bytes) -> None:
        if not self.mute:
            for player in self._players:
                player.write(frame)

    async def _serve(self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = request.decode()
        method, url = text.split(" ")[:2]
        self.asked.append(f"{method} {url}")
        headers = {name.lower(): value for name, value in re.findall(r"^([\w-]+): *(.*?)\r$", text, re.MULTILINE)}
        if length := int(headers.get("content-length", 0)):
            self._sdp = await reader.readexactly(length)
        if method == "ANNOUNCE":
            self._publishers.add(writer)
        head, body = self._reply(method, url, headers, player=writer not in self._publishers)
        writer.write(head + f"CSeq: {headers['cseq']}\r\nSession: 1\r\n\r\n".encode() + body)
        if method == "PLAY":
            self._players.add(writer)
        elif method == "RECORD":
            self.published.set()

    def _reply(self, method: str, url: str, headers: dict[str, str], *, player: bool) -> tuple[bytes, bytes]:
        """Status line and headers, and a body."""
        if player and (other := self._answer(method)):
            return other, b""
        ok = "RTSP/1.0 200 OK\r\n"
        if method == "SETUP":
            return f"{ok}Transport: {headers['transport'].replace(';mode=record', '')}\r\n".encode(), b""
        if method == "OPTIONS":
            return f"{ok}Public: OPTIONS, DESCRIBE, SETUP, PLAY, ANNOUNCE, RECORD, TEARDOWN\r\n".encode(), b""
        if method != "DESCRIBE":
            return ok.encode(), b""
        if self._login and headers.get("authorization") != f"Basic {self._login}":
            return b'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="test"\r\n', b""
        if not self._sdp:
            return b"RTSP/1.0 404 Not Found\r\n", b""
        about = f"Content-Type: application/sdp\r\nContent-Base: {url}/\r\nContent-Length: {len(self._sdp)}\r\n"
        return (ok + about).encode(), self._sdp
