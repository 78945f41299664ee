"""How a door hands a publisher's FLV to the stream's worker over a local socket. Pure.

A frame is a kind, a length (4 bytes) and bytes. To the worker: D, FLV bytes; R, a new FLV stream begins; E, the
publisher has left, and why. Back: A, it is taken; X, turn it away, and why (`code text`). When the worker does not
read, the door waits.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from daemon.doors.api import Refused

DATA, RESTART, END, TAKEN, DROP = b"D", b"R", b"E", b"A", b"X"
KINDS: Final = frozenset((DATA, RESTART, END, TAKEN, DROP))
MAX_FRAME: Final = 16 << 20  # what one read of a publisher can give: a few whole messages
HEAD: Final = 5


class Frame(NamedTuple):
    """One frame."""

    kind: bytes
    body: bytes


class FrameReader:
    """Feed it what arrives."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are complete. Raises Refused (malformed)."""
        self._buffer += data
        found, at = [], 0
        while len(self._buffer) - at >= HEAD:
            kind, size = bytes(self._buffer[at : at + 1]), int.from_bytes(self._buffer[at + 1 : at + HEAD])
            if kind not in KINDS or size > MAX_FRAME:
                raise Refused("malformed", "This is no hand-over")
            if len(self._buffer) - at - HEAD < size:
                break
            found.append(Frame(kind, bytes(self._buffer[at + HEAD : at + HEAD + size])))
            at += HEAD + size
        del self._buffer[:at]
        return found


def frame(kind: bytes, body: bytes = b"") -> bytes:
    """A frame's bytes."""
    return kind + len(body).to_bytes(4) + body
