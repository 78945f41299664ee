"""A part of a long backup as a file of its own, found without reading what lies before it.

Backups have no index, since they are good at every byte: a demuxer would read an hour to get to its end. Their
clusters (recorder/matroska.py) begin with the same thirteen bytes and a time that only grows, so they are bisected.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from daemon.ffmpeg import Name
from daemon.rooms.cover import Span
from daemon.rooms.listening import link_in

MARK: Final = b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + b"\xe7"  # an endless cluster, and its time
HEADER: Final = 1 << 16  # within so much the first cluster begins
STEP: Final = 1 << 20
LEAD_MS: Final = 12_000.0  # a keyframe lies in it: cameras are asked for one every 3 s while a take runs
TAIL_MS: Final = 3_000.0


def excerpt(source: Path, folder: Path, name: Name, span_ms: Span) -> Path:
    """What a span of room time needs of a backup, as a file in `folder`; all of it, by a link, where it is not of our
    own writing. Raises OSError."""
    target = folder / name
    with source.open("rb") as file:
        fd, size = file.fileno(), os.fstat(file.fileno()).st_size
        first = _next_cluster(fd, 0, min(size, HEADER))
        if first is None:
            link_in(source, folder, name)
            return target
        low = _last_before(fd, first[0], size, span_ms[0] - LEAD_MS)
        high = _last_before(fd, low, size, span_ms[1] + TAIL_MS)
        after = _next_cluster(fd, high + 1, size)
        end = size if after is None else after[0]
        with target.open("wb") as out:
            out.write(os.pread(fd, first[0], 0))
            at = low
            while at < end:
                data = os.pread(fd, min(STEP, end - at), at)
                if not data:
                    break
                out.write(data)
                at += len(data)
    return target


def _last_before(fd: int, low: int, high: int, at_ms: float) -> int:
    """Where the last cluster that begins at or before a time begins; `low` is a cluster's own place."""
    found = low
    while high - low > 1:
        middle = (low + high) // 2
        cluster = _next_cluster(fd, middle, high)
        if cluster is None or cluster[1] > at_ms:
            high = middle
        else:
            found = low = cluster[0]
    return found


def _next_cluster(fd: int, at: int, end: int) -> tuple[int, int] | None:
    """Place and time (ms) of the first cluster at or behind a byte, before another."""
    while at < end:
        data = os.pread(fd, STEP + len(MARK) + 9, at)
        place = data.find(MARK)
        if place >= 0 and at + place < end:
            head = data[place + len(MARK) : place + len(MARK) + 9]
            length = head[0] & 0x7F if head else 0
            if not head or len(head) < 1 + length or not 1 <= length <= 8:
                return None  # what a kill left
            return at + place, int.from_bytes(head[1 : 1 + length], "big")
        at += STEP
    return None
