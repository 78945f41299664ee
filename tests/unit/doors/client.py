"""A publisher in a few lines, for what ffmpeg would never send; and a gate that remembers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.doors.api import Outlet, Publisher, Refused, same_secret
from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.amf import decode, encode
from daemon.doors.rtmp.chunks import ChunkReader, Message, message
from daemon.doors.rtmp.conversation import HANDSHAKE

KEY = "a-key-nobody-may-see"
HELLO = b"\3" + bytes(HANDSHAKE) + bytes(HANDSHAKE)
CONNECT = message(chunks.COMMAND, encode("connect", 1.0, {"app": "live", "tcUrl": "rtmp://h/live"}))
CREATE = message(chunks.COMMAND, encode("createStream", 4.0, None))
AVC_START = b"\x17\0\0\0\0" + b"settings"
AVC_FRAME = b"\x17\1\0\0\0" + b"picture"
AAC_START = b"\xaf\0\x12\x10"
AAC_FRAME = b"\xaf\1sound"


def publish(key: str = KEY) -> bytes:
    """The command."""
    return message(chunks.COMMAND, encode("publish", 5.0, None, key, "live"), stream=1)


def opening(key: str = KEY) -> bytes:
    """Everything up to publishing, in one piece."""
    return HELLO + CONNECT + CREATE + publish(key)


def video(body: bytes = AVC_FRAME, time_ms: int = 0) -> bytes:
    """A video message on a chunk stream of its own."""
    return media(chunks.VIDEO, body, time_ms)


def media(kind: int, body: bytes, time_ms: int = 0, *, size: int = chunks.MIN_CHUNK) -> bytes:
    """A message with a time, cut into chunks of the size every connection starts with."""
    extended = time_ms.to_bytes(4) if time_ms >= 0xFFFFFF else b""
    head = bytes([4]) + min(time_ms, 0xFFFFFF).to_bytes(3) + len(body).to_bytes(3) + bytes([kind, 1, 0, 0, 0])
    parts = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    return head + extended + (bytes([0xC4]) + extended).join(parts)


def replies(data: bytes) -> list[Message]:
    """What a server has sent after its handshake."""
    reader = ChunkReader(1 << 20)
    reader.feed(message(chunks.SET_CHUNK_SIZE, chunks.OUT_CHUNK.to_bytes(4)))
    return reader.feed(data[1 + 2 * HANDSHAKE :])


def statuses(data: bytes) -> list[str]:
    """The codes of its onStatus commands."""
    commands = [decode(one.body) for one in replies(data) if one.kind == chunks.COMMAND]
    return [str(values[3]["code"]) for values in commands if values[0] == "onStatus" and isinstance(values[3], dict)]


@dataclass
class Taken:
    """An outlet that keeps everything."""

    publisher: Publisher
    limit: int = 1 << 40
    data: bytearray = field(default_factory=bytearray)
    restarts: list[int] = field(default_factory=list)
    reason: str | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, data: bytes) -> bool:
        """Keep it."""
        self.data += data
        self.changed.set()
        return len(self.data) < self.limit

    def restart(self) -> None:
        """Remember where."""
        self.restarts.append(len(self.data))

    def close(self, reason: str) -> None:
        """Remember why."""
        self.reason = reason
        self.changed.set()

    async def until_closed(self) -> str:
        """The reason."""
        await self.until(lambda: self.reason is not None)
        assert self.reason is not None
        return self.reason

    async def until_size(self, size: int) -> None:
        """Return when so many bytes have come."""
        await self.until(lambda: len(self.data) >= size)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Looked at whenever something was written or closed; the time limit is the test's."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()


@dataclass
class OneKey:
    """A gate with one key, for one publisher at a time."""

    taken: list[Taken] = field(default_factory=list)
    limit: int = 1 << 40
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def first(self) -> Taken:
        """The first publisher, once it is let in."""
        await self.came.wait()
        return self.taken[0]

    async def admit(self, publisher: Publisher) -> Outlet:
        """See Gate."""
        if not same_secret(publisher.path, f"live/{KEY}"):
            raise Refused("bad_key", "No stream has this key")
        if any(one.reason is None for one in self.taken):
            raise Refused("busy", "Somebody is publishing to this key")
        self.taken.append(Taken(publisher, self.limit))
        self.came.set()
        return self.taken[-1]


async def say(port: int, data: bytes, *, stay: bool = False) -> bytes:
    """Connect, send, and read until the server hangs up; `stay`: end nothing from this side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        if not stay:
            writer.write_eof()
        while part := await reader.read(1 << 16):
            answer += part
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answer


async def push_bytes(port: int, data: bytes, key: str = KEY) -> bytes:
    """Publish, send `data` once that is accepted, and return all that was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(opening(key))
    answer = b""
    while b"NetStream.Publish" not in answer:
        part = await reader.read(1 << 16)
        if not part:
            return answer
        answer += part
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        answer += await reader.read(-1)
    writer.close()
    return answer
