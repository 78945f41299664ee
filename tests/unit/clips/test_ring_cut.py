"""Cutting out of a real ring, and making the clip again when the ring is gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from core.edits import RenderSpec
from core.media import Epoch, Gap
from core.protocols import SegmentRow
from core.times import Ns
from daemon.clips import ClipContext, make_clip, render
from ringbuffer import Ring, RingOptions
from tests.unit.clips.conftest import decide
from tests.unit.clips.footage import ListFootage


class MemoryLog:
    """A SegmentLog in lists."""

    def __init__(self) -> None:
        self.rows: dict[str, SegmentRow] = {}
        self.named: dict[str, tuple[Ns, Ns]] = {}

    def add_segment(self, row: SegmentRow) -> None:
        self.rows[row.name] = row

    def evict_segments(self, rows: Sequence[SegmentRow], *, reason: str) -> None:
        for row in rows:
            del self.rows[row.name]

    def segments(self) -> list[SegmentRow]:
        return list(self.rows.values())

    def epochs(self) -> list[Epoch]:
        return [Epoch(number=0, start_ns=Ns(0), reason="start", by="start")]

    def add_gap(self, gap: Gap) -> None:
        raise AssertionError(gap)

    def pin(self, name: str, start_ns: Ns, end_ns: Ns) -> None:
        self.named[name] = (start_ns, end_ns)

    def unpin(self, name: str) -> None:
        self.named.pop(name, None)

    def pins(self) -> dict[str, tuple[Ns, Ns]]:
        return dict(self.named)


@pytest.mark.parametrize("name", ["h264", "open_gop", "hevc", "vp9_opus", "av1_opus", "vp8_vorbis", "audio_only"])
def test_a_clip_from_the_ring_is_made_again_from_its_kept_source(
    footage: Callable[[str], ListFootage], tmp_path: Path, name: str
) -> None:
    """Cut while the ring still records, delete the ring, render: the same bytes."""
    source = footage(name)
    ring = Ring.open(tmp_path / "ring", MemoryLog(), RingOptions(), attempt=1)
    ring.begin_epoch(Epoch(number=0, start_ns=Ns(0), reason="start", by="start"), source.media_tracks)
    for packet in source.packets:
        ring.append(packet)
    clip = make_clip(ring, decide(5.1, 9.03), RenderSpec(), tmp_path / "c", ClipContext(source="s"))
    assert abs(clip.cut.av_head_ms or 0) <= 40
    ring.close()
    shutil.rmtree(tmp_path / "ring")
    again = render(clip.files["clip"], tmp_path / "again")
    assert (again.sha256, again.identical) == (clip.sha256, True)
