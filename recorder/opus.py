"""Opus packets to samples, with concealment of what is missing."""

from __future__ import annotations

from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from recorder.bitstream import opus_us

RATE: Final = 48_000
FADE: Final = RATE // 10  # samples of concealment; silence after them
_TWENTY_MS_MONO: Final = 0x78  # the first byte of a CELT packet, wide band: what conceals before anything has come


class OpusDecoder:
    """One track's decoder, mono at 48 kHz. Never raises."""

    def __init__(self) -> None:
        self.damaged = 0  # packets that could not be decoded; concealed
        self._concealed = 0  # samples in a row
        self._config = _TWENTY_MS_MONO
        self._left = np.zeros(0, np.float32)  # concealed samples that were not asked for yet
        self._decoder = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = RATE
        self._decoder.layout = "mono"
        self._decoder.format = av.AudioFormat("s16")

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Samples of one packet in -1..1, shape (n,); 20 ms are 960. Empty for what is no Opus packet."""
        length_us = opus_us(data)
        if length_us is None:
            self.damaged += 1
            return np.zeros(0, np.float32)
        samples = self._decoded(data)
        if samples is None:
            self.damaged += 1
            return self.conceal(length_us * RATE // 1_000_000)
        self._config = data[0] & 0xFC
        self._concealed, self._left = 0, self._left[:0]
        return samples

    def conceal(self, samples: int) -> NDArray[np.float32]:
        """So many samples in place of lost packets: what was heard goes on and fades, silence after 100 ms."""
        parts = [self._left]
        have = len(self._left)
        while have < samples and self._concealed + have < FADE:
            made = self._decoded(bytes((self._config,)))  # a frame without bytes: libopus conceals it
            if made is None or not len(made):
                break
            parts.append(made)
            have += len(made)
        parts.append(np.zeros(max(0, samples - have), np.float32))
        joined = np.concatenate(parts)
        self._concealed += samples
        out, self._left = joined[:samples], joined[samples:]
        return out

    def _decoded(self, data: bytes) -> NDArray[np.float32] | None:
        try:
            frames = self._decoder.decode(av.Packet(data))
        except (av.FFmpegError, ValueError):
            return None
        if not frames:
            return None
        pcm = np.frombuffer(b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames), np.int16)
        return pcm.astype(np.float32) * np.float32(1 / 32_768)
