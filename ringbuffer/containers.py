"""Which container holds which codecs, and how it is written so that it gives media time back exactly.

Times in a file are media time plus `START_NS`, so that the DTS of reordered frames before media time 0 is not negative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.media import Track
from core.times import Ns, ns
from ringbuffer.framing import (
    TS_NULL,
    boxes_after_header,
    clusters_after_header,
    whole_boxes,
    whole_clusters,
    whole_ts,
)

START_NS: Final = ns(10)

TS_CODECS: Final = frozenset({"h264", "hevc", "aac", "mp3", "ac3", "eac3"})
MP4_CODECS: Final = frozenset({"h264", "hevc", "av1", "vp9", "aac", "mp3", "opus", "flac", "alac"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One way to write a segment. `wrap_ticks` is the range of its clock, None when 64 bits carry any session.

    `whole` and `after_header` are the functions of `ringbuffer.framing`; `seal` is written after every flush.
    """

    suffix: str
    format: str  # libav's name
    tag_key: str  # the metadata that carries the epoch's tag
    options: Mapping[str, str]
    whole: Callable[[bytes], int]
    after_header: Callable[[bytes], int]
    pieces: tuple[str, int] | None = None  # the option that sets how long a fragment or cluster is, and its unit in ns
    read_options: Mapping[str, str] = field(default_factory=dict)
    wrap_ticks: int | None = None
    seal: bytes = b""

    def mux_options(self, flush_ns: Ns) -> dict[str, str]:
        """Options of libav's muxer. Interleaving is ours already: packets come in DTS order."""
        options = {"max_interleave_delta": "1", "avoid_negative_ts": "disabled", **self.options}
        if self.pieces:
            name, unit_ns = self.pieces
            options[name] = str(flush_ns // unit_ns)
        return options


MPEG_TS: Final = Container(
    suffix="ts",
    format="mpegts",
    tag_key="service_name",
    options={
        "mpegts_copyts": "1",  # no start offset of the muxer's own
        "pes_payload_size": "0",  # each audio frame with its own timestamp
        "omit_video_pes_length": "0",
        "flush_packets": "1",  # whole frames come out, so a flush ends on one
    },
    whole=whole_ts,
    after_header=lambda _: 0,
    read_options={"correct_ts_overflow": "0"},  # the reader un-wraps near the index's times
    wrap_ticks=1 << 33,
    seal=TS_NULL,
)
FRAGMENTED_MP4: Final = Container(
    suffix="m4s",
    format="mp4",
    tag_key="comment",
    options={"movflags": "empty_moov+default_base_moof+frag_discont+skip_trailer", "use_editlist": "0"},
    whole=whole_boxes,
    after_header=boxes_after_header,
    pieces=("frag_duration", 1_000),
)
MATROSKA: Final = Container(
    suffix="mkv",
    format="matroska",
    tag_key="comment",
    options={"flush_packets": "1"},
    whole=whole_clusters,
    after_header=clusters_after_header,
    pieces=("cluster_time_limit", 1_000_000),
)
BY_SUFFIX: Final = {container.suffix: container for container in (MPEG_TS, FRAGMENTED_MP4, MATROSKA)}


def container_for(tracks: Sequence[Track]) -> Container:
    """MPEG-TS where it can, since live streams come in it; it cannot carry a rotation, so that goes to MP4."""
    codecs = {track.codec for track in tracks}
    if codecs <= TS_CODECS and not any(track.rotation for track in tracks):
        return MPEG_TS
    if codecs <= MP4_CODECS:
        return FRAGMENTED_MP4
    return MATROSKA
