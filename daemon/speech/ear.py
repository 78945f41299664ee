"""One stretch of continuous sound under one planner: cuts blocks into frames, listens for speech, decodes on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.times import Ns
from core.words import SpeechEvent
from daemon.speech.engine import DecodeRequest, DecodeResult
from daemon.speech.planner import SAMPLE_NS, Planner, Steps
from daemon.speech.vad import FRAME, SileroVad

Decode = Callable[[Sequence[DecodeRequest]], list[DecodeResult]]


class Ear:
    """`edge_ns` is how far sound has been taken, `heard_ns` how far all that was said is committed."""

    def __init__(self, start_ns: Ns, planner: Planner, vad: SileroVad, decode: Decode) -> None:
        self._planner = planner
        self._vad = vad
        self._decode = decode
        self._rest = np.zeros(0, np.float32)
        self.edge_ns = start_ns

    @property
    def heard_ns(self) -> Ns:
        """The planner's, or the edge where nothing is open."""
        return self._planner.heard_ns

    def push(self, samples: NDArray[np.float32]) -> list[SpeechEvent]:
        """Take sound that follows on what came before."""
        self.edge_ns = Ns(self.edge_ns + len(samples) * SAMPLE_NS)
        sound = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(sound) - len(sound) % FRAME
        self._rest = sound[whole:]
        return [event for at in range(0, whole, FRAME) for event in self._frame(sound[at : at + FRAME])]

    def finish(self) -> list[SpeechEvent]:
        """The sound ends here. What is left of a frame holds no word, and no word may reach past the last sample."""
        self._rest = self._rest[:0]
        return self.drive(self._planner.finish())

    def _frame(self, samples: NDArray[np.float32]) -> list[SpeechEvent]:
        return self.drive(self._planner.frame(samples, self._vad.frame(samples)))

    def drive(self, steps: Steps) -> list[SpeechEvent]:
        """Decode what a planner asks for, and give what came of it."""
        try:
            batch = next(steps)
            while True:
                batch = steps.send(self._decode(batch))
        except StopIteration as done:
            return list(done.value)
