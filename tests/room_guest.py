"""Somebody in a recording room, without a browser: the room's WebSocket and real WebRTC by aiortc."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import av
from aiortc import RTCPeerConnection, RTCSessionDescription

from daemon.demo.speech import ASSETS
from daemon.sockets import short_path
from tests.webrtc import CodedTrack, Sent, answered, offer_of, peer, send_only

LIMIT_S: Final = 60.0


class Guest:
    """Made by `guest`. Everything that the room said is in `said`; `sounds` are tracks that others' media came on."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, pid: str) -> None:
        self.socket, self.pid = socket, pid
        self.said: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.watching: dict[str, RTCPeerConnection] = {}  # by pair
        self.received: dict[str, int] = {}  # packets by pair and kind
        self.watches: set[str] | None = None  # whose offers are answered; None: everybody's
        self._sending: RTCPeerConnection | None = None
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, kind: str, **fields: Any) -> str:
        """Say something; its id."""
        id = str(uuid.uuid4())
        await self.socket.send_str(json.dumps({"v": 1, "id": id, "type": kind, **fields}))
        return id

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Say something; what is answered."""
        id = await self.send(kind, **fields)
        return await self.until(lambda body: body.get("re") == id)

    async def until(self, true: Callable[[Mapping[str, Any]], object], limit_s: float = LIMIT_S) -> dict[str, Any]:
        """The first message that is so, of those that came and those to come."""
        seen = 0
        async with asyncio.timeout(limit_s):
            while True:
                for body in self.said[seen:]:
                    if true(body):
                        return body
                seen = len(self.said)
                self._changed.clear()
                await self._changed.wait()

    async def hears(self, kind: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """The first message of a kind."""
        return await self.until(lambda body: body["type"] == kind, limit_s)

    async def sees(self, true: Callable[[dict[str, Any]], object], limit_s: float = LIMIT_S) -> dict[str, Any]:
        """What the list of people says of somebody, as soon as it is so."""
        found: list[dict[str, Any]] = []

        def so(body: Mapping[str, Any]) -> bool:
            found[:] = [each for each in body.get("peers", []) if true(each)]
            return bool(found)

        await self.until(so, limit_s)
        return found[0]

    async def publish(self, gen: int, *tracks: tuple[CodedTrack, str]) -> None:
        """Send these from now on, each with its codec; what was sent before ends."""
        if self._sending is not None:
            await self._sending.close()
        self._sending = connection = peer()
        for track, codec in tracks:
            send_only(connection, track, codec)
        reply = await self.ask("offer", gen=gen, sdp=await offer_of(connection))
        assert reply["type"] == "answer", reply
        await answered(connection, reply["sdp"])

    async def vanish(self) -> None:
        """As a killed browser does: the media stops."""
        if self._sending is not None:
            await self._sending.close()

    async def close(self) -> None:
        """End it all."""
        for connection in [*self.watching.values(), *([self._sending] if self._sending else [])]:
            await _ended(connection)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.close()

    async def listen(self) -> None:
        """Take what the room says, and watch whom it offers."""
        async for message in self.socket:
            body = json.loads(message.data)
            self.said.append(body)
            self._changed.set()
            if body["type"] == "offer" and (self.watches is None or body["pid"] in self.watches):
                await self._watch(body)
            elif body["type"] == "gone" and (connection := self.watching.pop(body["pair"], None)) is not None:
                await _ended(connection)
        self.closed = self.socket.close_code
        self._changed.set()

    async def _watch(self, body: Mapping[str, Any]) -> None:
        connection, pair = peer(), body["pair"]
        if (before := self.watching.pop(pair, None)) is not None:
            await _ended(before)
        self.watching[pair] = connection

        @connection.on("track")
        def on_track(track: Any) -> None:
            task = asyncio.create_task(self._count(pair, track))
            self._tasks.add(task)

        await connection.setRemoteDescription(RTCSessionDescription(sdp=body["sdp"], type="offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        await self.send("answer", pair=pair, sdp=connection.localDescription.sdp)

    async def _count(self, pair: str, track: Any) -> None:
        name = f"{pair} {track.kind}"
        with contextlib.suppress(Exception):
            while True:
                await track.recv()
                self.received[name] = self.received.get(name, 0) + 1
                self._changed.set()

    async def receives(self, name: str, count: int = 5, limit_s: float = LIMIT_S) -> None:
        """Return when so many frames of `<pair> <kind>` have come."""
        async with asyncio.timeout(limit_s):
            while self.received.get(name, 0) < count:
                self._changed.clear()
                await self._changed.wait()


async def _ended(connection: RTCPeerConnection) -> None:
    """Closed, but not while it connects: aiortc leaves a failed task behind then."""
    for _ in range(500):
        if connection.connectionState not in ("new", "connecting"):
            break
        await asyncio.sleep(0.02)
    await connection.close()


@asynccontextmanager
async def serving(socket: aiohttp.ClientWebSocketResponse, pid: str) -> AsyncIterator[Guest]:
    """Somebody at this socket."""
    one = Guest(socket, pid)
    listening = asyncio.create_task(one.listen(), name=f"guest {pid}")
    try:
        yield one
    finally:
        await one.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@asynccontextmanager
async def guest(
    path: Path, pid: str, role: str = "guest", *, room: str = "rm1", hello: bool = True, notice: str = "0" * 64
) -> AsyncIterator[Guest]:
    """Somebody whom the supervisor has let through, and who has said hello."""
    headers = {
        "X-Clipd-Participant": pid,
        "X-Clipd-Role": role,
        "X-Clipd-Name": quote(pid.title()),
        "X-Clipd-Room": room,
        "X-Clipd-Notice": notice,
    }
    with short_path(path) as short:
        connector = aiohttp.UnixConnector(short)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.ws_connect("http://room/ws", headers=headers, protocols=["clipd.room.v1"]) as socket,
            serving(socket, pid) as one,
        ):
            if hello:
                await one.ask("hello", client_id=pid)
            yield one


def spoken(*names: str) -> tuple[Sent, ...]:
    """Sentences of the bundle, one after the other, as the packets that they are kept in."""
    sent: list[Sent] = []
    at = 0
    for name in names:
        with av.open(ASSETS / f"{name}.opus") as container:
            for packet in container.demux(audio=0):
                if packet.size:
                    sent.append(Sent(at, 48_000, bytes(packet)))
                    at += packet.duration or 960
    return tuple(sent)
