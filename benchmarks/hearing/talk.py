"""Real speech without pauses on a made-up stream: it takes the place of the recipe's talk; the game stays."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Final
from unittest import mock

import numpy as np

from benchmarks.hearing.corpus import real_speech
from daemon.demo import render, synth
from daemon.demo.mix import Mix
from daemon.demo.recipe import Recipe

STEP_S: Final = 31  # streams of neighbouring seeds are this far apart in the talk


class TalkMix(Mix):
    """A recipe's sound with somebody who never stops talking."""

    def __init__(self, recipe: Recipe, *, talk: synth.Audio) -> None:
        super().__init__(recipe)
        self._talk = talk * np.float32(synth.db(recipe.speech_dbfs) / synth.active_rms(talk))
        self._from = round(offset_s(recipe.seed) * synth.RATE)

    def layers(self, start: int, count: int) -> dict[str, synth.Audio]:
        """The others as they were."""
        at = np.arange(start + self._from, start + self._from + count)
        return {**super().layers(start, count), "speech": np.take(self._talk, at, mode="wrap")}


def offset_s(seed: int) -> float:
    """Where in the talk the stream of a seed begins."""
    return float(STEP_S * seed)


@contextlib.contextmanager
def talking() -> Iterator[None]:
    """Streams that are opened or written meanwhile carry the talk."""
    talk = real_speech(rate=synth.RATE).sound
    with mock.patch.object(render, "Mix", partial(TalkMix, talk=talk)):
        yield
