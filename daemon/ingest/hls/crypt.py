"""AES-128 of HLS segments. Pure."""

from __future__ import annotations

from typing import Final

from Crypto.Cipher import AES

from core.errors import BadMedia

BLOCK: Final = 16


def decrypt(data: bytes, key: bytes, iv: bytes | None, seq: int) -> bytes:
    """A segment in the clear; without an IV the media sequence number is it (RFC 8216 5.2). Raises BadMedia."""
    if len(key) != BLOCK or len(data) % BLOCK or not data:
        raise _bad(f"a key of {len(key)} bytes, a segment of {len(data)}")
    vector = (iv or seq.to_bytes(BLOCK, "big")).rjust(BLOCK, b"\0")
    if len(vector) != BLOCK:
        raise _bad(f"an IV of {len(vector)} bytes")
    plain = AES.new(key, AES.MODE_CBC, vector).decrypt(data)
    padding = plain[-1]
    if not 1 <= padding <= BLOCK or plain[-padding:] != bytes([padding]) * padding:
        raise _bad("the key does not fit")
    return plain[:-padding]


def _bad(what: str) -> BadMedia:
    return BadMedia(f"A segment cannot be decrypted: {what}", remedy="The stream is damaged.", code="bad_encryption")
