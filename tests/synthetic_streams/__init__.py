"""Streams made for tests and benchmarks, from seeded recipes with known truth, and small files of every awkward kind.

For a live stream over loopback use `daemon.demo.LiveOrigin` with one of these recipes, `MediaOptions` (CMAF, demuxed
audio, timestamps, resets) and `OriginOptions` (faults, lost segments, a restarted packager).
"""

from tests.synthetic_streams.busy import busy_source
from tests.synthetic_streams.kinds import KINDS, make_media
from tests.synthetic_streams.streams import StreamFiles, harder, longer, plain, write_stream

__all__ = ["KINDS", "StreamFiles", "busy_source", "harder", "longer", "make_media", "plain", "write_stream"]
