"""What decodes speech: one contract for the model in this process and for a service that many workers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from core.media import AUDIO_RATE

MIN_WINDOW: Final = AUDIO_RATE * 3 // 10  # samples; CTranslate2 #2065: align() on a window without frames aborts
SHORTEST: Final = AUDIO_RATE // 50  # samples of a word, 20 ms: Whisper's own step
MAX_WINDOW: Final = AUDIO_RATE * 28  # samples; Whisper's own 30 s less the padding that speech.md row 13 asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRequest:
    """One window of speech: `pcm` is 16 kHz mono float32 of MIN_WINDOW..MAX_WINDOW samples.

    `language` None: the engine detects it first. `detect`: tell language probabilities too. `careful`: a second try
    after a hypothesis was refused; repetition is penalised.
    """

    pcm: NDArray[np.float32] = field(repr=False)
    language: str | None
    beam: int = 5
    detect: bool = False
    careful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWord:
    """A word of a window: samples from the window's start, text with its leading space removed, probability 0..1."""

    text: str
    start: int
    end: int
    prob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeResult:
    """What one window says. `infer_ns` is the engine's own time for the batch it was in, divided by its rows."""

    words: tuple[HeardWord, ...]
    text: str
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    language: str
    language_prob: float | None  # None when it was given and nobody asked
    infer_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What runs, for doctor, logs and clip.json. `sha256` is of the model's weights."""

    model: str
    sha256: str
    device: str
    compute_type: str
    threads: int
    multilingual: bool


class AsrEngine(Protocol):
    """Blocking and safe to call from several threads; `decode` keeps the order of its batch."""

    @property
    def info(self) -> EngineInfo: ...
    def decode(self, batch: Sequence[DecodeRequest]) -> list[DecodeResult]: ...
