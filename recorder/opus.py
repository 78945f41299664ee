"""Opus packets to samples, with concealment of what is missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class OpusDecoder:
    """One track's decoder, mono at `rate` Hz (48 000, 24 000, 16 000, 12 000 or 8 000). Never raises."""

    def __init__(self, rate: int = 48_000) -> None:
        self.rate = rate
        self.damaged = 0  # packets that could not be decoded; concealed
        raise NotImplementedError

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Samples of one packet in -1..1, shape (n,); 20 ms are 960 at 48 kHz."""
        raise NotImplementedError

    def conceal(self, samples: int) -> NDArray[np.float32]:
        """So many samples in place of lost packets: what was heard goes on and fades, silence after 100 ms."""
        raise NotImplementedError
