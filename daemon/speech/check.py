"""Whether an engine hears: a sentence of the demo has to come back as its words. A green light alone proves nothing."""

from __future__ import annotations

import re
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from core.errors import MissingPart
from core.media import AUDIO_RATE
from daemon.avopen import open_media
from daemon.demo.speech import ASSETS, OPENING, catalogue
from daemon.speech.engine import AsrEngine, DecodeRequest

ENOUGH: Final = 0.7  # of its words; a tiny model misses one now and then


def check_engine(engine: AsrEngine) -> None:
    """Decode a known sentence. Raises MissingPart when most of its words are not heard."""
    [heard] = engine.decode([DecodeRequest(pcm=_sentence(), language="en")])
    wanted, words = _words(catalogue()[OPENING].text), _words(heard.text)
    if len(wanted & words) < ENOUGH * len(wanted):
        raise MissingPart(
            f"The speech model {engine.info.model} on {engine.info.device} does not hear a known sentence",
            remedy="Set speech.device to cpu or speech.compute_type to float32, and run `clipd doctor` again.",
            code="speech_deaf",
        )


def _sentence() -> NDArray[np.float32]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
    with open_media(ASSETS / f"{OPENING}.opus", "ogg") as container:
        frames = [*container.decode(audio=0), None]
        blocks = [out.to_ndarray()[0] for frame in frames for out in resampler.resample(frame)]
    return np.concatenate(blocks).astype(np.float32)


def _words(text: str) -> set[str]:
    return set(re.findall("[a-z]+", text.lower()))
