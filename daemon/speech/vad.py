"""Silero VAD v6 with carried state, and where utterances begin and end. One of each per epoch of a stream.

The model ships in faster-whisper's wheel and runs on one CPU thread: 0.1 ms a frame, 0.3 % of a core a stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE
from daemon.onnx import open_onnx

FRAME: Final = 512  # samples, 32 ms: the model's own step
CONTEXT: Final = 64  # samples of the frame before that it sees too

# speech.md section 4, "Chunking and VAD"; Silero's own advice is 0.5 and 0.15 below it
ENTER: Final = 0.5
LEAVE: Final = 0.35
MIN_SPEECH: Final = AUDIO_RATE // 4
END: Final = AUDIO_RATE // 2
PRE_ROLL: Final = AUDIO_RATE * 4 // 10


class VadModel:
    """The network, shared by all streams of a process; state lives in SileroVad."""

    def __init__(self, path: Path) -> None:
        self._session = open_onnx(path.read_bytes(), arena=False)

    def run(
        self, frames: NDArray[np.float32], h: NDArray[np.float32], c: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities (n,) of frames (n, CONTEXT + FRAME) in order, and the state after them."""
        out, h, c = self._session.run(None, {"input": frames, "h": h, "c": c})
        return np.asarray(out, np.float32).reshape(-1), h, c


class SileroVad:
    """One stream's ear. Frames are given one at a time: what a batch holds must not change what is heard."""

    def __init__(self, model: VadModel) -> None:
        self._model = model
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def frame(self, samples: NDArray[np.float32]) -> float:
        """Probability of speech in the next FRAME samples."""
        row = np.concatenate([self._context, samples])[None, :]
        self._context = samples[-CONTEXT:]
        probs, self._h, self._c = self._model.run(row, self._h, self._c)
        return float(probs[0])


@dataclass(slots=True)
class Utterances:
    """Follows speech frame by frame; positions are samples since the epoch's first.

    `start` is where the present utterance begins, pre-roll included, `spoken_end` the end of its last frame of speech.
    """

    active: bool = False
    start: int = 0
    spoken_end: int = 0
    spoken: int = 0  # samples of speech in it
    _onset: int | None = None
    _floor: int = 0  # no pre-roll reaches before this: an earlier utterance owns it

    def frame(self, prob: float, edge: int) -> Literal["", "started", "ended"]:
        """Take the frame that ends at `edge`."""
        speech = prob >= (LEAVE if self._onset is not None else ENTER)
        if speech:
            if self._onset is None:
                self._onset = edge - FRAME
                self.start = max(self._floor, self._onset - PRE_ROLL)
                self.spoken = 0
            self.spoken += FRAME
            self.spoken_end = edge
            if not self.active and self.spoken >= MIN_SPEECH:
                self.active = True
                return "started"
            return ""
        if self._onset is None or edge - self.spoken_end < END:
            return ""
        return "ended" if self.end(edge) else ""

    def end(self, edge: int) -> bool:
        """The utterance is over, by silence or because the sound is; False when it never was one."""
        was, self.active, self._onset = self.active, False, None
        if was:
            self._floor = edge
        return was

    @property
    def waiting_since(self) -> int | None:
        """Where sound begins that may become, or is, an utterance; None in silence."""
        return None if self._onset is None else self.start
