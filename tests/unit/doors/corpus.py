"""Connections that break the protocol, made from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

from daemon.doors.rtmp import chunks
from daemon.doors.rtmp.amf import encode
from daemon.doors.rtmp.chunks import message
from tests.unit.doors.client import AAC_FRAME, AAC_START, AVC_START, CONNECT, CREATE, HELLO, media, opening, video


def begun() -> bytes:
    """The first media of a publisher: what makes the FLV header."""
    return video(AVC_START) + media(chunks.AUDIO, AAC_START) + video() + media(chunks.AUDIO, AAC_FRAME)


def corpus(seed: int, count: int) -> list[bytes]:
    """What breaks a server: random bytes, cut and flipped honest beginnings, huge sizes, AMF bombs."""
    chance = random.Random(seed)
    honest = opening() + begun()
    bombs = [b"\3\0\1a" * 3_000, b"\x0a\xff\xff\xff\xff", b"\5" * 5_000, b"\x0c\xff\xff\xff\xff", b"\x11", b"\7\0\0"]
    makers: list[Callable[[], bytes]] = [
        lambda: chance.randbytes(chance.randrange(1, 5_000)),
        lambda: b"\3" + chance.randbytes(chance.randrange(1, 9_000)),
        lambda: HELLO[: chance.randrange(len(HELLO))],
        lambda: HELLO + chance.randbytes(chance.randrange(1, 5_000)),
        lambda: HELLO + message(chunks.SET_CHUNK_SIZE, chance.randrange(2**32).to_bytes(4)) + CONNECT,
        lambda: HELLO + bytes([chance.randrange(256)]) + bytes(3) + b"\xff\xff\xff\x14" + bytes(4) + bytes(60_000),
        lambda: HELLO + media(chunks.COMMAND, encode("connect", 1.0) + chance.choice(bombs)),
        lambda: HELLO + CONNECT + media(chunks.COMMAND, chance.choice(bombs)),
        lambda: flipped(honest, chance, chance.randrange(1, 30)),
        lambda: honest[: chance.randrange(len(honest))],
        lambda: HELLO + CONNECT + CREATE * 500,
        lambda: b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n",
    ]
    return [makers[n % len(makers)]() for n in range(count)]


def flipped(data: bytes, chance: random.Random, times: int) -> bytes:
    """With some bytes changed, behind the handshake."""
    changed = bytearray(data)
    for _ in range(times):
        changed[chance.randrange(len(HELLO), len(data))] = chance.randrange(256)
    return bytes(changed)
