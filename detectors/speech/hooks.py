"""Hook phrases that were felt: said with a raised voice, or next to a reaction that was heard. Pure.

Flat ones give nothing: people quote, read and discuss. And what a channel says all day counts little: the rarity of
each phrase is counted per session, from a prior (inverse document frequency, detection.md section 2, signal 7).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Final, NamedTuple

from core.moments import Event
from core.times import NS_PER_S, Ns, ns
from detectors.baseline import Tail, ramp
from detectors.options import BaselineOptions
from detectors.speech.options import PhraseOptions
from detectors.speech.phrases import Match, complete, find
from detectors.speech.rows import AFTER_NS, Voice
from detectors.speech.words import Transcript

SOUNDS: Final = frozenset({"shout", "crowd", "loud", "roar", "scream", "laughter", "applause"})
_WAIT_NS: Final = 40 * NS_PER_S  # an excursion of sound is told when it is over, at most 20 s after it began
_SOUNDS_KEPT: Final = 500
_MOST_SAID: Final = 4_000  # sayings remembered for counting; two hours hold fewer
_NEWS: Final = 0.05  # of strength 0..1


class Hook(NamedTuple):
    """A raised phrase. `strength` 0..1 is how far raised, `own` whether by the voice itself."""

    text: str
    start_ns: Ns
    end_ns: Ns
    peak_ns: Ns
    strength: float
    own: bool
    prob: float
    per_hour: float
    why: str
    pitch: float
    level_db: float
    said: int


class _Said:
    """One phrase as it was said, for as long as a sound may still raise it."""

    def __init__(self, text: str, start_ns: Ns, end_ns: Ns, prob: float, seen_ns: Ns) -> None:
        self.text, self.start_ns, self.end_ns, self.prob, self.seen_ns = text, start_ns, end_ns, prob, seen_ns
        self.counted = False
        self.strength = 0.0
        self.per_hour = 0.0
        self.before = 0


class Hooks:
    """Finds phrases among words, and judges how they were said."""

    def __init__(self, options: PhraseOptions, baseline: BaselineOptions) -> None:
        self._options, self._baseline = options, baseline
        self._open: dict[Ns, _Said] = {}
        self._known: dict[Ns, str] = {}  # found before, so that nothing is found twice
        self._unsure: dict[Ns, Ns] = {}  # where a phrase may have begun that is not known to be over: since when
        self._history: deque[tuple[Ns, str]] = deque()
        self._counts: Counter[str] = Counter()
        self._sounds: deque[Event] = deque(maxlen=_SOUNDS_KEPT)
        self._tail = Tail(baseline, prior_per_h=options.tail_per_h, prior_scale=options.tail_scale)

    @property
    def waits(self) -> bool:
        """Whether a phrase is there whose sentence is not known to be over."""
        return bool(self._unsure)

    def notice(self, events: list[Event]) -> bool:
        """Sounds found now; whether any can raise a phrase."""
        news = [event for event in events if event.kind in SOUNDS and event.llr > 0]
        self._sounds.extend(news)
        return bool(news)

    def find(self, said: Transcript, touched: list[range], now_ns: Ns) -> bool:
        """Look at what changed, and at what was not complete; whether anything was found."""
        again = [range(place, place + 1) for place in map(said.place, self._unsure)]
        found = False
        for places in (*again, *touched):
            for match in find(said, places):
                found = self._place(said, match, now_ns) or found
        self._unsure = {at: since for at, since in self._unsure.items() if since > now_ns - _WAIT_NS}
        return found

    def _place(self, said: Transcript, match: Match, now_ns: Ns) -> bool:
        start_ns = said.starts[match.first]
        over = complete(said, match)
        if over is None:
            self._unsure.setdefault(start_ns, now_ns)
            return False
        self._unsure.pop(start_ns, None)
        if not over or self._known.get(start_ns) == match.text:
            return False
        prob = math.fsum(word.prob for word in said.words[match.first : match.last + 1]) / (
            match.last + 1 - match.first
        )
        if prob < self._options.min_prob or any(s.start_ns < start_ns < s.end_ns for s in self._open.values()):
            return False
        self._known[start_ns] = match.text
        if len(self._known) > _MOST_SAID:
            del self._known[next(iter(self._known))]
        self._open[start_ns] = _Said(match.text, start_ns, said.words[match.last].end_ns, prob, now_ns)
        return True

    def judge(self, voice: Voice, now_ns: Ns, observed_ns: int) -> list[Hook]:
        """Phrases that are raised, or raised further, by what is known now."""
        found = []
        for phrase in sorted(self._open.values(), key=lambda phrase: phrase.start_ns):
            if not phrase.counted:
                self._count(phrase, observed_ns)
            hook = self._raise(phrase, voice, observed_ns)
            if hook is not None:
                found.append(hook)
        self._open = {at: phrase for at, phrase in self._open.items() if self._lives(phrase, now_ns)}
        return found

    def _lives(self, phrase: _Said, now_ns: Ns) -> bool:
        if phrase.seen_ns > now_ns - _WAIT_NS:
            return True
        if phrase.strength > 0:
            self._tail.push(phrase.strength, phrase.end_ns)
        return False

    def _count(self, phrase: _Said, observed_ns: int) -> None:
        """How often an hour this phrase is said, itself not counted."""
        phrase.counted = True
        key = phrase.text
        while self._history and (
            self._history[0][0] <= phrase.seen_ns - ns(self._baseline.tail_window_s) or len(self._history) >= _MOST_SAID
        ):
            self._counts[self._history.popleft()[1]] -= 1
        prior_h = self._baseline.tail_prior_s / 3600
        hours = min(observed_ns / NS_PER_S, self._baseline.tail_window_s) / 3600
        phrase.before = self._counts[key]
        phrase.per_hour = (self._options.said_per_h * prior_h + phrase.before) / (prior_h + hours)
        self._counts[key] += 1
        self._history.append((phrase.seen_ns, key))

    def _raise(self, phrase: _Said, voice: Voice, observed_ns: int) -> Hook | None:
        options = self._options
        raised = voice.raised(phrase.start_ns, Ns(phrase.end_ns + AFTER_NS))
        own = 0.0
        if raised is not None:
            louder = ramp(raised.level_db, options.level_none_db, options.level_full_db)
            higher = ramp(raised.pitch, options.pitch_none, options.pitch_full)
            own = louder * (options.level_alone + (1.0 - options.level_alone) * higher)
        sound = max((s for s in self._sounds if self._near(s, phrase)), key=_weight, default=None)
        heard = ramp(_weight(sound), options.sound_none, options.sound_full) if sound is not None else 0.0
        strength = max(own, heard)
        if strength < phrase.strength + _NEWS:
            return None
        phrase.strength = strength
        text, by = phrase.text.rstrip("$"), own >= heard
        if by or sound is None:
            why = (
                f"'{text}' with the voice {raised.pitch:.0f} semitones and {raised.level_db:.0f} dB up"
                if raised
                else ""
            )
        else:
            why = f"'{text}' {_where(sound, phrase)}"
        return Hook(
            text=text,
            start_ns=phrase.start_ns,
            end_ns=phrase.end_ns,
            peak_ns=Ns((phrase.start_ns + phrase.end_ns) // 2),
            strength=strength,
            own=by,
            prob=phrase.prob,
            per_hour=max(phrase.per_hour, self._tail.per_hour(strength, phrase.seen_ns, observed_ns)),
            why=why,
            pitch=raised.pitch if raised else 0.0,
            level_db=raised.level_db if raised else 0.0,
            said=phrase.before,
        )

    def _near(self, sound: Event, phrase: _Said) -> bool:
        reach_ns = ns(self._options.reach_s)
        return sound.start_ns <= phrase.end_ns + reach_ns and phrase.start_ns <= sound.end_ns + reach_ns


def _weight(sound: Event | None) -> float:
    return min(sound.llr, 10.0) * sound.quality if sound is not None else 0.0


def _where(sound: Event, phrase: _Said) -> str:
    name = {"crowd": "the crowd", "loud": "a loud sound"}.get(sound.kind, f"the {sound.kind}")
    if sound.start_ns >= phrase.end_ns:
        return f"{(sound.start_ns - phrase.end_ns) / NS_PER_S:.1f} s before {name}"
    if sound.end_ns <= phrase.start_ns:
        return f"{(phrase.start_ns - sound.end_ns) / NS_PER_S:.1f} s after {name}"
    return f"during {name}"
