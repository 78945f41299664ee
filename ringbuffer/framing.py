"""Where a container's pieces begin and end, by bytes alone: what is whole after a crash, where a header ends. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

TS_PACKET: Final = 188
TS_SYNC: Final = 0x47
TS_NULL: Final = b"\x47\x1f\xff\x10" + b"\xff" * 184  # a packet of PID 0x1FFF, which every demuxer skips

EBML_CLUSTER: Final = 0x1F43B675
EBML_SEGMENT: Final = 0x18538067


def whole_ts(data: bytes) -> int:
    """Length of what was flushed whole: every flush ends in a null packet, so a picture cut in half does not stay."""
    last = 0
    for at in range(0, len(data) - TS_PACKET + 1, TS_PACKET):
        if data[at] != TS_SYNC:
            break  # a page that never reached the disk
        if data.startswith(TS_NULL, at):
            last = at + TS_PACKET
    return last


def whole_boxes(data: bytes) -> int:
    """Length up to the end of the last complete `mdat` that has its `moof` before it."""
    last, fragment = 0, False
    for name, _, end in _boxes(data):
        if name == b"mdat" and fragment:
            last = end
        fragment = name == b"moof"
    return last


def boxes_after_header(data: bytes) -> int:
    """Where the first `moof` starts; the end when there is none."""
    return next((start for name, start, _ in _boxes(data) if name == b"moof"), len(data))


def whole_clusters(data: bytes) -> int:
    """Length up to the end of the last complete Matroska cluster."""
    return max((end for name, _, end in _elements(data) if name == EBML_CLUSTER), default=0)


def clusters_after_header(data: bytes) -> int:
    """Where the first cluster starts; the end when there is none."""
    return next((start for name, start, _ in _elements(data) if name == EBML_CLUSTER), len(data))


_TAG: Final = re.compile(rb"clipd-epoch=(\d{1,9});")


def epoch_tag(epoch: int) -> str:
    """What a segment says about itself, so that one without a row in the journal still finds its place."""
    return f"clipd-epoch={epoch};"  # what follows it in a transport stream's table may be a digit


def tagged_epoch(header: bytes) -> int | None:
    """The epoch a header names; None in a file that is not ours."""
    found = _TAG.search(header)
    return int(found[1]) if found else None


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Complete top-level ISO boxes as (name, start, end)."""
    at = 0
    while at + 8 <= len(data):
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size < header or at + size > len(data):
            return
        yield data[at + 4 : at + 8], at, at + size
        at += size


def _elements(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Complete EBML elements as (id, start, end): the top level, and inside the Segment, whose own size is unknown."""
    at = 0
    while at < len(data):
        name, after_name = _vint(data, at, keep_marker=True)
        size, body = _vint(data, after_name, keep_marker=False)
        if name is None or size is None:
            return
        if name == EBML_SEGMENT:
            at = body
            continue
        if body + size > len(data):
            return
        yield name, at, body + size
        at = body + size


def _vint(data: bytes, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """An EBML variable-length number at `at` and the offset after it; None when it is cut off or malformed."""
    if at >= len(data) or not data[at]:
        return None, at
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return None, at
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), at + length
