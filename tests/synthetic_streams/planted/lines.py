"""What a chat's people write, and who they are: regulars, lurkers who come out in bursts, newcomers, raiders, bots."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tests.synthetic_streams.planted.texts import Pool, Texts

_MAIN: Final = "en"
_LONG: Final = 0.25  # share of reactions that are held or repeated
_NEWCOMERS: Final = 0.02  # of calm lines
_LURKERS: Final = 0.45  # of a burst's lines; judgement
# laughter, hype, emotes, the channel's joke, talk about it; judgement
MOODS: Final[Mapping[str, tuple[float, ...]]] = {
    "calm": (0.45, 0.15, 0.3, 0.1, 0.0),
    "laugh": (0.5, 0.1, 0.22, 0.12, 0.06),
    "hype": (0.1, 0.5, 0.22, 0.08, 0.1),
}


class Writer:
    """Lines of one channel: its languages, its joke, its favourite emotes."""

    def __init__(self, rng: random.Random, texts: Texts, nouns: Pool) -> None:
        self._rng, self._texts, self._nouns = rng, texts, nouns
        other = rng.choice(sorted(set(texts.calm) - {_MAIN}))
        self._other, self._foreign = other, rng.choice((0.0, 0.1, 0.35, 0.8))
        self._emotes = rng.sample(texts.emotes, 4)
        self._joke = rng.choice(texts.jokes)

    def calm(self) -> str:
        """Talk."""
        return self._from(self._texts.calm)

    def reaction(self, mood: str) -> tuple[str, tuple[str, ...]]:
        """Laughter, a cheer, emotes, the joke, or talk about what happened; with the emotes in it."""
        kind = self._rng.choices(("laugh", "hype", "emote", "joke", "about"), MOODS[mood])[0]
        if kind == "emote":
            return self.emote()
        if kind == "joke":
            return self._held(self._joke), ()
        pools = {"laugh": self._texts.laugh, "hype": self._texts.hype, "about": self._texts.about}
        text = self._from(pools[kind])
        return (text if kind == "about" else self._held(text)), ()

    def emote(self) -> tuple[str, tuple[str, ...]]:
        """One of the channel's emotes, up to four times."""
        name = self._rng.choice(self._emotes)
        times = 1 if self._rng.random() < 0.6 else self._rng.randint(2, 4)
        return " ".join([name] * times), (name,) * times

    def filled(self, text: str) -> str:
        """A line with its noun and number in place."""
        if "{" not in text:
            return text
        return text.replace("{w}", self._rng.choice(self._nouns), 1).format(
            w=self._rng.choice(self._nouns), n=self._rng.randint(2, 400)
        )

    def of(self, pool: Sequence[str]) -> str:
        """A line of a pool."""
        return self.filled(self._rng.choice(pool))

    def _from(self, pools: Mapping[str, Pool]) -> str:
        language = self._other if self._rng.random() < self._foreign else _MAIN
        return self.of(pools[language])

    def _held(self, text: str) -> str:
        if self._rng.random() > _LONG:
            return text
        return self._rng.choice((text + "!", text + "!!!", text.upper(), text + text[-1] * 3, f"{text} {text}"))


class Crowd:
    """Names by number. Regulars follow a falling law; every name is `prefix` and a number."""

    def __init__(self, rng: np.random.Generator, per_min: float) -> None:
        self._rng = rng
        self._prefix = f"u{rng.integers(16**6):06x}"
        self.regulars = int(np.clip(per_min * rng.uniform(2.0, 4.5), 15, 900))
        weights = 1.0 / (np.arange(self.regulars) + 3.0)
        self._law = np.cumsum(weights / weights.sum())
        self._fresh = 10 * self.regulars

    def talking(self, count: int) -> list[str]:
        """Who writes calm lines."""
        chosen = np.searchsorted(self._law, self._rng.random(count)).clip(max=self.regulars - 1)
        new = self._rng.random(count) < _NEWCOMERS
        chosen = np.where(new, self._fresh + np.cumsum(new), chosen)
        self._fresh += int(new.sum())
        return self._names(chosen)

    def roused(self, count: int) -> list[str]:
        """Who writes in a burst: regulars more evenly than in talk, and lurkers."""
        lurking = self._rng.random(count) < _LURKERS
        regular = (self.regulars * self._rng.random(count) ** 1.5).astype(int)
        lurker = self.regulars + self._rng.integers(0, 4 * self.regulars, count)
        return self._names(np.where(lurking, lurker, regular))

    def strangers(self, count: int) -> list[str]:
        """So many people nobody has seen."""
        first = self._fresh
        self._fresh += count
        return self._names(np.arange(first, self._fresh))

    def _names(self, numbers: np.ndarray) -> list[str]:
        return [f"{self._prefix}{number:05d}" for number in numbers.tolist()]
