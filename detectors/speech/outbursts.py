"""Outbursts: something said far louder than this stream's talk, with talk as usual on both sides. Pure.

What people call out has no list in any language. A raised voice has one sign that every microphone hears: it is louder,
and it rises with it, by 0.3-0.5 semitones a dB (Gramming et al. 1988, untrained voices). That it is over soon tells it
from a gain knob, an advert or people who talk at once, which raise all that is said for a while; and how often it
happens tells it from a speaker who is always like that.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from core.times import Ns, ns
from core.words import text_of
from detectors.baseline import Tail, ramp
from detectors.options import BaselineOptions
from detectors.speech.options import OutburstOptions
from detectors.speech.rows import AFTER_NS, Raised, Voice
from detectors.speech.words import Transcript

_PAUSE_NS: Final = ns(0.25)  # between two things said: longer than between words, shorter than between sentences
_SILENCE_NS: Final = ns(6.0)  # nothing more was said: it is over
_MOST_CHARS: Final = 80  # that a note repeats; words from outside are not trusted to be short
_CALM: Final = 2  # things said as usual: one may be soft while the microphone is turned up
_BESIDE: Final = 0.5  # of the strongest's level: what belongs to it


class Outburst(NamedTuple):
    """What was said, when, how far up (dB over the median of talk, semitones over its), how often an hour."""

    text: str
    start_ns: Ns
    end_ns: Ns
    strength_db: float
    raised: Raised
    prob: float
    per_hour: float


class _Said(NamedTuple):
    text: str
    start_ns: Ns
    end_ns: Ns
    raised: Raised
    prob: float


class Outbursts:
    """Walks behind what has been heard, from pause to pause; one is told when talk is as usual again."""

    def __init__(self, options: OutburstOptions, baseline: BaselineOptions) -> None:
        self._options = options
        self._tail = Tail(baseline, prior_per_h=options.tail_per_h, prior_scale=options.tail_db)
        self._done_ns = Ns(0)
        self._loud: list[_Said] = []  # what was said louder than usual since talk was as usual ...
        self._since = 0  # ... and how much was said as usual after that

    def waits(self, said: Transcript) -> bool:
        """Whether the newest word is known to be followed by a pause, or by nothing."""
        last = said.words[-1] if said.words else None
        paused = last is not None and last.start_ns >= self._done_ns and said.heard_ns >= last.end_ns + _PAUSE_NS
        return paused or self._silent(said)

    def pending_ns(self) -> Ns | None:
        """Where the one begins that is not over yet; None when nothing waits, or what waits is too long to be one."""
        if not self._loud or self._loud[-1].end_ns - self._loud[0].start_ns > ns(self._options.max_s):
            return None
        return self._loud[0].start_ns

    def advance(self, said: Transcript, voice: Voice, now_ns: Ns, observed_ns: int) -> list[Outburst]:
        """Outbursts that are known to be over at `now_ns`, after talk has been watched for so long."""
        found: list[Outburst] = []
        place = said.place(self._done_ns)
        while (last := self._end(said, place)) is not None:
            words = said.words[place : last + 1]
            place, self._done_ns = last + 1, Ns(words[-1].start_ns + 1)
            voice.known_until(now_ns)
            raised = voice.raised(words[0].start_ns, Ns(words[-1].end_ns + AFTER_NS))
            if raised is None:  # too short to be measured
                continue
            if self._loud and words[0].start_ns >= self._loud[-1].end_ns + _SILENCE_NS:
                found += self._judge(observed_ns)
            if raised.least_db > self._options.raised_db:
                prob = sum(word.prob for word in words) / len(words)
                text = text_of(words)[:_MOST_CHARS].strip(" .,!?…")
                self._loud.append(_Said(text, words[0].start_ns, words[-1].end_ns, raised, prob))
                self._since = 0
            elif self._loud:
                self._since += 1
                found += self._judge(observed_ns) if self._since >= _CALM else []
        if self._silent(said):
            found += self._judge(observed_ns)
        return found

    def _silent(self, said: Transcript) -> bool:
        return bool(self._loud) and said.heard_ns >= self._loud[-1].end_ns + _SILENCE_NS

    def _end(self, said: Transcript, place: int) -> int | None:
        """The last word that follows without a pause; None while that is not known."""
        words = said.words
        while place < len(words):
            if place + 1 == len(words):
                return place if said.heard_ns >= words[place].end_ns + _PAUSE_NS else None
            if words[place].ends_sentence or not said.joined(place, _PAUSE_NS):
                return place
            place += 1
        return None

    def _judge(self, observed_ns: int) -> list[Outburst]:
        """What was louder than usual, now that it is over."""
        loud, self._loud = self._loud, []
        options = self._options
        if loud[-1].end_ns - loud[0].start_ns > ns(options.max_s):
            return []
        best = max(loud, key=self._strength)
        excess = self._strength(best) - options.none_db
        if excess <= 0.0:
            return []
        per_hour = self._tail.per_hour(excess, best.end_ns, observed_ns)
        self._tail.push(excess, best.end_ns)
        beside = [one for one in loud if one.raised.least_db >= _BESIDE * best.raised.least_db]
        start_ns, end_ns = beside[0].start_ns, beside[-1].end_ns
        return [Outburst(best.text, start_ns, end_ns, self._strength(best), best.raised, best.prob, per_hour)]

    def _strength(self, one: _Said) -> float:
        """Its level in dB, as far as it is known and the voice rose with it.

        A level taken from n tenths of a second is shrunk to n / (n + k) of it (empirical Bayes): syllables differ more
        from each other than things said do, so a stressed word is no cry.
        """
        alone, up = self._options.level_alone, one.raised
        return (
            up.least_db
            * (up.rows / (up.rows + self._options.shrink))
            * (alone + (1.0 - alone) * ramp(up.over, 0.0, self._options.pitch_per_db * up.least_db))
        )
