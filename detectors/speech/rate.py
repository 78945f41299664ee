"""How fast people talk against how fast they usually do. Pure.

Letters a second of talk, pauses apart: letters exist in every script, and the ratio to the stream's own median cancels
what a letter is worth.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

from core.times import NS_PER_S, Ns
from detectors.baseline import Baseline, Tail
from detectors.options import BaselineOptions
from detectors.speech.options import RateOptions
from detectors.speech.words import Transcript

_LONGEST_WORD_NS: Final = NS_PER_S  # recognisers stretch a word over the pause after it
_LARGEST_LOG: Final = 4.0  # 55 letters a second: no mouth does it
_SECONDS: Final = 2  # are looked at together
_MEDIAN_EVERY: Final = 5  # looks; it moves slowly
_NEWS: Final = 0.1  # log ratio by which a burst has to grow to be told again


class Burst(NamedTuple):
    """Fast talk: since when, until when, how fast (log ratio) and how often an hour."""

    start_ns: Ns
    end_ns: Ns
    ratio: float
    per_hour: float


class Rate:
    """Walks second by second behind what has been heard."""

    def __init__(self, options: RateOptions, baseline: BaselineOptions) -> None:
        self._options = options
        self._usual = Baseline(baseline, low=0.0, high=_LARGEST_LOG, step=0.01)
        self._tail = Tail(baseline, prior_per_h=options.tail_per_h, prior_scale=options.tail_scale)
        self._seconds: deque[tuple[int, int]] = deque([(0, 0)] * options.window_s, maxlen=options.window_s)
        self._letters = self._talk_ns = 0
        self._next_s = 0
        self._median = math.inf
        self._stale = 0
        self._since_ns: Ns | None = None
        self._peak = self._told = 0.0
        self.spoken_ns = 0

    def advance(self, said: Transcript) -> list[Burst]:
        """Bursts in the seconds that are known in full by now."""
        found: list[Burst] = []
        last_s = said.heard_ns // NS_PER_S // _SECONDS * _SECONDS
        if self._next_s >= last_s:
            return found
        place = said.place(self._next_s * NS_PER_S)
        while self._next_s < last_s:
            self._next_s += 1
            place = self._count(said, place)
            even = self._next_s % _SECONDS == 0
            burst = self._watch(Ns(self._next_s * NS_PER_S)) if even else None
            if burst is not None:
                found.append(burst)
        return found

    def _count(self, said: Transcript, place: int) -> int:
        """Words that start in this second, with their letters and how long they are."""
        letters, talk_ns, until_ns = 0, 0, self._next_s * NS_PER_S
        words, tokens = said.words, said.tokens
        while place < len(words) and words[place].start_ns < until_ns:
            letters += len(tokens[place])
            talk_ns += min(words[place].end_ns - words[place].start_ns, _LONGEST_WORD_NS)
            place += 1
        old_letters, old_ns = self._seconds[0]
        self._seconds.append((letters, talk_ns))
        self._letters += letters - old_letters
        self._talk_ns += talk_ns - old_ns
        self.spoken_ns += talk_ns
        return place

    def _watch(self, now_ns: Ns) -> Burst | None:
        options = self._options
        if self._talk_ns < options.talk_s * NS_PER_S or not self._letters:
            self._leave(now_ns)
            return None
        value = math.log(max(self._letters / (self._talk_ns / NS_PER_S), 1.0))
        self._usual.push(value, now_ns, alarm=self._since_ns is not None)
        if self._stale == 0:
            self._median = self._usual.quantile(0.5)
        self._stale = (self._stale + 1) % _MEDIAN_EVERY
        ratio = value - self._median
        if self._since_ns is None and ratio >= options.enter:
            self._since_ns = Ns(max(now_ns - options.window_s * NS_PER_S, 0))
            self._peak = self._told = 0.0
        if self._since_ns is None or ratio < options.exit_share * self._peak:
            self._leave(now_ns)
            return None
        self._peak = max(self._peak, ratio)
        if self._peak < self._told + _NEWS:
            return None
        self._told = self._peak
        per_hour = self._tail.per_hour(self._peak - options.enter, now_ns, self.spoken_ns)
        return Burst(self._since_ns, now_ns, self._peak, per_hour)

    def _leave(self, now_ns: Ns) -> None:
        if self._since_ns is not None:
            self._tail.push(self._peak - self._options.enter, now_ns)
            self._since_ns = None
