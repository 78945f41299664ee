"""A recipe's sound, block by block: speech, the game, reactions, hard negatives, each at its level over the speech.

Pure but for reading the bundled sentences. `Mix.block` gives the same samples however the blocks are cut.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from daemon.demo import synth
from daemon.demo.recipe import Negative, Planted, Recipe
from daemon.demo.speech import ADVERT, Utterance, crowd, recording
from daemon.demo.synth import RATE, Audio, Palette, db

LAYERS: Final = ("speech", "bed", "planted", "negatives")
_BED_LOOP_S: Final = 20
_KEPT_SOUNDS: Final = 24


@dataclass(frozen=True, slots=True)
class _Placed:
    """A sound with a place; `make` runs when a block first touches it."""

    layer: str
    start: int
    end: int
    make: Callable[[], Audio]


class Mix:
    """The stream's sound at `RATE`, mono. Keeps the last few sounds it made, so read it roughly in order."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._palette: Palette = synth.PALETTES[recipe.family]
        self._level = db(recipe.speech_dbfs)
        self.samples = round(recipe.duration_s * RATE)
        rng = np.random.default_rng([recipe.seed, 2])
        self._bed = synth.rumble(rng, _BED_LOOP_S * RATE)
        self._bed *= self._level * db(recipe.bed_db) / synth.active_rms(self._bed)
        self._placed = [
            *(self._utterance(line) for line in recipe.speech),
            *(self._reaction(i, p) for i, p in enumerate(recipe.moments) if p.sound),
            *(self._disturbance(i, n) for i, n in enumerate(recipe.negatives) if n.level_db and n.kind != "gain_step"),
            *self._game_sounds(rng),
        ]
        self._made: OrderedDict[int, Audio] = OrderedDict()

    def block(self, start: int, count: int) -> Audio:
        """Samples `start` to `start + count` of the finished mix, limited softly."""
        return synth.soft_limit(np.sum(list(self.layers(start, count).values()), axis=0, dtype=np.float32))

    def layers(self, start: int, count: int) -> dict[str, Audio]:
        """The same stretch before limiting, one array a layer."""
        out = {name: np.zeros(count, np.float32) for name in LAYERS}
        out["bed"] += np.take(self._bed, np.arange(start, start + count), mode="wrap")
        for index, placed in enumerate(self._placed):
            low, high = max(start, placed.start), min(start + count, placed.end)
            if low < high:
                sound = self._sound(index)
                out[placed.layer][low - start : high - start] += sound[low - placed.start : high - placed.start]
        for n in self._recipe.negatives:
            if n.kind == "gain_step":
                at = (round(n.start_s * RATE) - start, round(n.end_s * RATE) - start)
                out["speech"] *= synth.gain_step(count, *at, db(n.level_db))
        return out

    def _sound(self, index: int) -> Audio:
        if index not in self._made:
            self._made[index] = self._placed[index].make()
            if len(self._made) > _KEPT_SOUNDS:
                self._made.popitem(last=False)
        self._made.move_to_end(index)
        return self._made[index]

    def _utterance(self, line: Utterance) -> _Placed:
        start, end = round(line.start_s * RATE), round(line.end_s * RATE)

        def make() -> Audio:
            raw = recording(line.name)
            at = np.arange(end - start) * line.rate
            sound = np.interp(at, np.arange(len(raw)), raw, right=0.0) * self._level * db(line.level_db)
            return np.asarray(sound, dtype=np.float32)

        return _Placed("speech", start, end, make)

    def _reaction(self, index: int, planted: Planted) -> _Placed:
        family = self._recipe.family

        def make() -> Audio:
            rng = np.random.default_rng([self._recipe.seed, 3, index])
            sound = synth.REACTIONS[planted.sound](rng, planted.end_s - planted.start_s, self._palette, crowd(family))
            return self._at_level(sound, planted.level_db)

        start = round(planted.start_s * RATE)
        return _Placed("planted", start, start + round((planted.end_s - planted.start_s) * RATE), make)

    def _disturbance(self, index: int, negative: Negative) -> _Placed:
        length_s = negative.end_s - negative.start_s
        makers: dict[str, Callable[[np.random.Generator], Audio]] = {
            "music_drop": lambda rng: synth.music(rng, length_s, self._palette, drop_s=0.3 * length_s),
            "door_slam": lambda rng: synth.door_slam(rng, length_s, self._palette),
            "keyboard": lambda rng: synth.keyboard(rng, length_s, self._palette),
            "advert": lambda rng: synth.advert(rng, length_s, self._palette, recording(ADVERT)),
        }

        def make() -> Audio:
            rng = np.random.default_rng([self._recipe.seed, 4, index])
            return self._at_level(makers[negative.kind](rng), negative.level_db)

        start = round(negative.start_s * RATE)
        return _Placed("negatives", start, start + round(length_s * RATE), make)

    def _game_sounds(self, rng: np.random.Generator) -> list[_Placed]:
        """Shots of the game in volleys, about 20 a minute, 6-14 dB under the speech; drawn from a pool of 24."""
        pool = [self._at_level(synth.game_shot(rng, self._palette), float(rng.uniform(-14, -6))) for _ in range(24)]
        placed: list[_Placed] = []
        t = 1.0
        while t < self._recipe.duration_s - 4:
            for _ in range(rng.integers(1, 5)):
                start, shot = round(t * RATE), pool[rng.integers(len(pool))]
                placed.append(_Placed("bed", start, start + len(shot), partial(_itself, shot)))
                t += float(rng.uniform(0.25, 0.7))
            t += float(rng.exponential(6.0))
        return placed

    def _at_level(self, sound: Audio, level_db: float) -> Audio:
        return (sound * (self._level * db(level_db) / (synth.active_rms(sound) + 1e-12))).astype(np.float32)


def _itself(sound: Audio) -> Audio:
    return sound
