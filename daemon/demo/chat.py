"""A recipe's chat: negative binomial counts over an AR(1) log-rate, with bursts, in believable lines. Pure and seeded.

The statistics are those of a small channel (detection.md section 5): variance/mean 2 and lag-1 correlation 0.35 of the
counts per 10 s. Users and texts are invented.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.media import ChatMessage
from core.times import NS_PER_S, ns, to_s
from daemon.demo.recipe import Recipe

BIN_S: Final = 10.0
_PERSISTENCE: Final = 0.8  # of the log-rate from one bin to the next; its variance then follows from variance and lag-1
_RISE_S, _HOLD_S, _DECAY_S = 1.5, 8.0, 9.0
FloatArray = NDArray[np.float64]

_EMOTES: Final = ("KEKW", "LUL", "PogChamp", "OMEGALUL", "monkaS", "Kappa", "PepeLaugh", "HYPERS", "Sadge", "Pog")
_NAMES: Final = ("otter", "pixel", "mossy", "turbo", "noodle", "static", "lunar", "cobalt", "waffle", "ember", "goblin")
_TAILS: Final = ("fox", "dad", "_tv", "99", "queen", "byte", "beans", "wizard", "_irl", "moth", "rider", "77")
_CALM: Final = (
    "hello chat", "what map is this", "first time here, love the vibe", "how long have you been live?", "gg",
    "what's your sensitivity?", "anyone else lagging or is it me", "the textures on this wall are so good",
    "brb getting food", "nice crosshair", "when is the next tournament",
    "check the left door", "he's behind the pillar I think", "back from work, what did I miss", "left left left",
    "that was close", "audio is good today", "is this the free one?", "ammo is low", "I used to play this at school",
    "good morning from Oslo",
    "you should try the shotgun", "hi mods", "lol", "true", "no way that works", "hmm", "same", "Kappa", "LUL",
    "what keyboard is that", "reload!!", "is the squad on voice?", "can we get the playlist", "o7",
    "nice one", "monkaS",
)  # fmt: skip
_HYPE: Final = (
    "LETS GOOO", "NO WAY", "OMG", "HOW", "clip it", "CLIP THAT", "insane", "HE'S CRACKED", "Pog", "PogChamp PogChamp",
    "WHAT", "HYPERS", "5 IN A ROW", "WWWW", "that was so clean", "sheeeesh", "YOOO", "unreal", "GGs", "I felt that",
)  # fmt: skip
_LAUGH: Final = (
    "KEKW", "LUL", "LMAO", "hahahaha", "I'm crying", "OMEGALUL", "KEKW KEKW", "LMAOOO", "dead",
    "PepeLaugh", "lmfao stop", "hahah what", "im wheezing", "LUL LUL LUL", "jajaja", "bruh lol",
)  # fmt: skip
_JOKE: Final = (*_LAUGH, "the ducks hahaha", "not the ducks", "forty EIGHT", "in his POCKET", "why ducks LUL")
_GREETING: Final = (
    "hi everyone", "hello from the raid", "hey hey", "raiders say hi", "good evening", "what are we playing", "heyo",
    "hi hi hi", "came with the raid, hello", "wave", "hello hello", "new here, hi",
)  # fmt: skip
_TEXTS: Final = {"calm": _CALM, "hype": _HYPE, "laugh": _LAUGH, "joke": _JOKE, "greeting": _GREETING, "emotes": _EMOTES}


@dataclass(frozen=True, slots=True)
class _Surge:
    """Extra messages: `factor` is the peak of the 15 s count over the calm mean, `mood` what they say."""

    start_s: float
    factor: float
    hold_s: float
    decay_s: float
    mood: str

    def shape(self, t_s: FloatArray) -> FloatArray:
        """Rises to 1, holds, decays."""
        after = t_s - self.start_s
        fall = np.exp(-np.maximum(0.0, after - _RISE_S - self.hold_s) / self.decay_s)
        return np.asarray(np.clip(after / _RISE_S, 0.0, 1.0) * fall, dtype=np.float64)

    def times_s(self, rng: np.random.Generator, calm_per_s: float) -> FloatArray:
        """When its extra messages come: a Poisson process, scaled so that the best 15 s reach the factor."""
        grid = self.start_s + np.arange(0, 90, 0.1)
        shape = self.shape(grid)
        best = np.convolve(shape, np.ones(150) / 150).max()
        rate = calm_per_s * (self.factor - 1) * shape / best
        counts = rng.poisson(rate * 0.1)
        return np.asarray(np.repeat(grid, counts) + 0.1 * rng.random(counts.sum()), dtype=np.float64)


def make_chat(recipe: Recipe) -> tuple[ChatMessage, ...]:
    """Every message of the stream in time order."""
    rng = np.random.default_rng([recipe.seed, 6])
    crowd = _Crowd(rng)
    messages = [
        ChatMessage(t_ns=ns(n.start_s), user=crowd.user("calm"), text="", kind="raid", n=int(rng.integers(18, 60)))
        for n in recipe.negatives
        if n.kind == "greeting_flood"
    ]
    calm = [
        index * BIN_S + BIN_S * rng.random(rng.poisson(rate)) for index, rate in enumerate(_calm_rates(rng, recipe))
    ]
    messages += [crowd.say(float(t), "calm") for t in np.concatenate(calm) if t < recipe.duration_s]
    for surge in _surges(recipe):
        times = surge.times_s(rng, recipe.chat_per_min / 60)
        messages += [crowd.say(float(t), surge.mood) for t in times if t < recipe.duration_s]
    return tuple(sorted(messages, key=lambda m: m.t_ns))


def as_line(message: ChatMessage, *, wall_start_ns: int | None = None) -> str:
    """One JSON line of DESIGN.md section 5: `t_s` on stream time, or with a start `wall`, epoch seconds as a float."""
    when: dict[str, float] = (
        {"t_s": round(to_s(message.t_ns), 3)}
        if wall_start_ns is None
        else {"wall": round((wall_start_ns + message.t_ns) / NS_PER_S, 3)}
    )
    rest = {"user": message.user, "text": message.text, "emotes": message.emotes, "kind": message.kind, "n": message.n}
    return json.dumps({**when, **rest}, ensure_ascii=False)


def _surges(recipe: Recipe) -> list[_Surge]:
    found = [
        _Surge(p.chat_start_s, p.chat_x, _HOLD_S, _DECAY_S, {"": "joke", "laughter": "laugh"}.get(p.sound, "hype"))
        for p in recipe.moments
        if p.chat_x > 1
    ]
    for n in recipe.negatives:
        if n.chat_x > 1:
            mood = "greeting" if n.kind == "greeting_flood" else "emotes"
            found.append(_Surge(n.start_s, n.chat_x, n.end_s - n.start_s - _RISE_S, 2.0, mood))
    return found


def _calm_rates(rng: np.random.Generator, recipe: Recipe) -> list[float]:
    """Expected messages of each bin: the log-rate carries the lag-1 correlation, a gamma factor the other variance.

    With mean m: lag-1 * variance = persistence * var(rate), and variance = m + var(rate) + E[rate^2] / shape.
    """
    mean = recipe.chat_per_min / 60 * BIN_S
    variance = recipe.chat_variance_ratio * mean
    of_rate = min(recipe.chat_lag1 * variance / _PERSISTENCE, 0.95 * (variance - mean))
    sigma2 = math.log(1 + of_rate / mean**2)
    shape = (mean**2 + of_rate) / (variance - mean - of_rate)
    level = rng.normal(0, math.sqrt(sigma2))
    rates = []
    for _ in range(math.ceil(recipe.duration_s / BIN_S)):
        rates.append(mean * math.exp(level - sigma2 / 2) * float(rng.gamma(shape, 1 / shape)))
        level = _PERSISTENCE * level + rng.normal(0, math.sqrt(sigma2 * (1 - _PERSISTENCE**2)))
    return rates


class _Crowd:
    """Who talks: regulars most of the time, everybody in a burst, newcomers in a raid, three spammers of emotes."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        names = [f"{a}{b}" for a in _NAMES for b in _TAILS]
        self._names = [str(name) for name in rng.permutation(names)]

    def user(self, mood: str) -> str:
        """A user for a mood; regulars follow a falling law."""
        first, count = {"calm": (0, 24), "emotes": (24, 3), "greeting": (60, 60)}.get(mood, (0, 60))
        weights = 1.0 / (np.arange(count) + 3.0) if mood == "calm" else np.ones(count)
        return self._names[first + int(self._rng.choice(count, p=weights / weights.sum()))]

    def say(self, t_s: float, mood: str) -> ChatMessage:
        """One message; emotes are the words of the text that are emotes."""
        text = str(self._rng.choice(_TEXTS[mood]))
        if mood == "emotes":
            text = " ".join([text] * int(self._rng.integers(1, 5)))
        elif mood != "calm" and self._rng.random() < 0.25:
            text += "!" * int(self._rng.integers(1, 4))
        emotes = tuple(word for word in text.split() if word in _EMOTES)
        return ChatMessage(t_ns=ns(t_s), user=self.user(mood), text=text, emotes=emotes)
