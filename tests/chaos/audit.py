"""What must hold of a recorder's session after any death: the checks that every chaos test ends with."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

from core.media import Packet
from core.protocols import SegmentRow
from core.times import NS_PER_S, Ns
from daemon.journal import Journal
from ringbuffer import Ring
from tests.chaos.recorder_child import OPTIONS, SESSION
from tests.unit.ringbuffer.kit import Stream

FRAME_NS = NS_PER_S // 30


def audit(session: Path, stream: Stream) -> Ns:
    """Reopen a session as the next attempt does, and compare it with what was acknowledged. Returns the media end."""
    acks = read_acks(session)
    with Journal.open_or_create(session / "session.db", session=SESSION) as journal:
        assert not journal.rebuilt
        ring = Ring.open(session / "ring", journal, OPTIONS, attempt=journal.begin_attempt())
        rows = journal.segments()
        assert_files(session / "ring" / "main", rows)
        assert_acknowledged(session, acks, rows)
        told_ns = max((int(ack["end_ns"]) for ack in acks if "end_ns" in ack), default=0)
        assert ring.recovered.end_ns >= told_ns, "what a reader saw before the crash is gone"
        assert ring.recovered.lost == ()
        assert journal.gaps() == []
        for epoch in {row.epoch for row in rows}:
            of_epoch = [row for row in rows if row.epoch == epoch]
            if any(row.keyframes_ns for row in of_epoch):  # else eviction stands in its last GOP
                first_ns = min(row.start_ns for row in of_epoch)
                assert_whole(ring.read(first_ns, Ns(max(row.end_ns for row in of_epoch) + 1)), stream)
        ring.close()
    return ring.recovered.end_ns


def read_acks(session: Path) -> list[dict[str, Any]]:
    """All lines but one that was cut off."""
    path = session / "acks"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def assert_files(folder: Path, rows: list[SegmentRow]) -> None:
    """Every row has its file, byte for byte; every file has its row; nothing is left open."""
    files = {path.name: path for path in folder.iterdir()}
    assert set(files) == {row.name for row in rows}
    for row in rows:
        data = files[row.name].read_bytes()
        assert (len(data), crc32(data)) == (row.bytes, row.crc32), row.name


def assert_acknowledged(session: Path, acks: list[dict[str, Any]], rows: list[SegmentRow]) -> None:
    """The Nth segment of an attempt was told only after it was safe: it is there, or was let go by age."""
    with sqlite3.connect(session / "session.db") as reader:
        known = set(reader.execute("SELECT attempt, seq FROM segments"))
        reasons = {reason for (reason,) in reader.execute("SELECT DISTINCT evicted FROM segments")}
    reader.close()
    assert reasons <= {None, "age"}
    there = Counter(attempt for attempt, _ in known)
    for ack in acks:
        assert there[ack.get("attempt")] >= ack.get("segments", 0), f"attempt {ack['attempt']} lost a segment"
    assert {(row.attempt, row.seq) for row in rows} <= known


def assert_whole(packets: Iterable[Packet], stream: Stream) -> None:
    """No picture is damaged, and none is missing between the first and the last."""
    video = [packet for packet in packets if packet.kind == "video"]
    assert {packet.data for packet in video} <= {packet.data for packet in stream.of("video")}
    times = sorted(packet.pts_ns for packet in video)
    shown_ns = max(packet.dts_ns for packet in video)  # later pictures wait for B-frames that were not written yet
    assert not [a for a, b in pairwise(times) if b - a > FRAME_NS * 1.5 and b <= shown_ns], "pictures are missing"
