"""A channel's chat: an overdispersed, autocorrelated calm, bursts that follow moments, and floods that follow nothing.

Counts per 10 s are negative binomial over an AR(1) log-rate (detection.md section 5). A burst begins a channel's lag
after the moment, crests 21-81 s after its start (10-90 %) and decays over 40 s.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from core.media import ChatMessage
from core.times import ns
from tests.synthetic_streams.planted.lines import Crowd, Writer
from tests.synthetic_streams.planted.schedule import Plan
from tests.synthetic_streams.planted.stream import Floats
from tests.synthetic_streams.planted.traits import CHAT_DECAY_S, PEAK_QUARTILES, PLAIN_CHAT, WEAK_CHAT, Traits

BIN_S: Final = 10.0
WINDOW_S: Final = 15.0  # detection.md section 2, signal 2: the count whose peak a factor describes
LARGE_FROM: Final = 60.0  # messages a minute; between the measured small and large channels
_PERSISTENCE: Final = (
    0.8  # of the log-rate from bin to bin; judgement, variances follow from it and the lag-1 asked for
)
_SMALL_RATIO, _SMALL_LAG1 = 2.0, 0.35  # detection.md section 5
_LEAST_RISE_S, _RISE_S = 4.0, 24.0  # from a burst's onset to its crest: least, and mean over it. With the lags: 24-82 s
_EVENTS_PER_H: Final = 5.0  # subs and bits of a small channel; judgement
_GRID_S: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """How a channel's chat behaves."""

    name: str
    per_min: float
    ratio: float
    lag1: float
    lag_s: float
    lag_sd_s: float
    base_reactions: float
    burst_reactions: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Extra messages: the best 15 s hold `factor` times the calm mean, the calm included."""

    onset_s: float
    crest_s: float
    factor: float
    power: float = 1.0

    def times_s(self, rng: np.random.Generator, calm_per_s: float) -> Floats:
        """When its messages come."""
        t = np.arange(self.onset_s, self.crest_s + 5 * CHAT_DECAY_S, _GRID_S)
        rise = np.clip((t - self.onset_s) / (self.crest_s - self.onset_s), 0, 1) ** self.power
        shape = rise * np.exp(-np.maximum(0.0, t - self.crest_s) / CHAT_DECAY_S)
        width = round(WINDOW_S / _GRID_S)
        best = np.convolve(shape, np.ones(width) / width).max()
        counts = rng.poisson(calm_per_s * (self.factor - 1) * shape / best * _GRID_S)
        return np.asarray(np.repeat(t, counts) + _GRID_S * rng.random(counts.sum()))


def channel(rng: np.random.Generator, traits: Traits, per_min: float | None) -> Channel:
    """Draw one; its size follows from the rate when that is given."""
    large = rng.random() < traits.large_share if per_min is None else per_min >= LARGE_FROM
    drawn = rng.uniform(*(traits.large_per_min if large else traits.small_per_min))
    return Channel(
        name="large" if large else "small",
        per_min=float(drawn if per_min is None else per_min),
        ratio=float(rng.uniform(*traits.large_ratio)) if large else _SMALL_RATIO,
        lag1=float(rng.uniform(*traits.large_lag1)) if large else _SMALL_LAG1,
        lag_s=float(rng.uniform(*traits.chat_lag_s)),
        lag_sd_s=float(rng.uniform(*traits.chat_lag_sd_s)),
        base_reactions=float(rng.uniform(*traits.base_reactions)),
        burst_reactions=float(rng.uniform(*traits.burst_reactions)),
    )


def calm_times_s(rng: np.random.Generator, channel: Channel, seconds: float) -> Floats:
    """Times of the ordinary messages.

    With mean m: lag-1 x variance = the log-normal rate's covariance at one bin, and variance = m + var(rate) +
    E[rate^2] / shape, the gamma's share.
    """
    mean, n = channel.per_min / 60 * BIN_S, math.ceil(seconds / BIN_S)
    variance = channel.ratio * mean
    sigma2 = math.log(1 + channel.lag1 * variance / mean**2) / _PERSISTENCE  # cov at one bin = m^2 (e^(s2 phi) - 1)
    of_rate = min(mean**2 * (math.exp(sigma2) - 1), 0.95 * (variance - mean))
    sigma2 = math.log(1 + of_rate / mean**2)
    shape = (mean**2 + of_rate) / (variance - mean - of_rate)
    steps = rng.normal(0, math.sqrt(sigma2 * (1 - _PERSISTENCE**2)), n)
    level, logs = rng.normal(0, math.sqrt(sigma2)), np.empty(n)
    for i, step in enumerate(steps.tolist()):
        logs[i] = level
        level = _PERSISTENCE * level + step
    rates = mean * np.exp(logs - sigma2 / 2) * rng.gamma(shape, 1 / shape, n)
    counts = rng.poisson(rates)
    times = np.repeat(np.arange(n) * BIN_S, counts) + BIN_S * rng.random(counts.sum())
    return np.asarray(times[times < seconds])


def factor(rng: np.random.Generator, level: str, *, single: bool) -> float:
    """A burst's peak over the calm mean: middle and strong together have the measured quartiles."""
    if level == "weak":
        return float(rng.uniform(*WEAK_CHAT))
    if level == "middle" and single:
        return PLAIN_CHAT
    low, high = PEAK_QUARTILES
    quantile = 0.5 * rng.uniform(0.04, 1) if level == "middle" else 1 - 0.5 * rng.uniform(0.04, 1)
    spread = math.log(high / low) / 2 / NormalDist().inv_cdf(0.75)
    return float(math.sqrt(low * high) * math.exp(spread * NormalDist().inv_cdf(quantile)))


def burst_of(rng: np.random.Generator, channel: Channel, plan: Plan) -> Burst:
    """How the chat answers a moment."""
    onset = plan.at_s + max(3.0, float(rng.normal(channel.lag_s, channel.lag_sd_s)))
    crest = onset + _LEAST_RISE_S + float(rng.exponential(_RISE_S))
    peak = factor(rng, plan.level, single=plan.families == ("chat",))
    return Burst(onset_s=onset, crest_s=crest, factor=peak, power=float(rng.uniform(0.7, 1.6)))


class Room:
    """Writes everything a channel's chat says in one stream."""

    def __init__(self, rng: np.random.Generator, traits: Traits, channel: Channel) -> None:
        self._rng, self._traits, self._channel = rng, traits, channel
        self._crowd = Crowd(rng, channel.per_min)
        self._writer = Writer(random.Random(int(rng.integers(2**62))), traits.texts, traits.texts.talk.nouns)

    def messages(self, seconds: float, moments: Sequence[Plan], negatives: Sequence[Plan]) -> tuple[ChatMessage, ...]:
        """Everything in time order."""
        found = [*self._calm(seconds), *self._events(seconds)]
        for moment in moments:
            if "chat" in moment.families:
                found += self._burst(burst_of(self._rng, self._channel, moment))
        for negative in negatives:
            flood = {
                "raid": self._raid, "gift_flood": self._gifts, "emote_spam": self._emotes, "copypasta": self._pasta,
                "bot_flood": self._bots,
            }.get(negative.kind)  # fmt: skip
            if flood is not None:
                found += flood(negative)
        end = ns(seconds)
        return tuple(sorted((m for m in found if m.t_ns < end), key=lambda message: message.t_ns))

    def _calm(self, seconds: float) -> Iterator[ChatMessage]:
        times = calm_times_s(self._rng, self._channel, seconds)
        reacts = self._rng.random(len(times)) < self._channel.base_reactions
        users = self._crowd.talking(len(times))
        return self._mixed(times, users, reacts, "calm")

    def _burst(self, burst: Burst) -> Iterator[ChatMessage]:
        times = burst.times_s(self._rng, self._channel.per_min / 60)
        reacts = self._rng.random(len(times)) < self._channel.burst_reactions
        mood = str(self._rng.choice(("laugh", "hype")))
        return self._mixed(times, self._crowd.roused(len(times)), reacts, mood)

    def _mixed(self, times: Floats, users: Iterable[str], reacts: np.ndarray, mood: str) -> Iterator[ChatMessage]:
        for t, user, reaction in zip(times.tolist(), users, reacts.tolist(), strict=True):
            text, emotes = self._writer.reaction(mood) if reaction else (self._writer.calm(), ())
            yield ChatMessage(t_ns=ns(t), user=user, text=text, emotes=emotes)

    def _events(self, seconds: float) -> Iterator[ChatMessage]:
        """A sub or some bits now and then."""
        rate = _EVENTS_PER_H * (1 + self._channel.per_min / 60)
        times = self._rng.uniform(0, seconds, self._rng.poisson(rate * seconds / 3600)).tolist()
        for t, user in zip(times, self._crowd.talking(len(times)), strict=True):
            if self._rng.random() < 0.6:
                yield ChatMessage(t_ns=ns(t), user=user, text="", kind="sub")
            else:
                size = int(self._rng.integers(10, 500))
                yield ChatMessage(t_ns=ns(t), user=user, text=f"cheer{size} {self._writer.calm()}", kind="bits", n=size)

    def _extra(self, plan: Plan, low: float, high: float) -> list[float]:
        """Times of a flood that brings the rate to a factor of the calm one; at once there, falling towards its end."""
        extra = self._channel.per_min / 60 * (self._rng.uniform(low, high) - 1) * plan.length_s
        places = self._rng.beta(1.1, 1.8, max(6, int(self._rng.poisson(extra))))
        return [float(x) for x in np.sort(plan.at_s + plan.length_s * places)]

    def _raid(self, plan: Plan) -> Iterator[ChatMessage]:
        """The raid's own line, greetings of raiders, some welcomes."""
        times = self._extra(plan, 3.0, 6.0)
        size, texts = len(times) + int(self._rng.integers(5, 80)), self._traits.texts
        raiders = self._crowd.strangers(max(5, int(0.8 * len(times))))
        yield ChatMessage(t_ns=ns(plan.at_s), user=raiders[0], text="", kind="raid", n=size)
        for t in times:
            if self._rng.random() < 0.2:
                user, text = self._crowd.talking(1)[0], self._writer.of(texts.welcomes)
            else:
                user, text = raiders[int(self._rng.integers(len(raiders)))], self._writer.of(texts.greetings)
            yield ChatMessage(t_ns=ns(t), user=user, text=text)

    def _gifts(self, plan: Plan) -> Iterator[ChatMessage]:
        """Gifted subs in one to four trains, and thanks."""
        for t in np.sort(
            self._rng.uniform(plan.at_s, plan.at_s + 0.4 * plan.length_s, self._rng.integers(1, 5))
        ).tolist():
            size = int(self._rng.choice((5, 10, 20, 50)))
            yield ChatMessage(t_ns=ns(t), user=self._crowd.talking(1)[0], text="", kind="sub", n=size)
        times = self._extra(plan, 2.5, 5.0)
        for t, user in zip(times, self._crowd.roused(len(times)), strict=True):
            thanks = self._rng.random() < 0.7
            text, emotes = (self._writer.of(self._traits.texts.thanks), ()) if thanks else self._writer.emote()
            yield ChatMessage(t_ns=ns(t), user=user, text=text, emotes=emotes)

    def _emotes(self, plan: Plan) -> Iterator[ChatMessage]:
        """Three to six people send nothing but emotes, one every second or two each."""
        spammers = {*self._crowd.talking(int(self._rng.integers(1, 5))), *self._crowd.strangers(2)}
        for user in sorted(spammers):
            t = plan.at_s + float(self._rng.uniform(0, 3))
            while t < plan.end_s:
                text, emotes = self._writer.emote()
                yield ChatMessage(t_ns=ns(t), user=user, text=text, emotes=emotes)
                t += float(self._rng.uniform(0.8, 2.5))

    def _pasta(self, plan: Plan) -> Iterator[ChatMessage]:
        """One long text by many people."""
        text, times = self._writer.of(self._traits.texts.pastas), self._extra(plan, 2.5, 4.5)
        for t, user in zip(times, self._crowd.roused(len(times)), strict=True):
            yield ChatMessage(t_ns=ns(t), user=user, text=text)

    def _bots(self, plan: Plan) -> Iterator[ChatMessage]:
        """Twenty accounts bring the chat to five times its rate with adverts (detection.md section 5, robustness)."""
        bots, times = self._crowd.strangers(20), self._extra(plan, 5.0, 5.0)
        for number, t in enumerate(times):
            yield ChatMessage(t_ns=ns(t), user=bots[number % 20], text=self._writer.of(self._traits.texts.adverts))
