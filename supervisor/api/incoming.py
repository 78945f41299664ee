"""Bodies that go to the disk as they come: what uploads of people and of rooms share."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from aiohttp import web

from supervisor.api.errors import ApiError
from supervisor.uploads import Incoming

CHUNK_S: Final = 300.0  # for one chunk: 30 kB/s
PIECE: Final = 1 << 20  # held in memory
HEAD: Final = 16  # bytes
DIGEST: Final = "X-Clipd-Sha256"
_HEX: Final = re.compile(r"[0-9a-f]{64}")


def announced(request: web.Request) -> str:
    """The SHA-256 that a chunk comes with. Raises ApiError for what is no chunk."""
    sha256 = request.headers.get(DIGEST, "")
    if request.content_type != "application/octet-stream" or not _HEX.fullmatch(sha256):
        raise ApiError(415, "no_chunk", f"A chunk is application/octet-stream with its SHA-256 in hex as {DIGEST}.")
    return sha256


async def take_body(request: web.Request, incoming: Incoming, most: int) -> bytes:
    """The body, piece by piece; its first bytes. What is longer than `most` is cut off soon behind it: see the size."""
    held, head = bytearray(), b""
    async for data in request.content.iter_any():
        held += data
        head = head or bytes(held[:HEAD]) if len(held) >= HEAD else head
        if incoming.size + len(held) > most:
            break
        if len(held) >= PIECE:
            await asyncio.to_thread(incoming.write, bytes(held))
            held.clear()
    head = head or bytes(held[:HEAD])
    await asyncio.to_thread(incoming.write, bytes(held))
    return head
