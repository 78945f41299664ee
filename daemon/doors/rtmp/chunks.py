"""RTMP's chunk stream: bytes to messages and back, with a limit on everything a peer can make us keep. Pure.

Adobe's RTMP specification 1.0, section 5.3. Chunk sizes below 128 are refused although it allows them: no publisher
uses them, and each byte would cost a header.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from daemon.doors.api import Refused

MIN_CHUNK: Final = 128  # the size every connection starts with
MAX_CHUNK: Final = 1 << 20  # OBS takes 4096, ffmpeg 60000
MAX_CHUNK_STREAMS: Final = 32  # OBS uses 3, ffmpeg 5
OUT_CHUNK: Final = 4096
SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = range(1, 7)
AUDIO, VIDEO, DATA_AMF3, COMMAND_AMF3, DATA, COMMAND, AGGREGATE = 8, 9, 15, 17, 18, 20, 22
_EXTENDED: Final = 0xFFFFFF
_HEADER_SIZES: Final = (11, 7, 3, 0)


class Message(NamedTuple):
    """One whole message. `time_ms` is unsigned 32 bits; `stream` is the message stream, 0 for the connection's own."""

    kind: int
    stream: int
    time_ms: int
    body: bytes


@dataclass(slots=True)
class _ChunkStream:
    """The last header on a chunk stream, and the message that is coming in."""

    time: int = 0
    delta: int = 0
    length: int = 0
    kind: int = 0
    stream: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)
    known: bool = False


class _Header(NamedTuple):
    fmt: int
    time: int
    length: int
    kind: int
    stream: int
    size: int  # bytes up to the payload
    extended: bool


class ChunkReader:
    """Feed it what arrives. `max_message` may be raised once a peer may be trusted with more."""

    def __init__(self, max_message: int) -> None:
        self.max_message = max_message
        self._chunk = MIN_CHUNK
        self._streams: dict[int, _ChunkStream] = {}
        self._buffer = bytearray()
        self._pending = 0  # bytes of messages that are not complete

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now. Raises Refused (malformed, too_big), and is of no more use then."""
        self._buffer += data
        found: list[Message] = []
        at = 0
        with memoryview(self._buffer) as view:
            while (end := self._take(view, at, found)) is not None:
                at = end
        del self._buffer[:at]
        return found

    def _take(self, view: memoryview, at: int, found: list[Message]) -> int | None:
        """Take the chunk at `at`; its end, or None while it is not all there. Nothing is changed before it is."""
        basic = _basic_header(view, at)
        if basic is None:
            return None
        fmt, number, start = basic
        state = self._streams.get(number) or _ChunkStream()
        header = _message_header(view, start, fmt, state)
        if header is None:
            return None
        if not state.body:
            self._check(header, state, number)
        size = min(self._chunk, header.length - len(state.body))
        payload, end = start + header.size, start + header.size + size
        if end > len(view):
            return None
        self._streams[number] = state
        if not state.body:
            _begin(state, header)
        if size == state.length:
            self._finish(state, bytes(view[payload:end]), found)
            return end
        state.body += view[payload:end]
        self._pending += size
        if self._pending > self.max_message:
            raise Refused("too_big", "Too many messages at once")
        if len(state.body) == state.length:
            self._pending -= state.length
            body, state.body = bytes(state.body), bytearray()
            self._finish(state, body, found)
        return end

    def _check(self, header: _Header, state: _ChunkStream, number: int) -> None:
        """The beginning of a message. librtmp, and so OBS, opens the control stream with format 1: its stream is 0."""
        if header.fmt > 1 and not state.known:
            raise Refused("malformed", "A chunk refers to a header that was never sent")
        if header.length > self.max_message:
            raise Refused("too_big", f"A message of {header.length} bytes is too big")
        if number not in self._streams and len(self._streams) >= MAX_CHUNK_STREAMS:
            raise Refused("too_big", "Too many chunk streams")

    def _finish(self, state: _ChunkStream, body: bytes, found: list[Message]) -> None:
        if state.kind == SET_CHUNK_SIZE:
            self._chunk = _chunk_size(body)
        elif state.kind == ABORT:
            self._abort(int.from_bytes(body[:4]))
        else:
            found.append(Message(state.kind, state.stream, state.time, body))

    def _abort(self, number: int) -> None:
        state = self._streams.get(number)
        if state is not None:
            self._pending -= len(state.body)
            state.body = bytearray()


def _basic_header(view: memoryview, at: int) -> tuple[int, int, int] | None:
    """Format, chunk stream and where the message header begins; None while it is not all there."""
    left = len(view) - at
    if left < 1:
        return None
    first = view[at]
    number = first & 0x3F
    if number > 1:
        return first >> 6, number, at + 1
    if left < 2 + number:
        return None
    if number == 0:
        return first >> 6, 64 + view[at + 1], at + 2
    return first >> 6, 64 + view[at + 1] + view[at + 2] * 256, at + 3


def _message_header(view: memoryview, at: int, fmt: int, state: _ChunkStream) -> _Header | None:
    """What the chunk says, filled up from the header before it. A chunk inside a message has to be of format 3."""
    size = _HEADER_SIZES[fmt]
    if len(view) - at < size:
        return None
    if state.body and fmt != 3:
        raise Refused("malformed", "A message begins inside another one")
    time = int.from_bytes(view[at : at + 3]) if fmt < 3 else state.delta
    length, kind, stream = state.length, state.kind, state.stream
    if fmt < 2:
        length, kind = int.from_bytes(view[at + 3 : at + 6]), view[at + 6]
    if fmt == 0:
        stream = int.from_bytes(view[at + 7 : at + 11], "little")
    extended = time == _EXTENDED if fmt < 3 else state.extended
    if extended:
        if len(view) - at < size + 4:
            return None
        time, size = int.from_bytes(view[at + size : at + size + 4]), size + 4
    return _Header(fmt, time, length, kind, stream, size, extended)


def _begin(state: _ChunkStream, header: _Header) -> None:
    """A message begins: format 0 carries its time, the others the time since the last one."""
    state.delta = header.time
    state.time = header.time if header.fmt == 0 else (state.time + header.time) & 0xFFFFFFFF
    state.length, state.kind, state.stream = header.length, header.kind, header.stream
    state.extended, state.known = header.extended, True


def _chunk_size(body: bytes) -> int:
    size = int.from_bytes(body[:4])
    if len(body) < 4 or size < MIN_CHUNK:
        raise Refused("malformed", "A chunk size that is too small")
    if size > MAX_CHUNK:
        raise Refused("too_big", f"A chunk size of {size} bytes is too big")
    return size


def message(kind: int, body: bytes, *, stream: int = 0) -> bytes:
    """One message of ours, without a time. Above MIN_CHUNK bytes only after the peer was told of OUT_CHUNK."""
    number = 2 if kind < AUDIO else 3
    header = bytes([number, 0, 0, 0]) + len(body).to_bytes(3) + bytes([kind]) + stream.to_bytes(4, "little")
    parts = [body[at : at + OUT_CHUNK] for at in range(0, len(body), OUT_CHUNK)] or [b""]
    return header + bytes([0xC0 | number]).join(parts)
