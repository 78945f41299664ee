"""The mix of a room as AAC packets: what the ring keeps, and clips are cut from while no better sound is there."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any, Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from core.media import Packet, Track
from core.times import Ns, ticks_to_ns
from daemon.ingest.reader import MediaReader

RATE: Final = 48_000  # Hz, mono
TICK: Final = Fraction(1, RATE)
BIT_RATE: Final = 96_000
_PROBE: Final = 4_096  # samples of silence that a template is made of


@cache
def mix_track() -> Track:
    """The one track of every mix. Its template lives as long as the process."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono", bit_rate=BIT_RATE)
        frame = _frame(np.zeros(_PROBE, np.float32), 0)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    reader = MediaReader(io.BytesIO(file.getvalue()), "matroska")
    reader.read(1)
    [track] = reader.tracks
    return replace(track, time_base=TICK)


class MixCoder:
    """One stretch of sound without holes, from `start_ns` of media time. Blocking: runs in a thread."""

    def __init__(self, start_ns: Ns) -> None:
        self._start_ns = start_ns
        self._coder = av.CodecContext.create("aac", "w")
        assert isinstance(self._coder, AudioCodecContext)  # what that codec makes
        self._coder.sample_rate, self._coder.bit_rate, self._coder.time_base = RATE, BIT_RATE, TICK
        self._coder.layout, self._coder.format = "mono", "fltp"
        self._fifo = av.AudioFifo()
        self._samples = 0

    def code(self, samples: NDArray[np.float32]) -> list[Packet]:
        """Packets of what has come so far; up to 43 ms wait for the next."""
        self._fifo.write(_frame(samples, self._samples))
        self._samples += len(samples)
        return list(self._coded())

    def finish(self) -> list[Packet]:
        """The rest."""
        return list(self._coded(end=True))

    def _coded(self, *, end: bool = False) -> Iterator[Packet]:
        assert isinstance(self._coder, AudioCodecContext)
        self._coder.open(strict=False)
        while (frame := self._fifo.read(self._coder.frame_size, partial=end)) is not None:
            yield from self._placed(self._coder.encode(frame))
        if end:
            yield from self._placed(self._coder.encode(None))

    def _placed(self, packets: Iterable[av.Packet[Any]]) -> Iterator[Packet]:
        """On media time. What lies before the start is the coder's own delay."""
        for packet in packets:
            if packet.pts is None or packet.pts < 0:
                continue
            duration = packet.duration or 0
            yield Packet(
                kind="audio",
                pts=packet.pts,
                dts=packet.pts,
                duration=duration,
                time_base=TICK,
                is_keyframe=True,
                data=bytes(packet),
                pts_ns=Ns(self._start_ns + ticks_to_ns(packet.pts, TICK)),
                dts_ns=Ns(self._start_ns + ticks_to_ns(packet.pts, TICK)),
                end_ns=Ns(self._start_ns + ticks_to_ns(packet.pts + duration, TICK)),
            )


def _frame(samples: NDArray[np.float32], pts: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = RATE, TICK, pts
    return frame
