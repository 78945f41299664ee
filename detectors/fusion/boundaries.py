"""Where a clip of a moment starts and ends. Pure.

The start moves to where a sentence begins, else to a pause, else to a scene cut, within a few seconds and rather
earlier than later. The end of a live moment lies in the future when it is decided: it moves to a sentence's end or a
pause when these become known. Neither ever lies inside a word that is known. Where a word may have been missed the
sound decides: it keeps up while somebody speaks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from core.media import Epoch
from core.times import FOREVER_NS, Ns, ns
from core.words import Word, sentences
from detectors.audio.detector import Silence
from detectors.fusion.breaths import FADE_NS, MARGIN_NS, REACH_NS, Breaths, Gap, into, lasts
from detectors.options import ClipLengths

_LEAD_NS: Final = 100_000_000  # of a pause kept before the next sound, so that no onset is clipped
_ROOM_NS: Final = 350_000_000  # before and after a sentence, where there is room: a word next to it may be missed
_MISSED_NS: Final = 600_000_000  # a word or two that were not recognised
_HOLDS_WORD_NS: Final = 150_000_000  # a gap that may hold one: the shortest words take a tenth of a second
_BREATH_NS: Final = 300_000_000  # a gap to cut in without looking further
_KEEP_EPOCHS: Final = 50
_KEEP_WORDS: Final = 2_000  # ten minutes of fast speech


class Snapper:
    """Words, pauses, scene cuts and epochs of the last minutes."""

    def __init__(self, snap_s: float, breaths: Breaths | None = None) -> None:
        """`breaths`: what the sound says; the words have to do without."""
        self._snap_ns = ns(snap_s)
        self._breaths = breaths
        self._cuts: deque[Ns] = deque(maxlen=500)
        self._epochs: deque[Ns] = deque(maxlen=_KEEP_EPOCHS)
        self._words: list[Word] = []  # by their starts ...
        self._starts: list[Ns] = []  # ... which are these

    def cut(self, t_ns: Ns) -> None:
        """A new scene starts here."""
        self._cuts.append(t_ns)

    def words(self, words: Sequence[Word]) -> None:
        """Words that became final; those of skipped speech come later than what was said after them."""
        for word in words if self._breaths is None else map(self._breaths.trimmed, words):
            place = bisect_right(self._starts, word.start_ns)
            self._words.insert(place, word)
            self._starts.insert(place, word.start_ns)
        old = max(0, len(self._words) - _KEEP_WORDS)
        del self._words[:old], self._starts[:old]

    def epoch(self, epoch: Epoch) -> None:
        """Timestamps start anew here; a clip stays inside one epoch."""
        self._epochs.append(epoch.start_ns)

    def epoch_bounds(self, t_ns: Ns) -> tuple[Ns, Ns | None]:
        """Start of the epoch around a time, and of the one after it."""
        starts = sorted(self._epochs)
        place = bisect_right(starts, t_ns)
        start_ns = starts[place - 1] if place else Ns(0)
        return start_ns, starts[place] if place < len(starts) else None

    def start(self, wanted_ns: Ns, latest_ns: Ns, silences: Iterable[Silence]) -> Ns:
        """A place to start near `wanted_ns`, not after `latest_ns`: at a sentence, a pause, a cut, else as wanted."""
        said = self._sentences(Ns(wanted_ns - self._snap_ns), latest_ns)
        silences = list(silences)
        begins = (self._heard(self._heard_in(self._lead(sentence[0]), silences), -1) for sentence in said)
        pauses = (self.before_word(_into(silence)) for silence in silences)
        for places in (begins, pauses, map(self.before_word, self._cuts)):  # the next only where one has none
            near = [t for t in places if abs(t - wanted_ns) <= self._snap_ns and t <= latest_ns]
            if near:
                earlier = [t for t in near if t <= wanted_ns]
                return Ns(max(max(earlier) if earlier else min(near), 0))
        return self.before_word(Ns(max(wanted_ns, 0)))

    def end(self, wanted_ns: Ns, known_ns: Ns, silences: Iterable[Silence]) -> Ns:
        """The end of the sentence that is being said at `wanted_ns`, or the first pause after it, within reach.

        A pause counts when all within reach has been heard (`known_ns`), a sentence when the words around are known.
        """
        reach_ns = Ns(wanted_ns + self._snap_ns)
        for sentence in self._sentences(Ns(wanted_ns - self._snap_ns), reach_ns):
            if sentence[0].start_ns < wanted_ns < sentence[-1].end_ns <= reach_ns:
                return self._heard(self._heard_out(self._tail(sentence[-1]), silences), 1)
        if known_ns >= reach_ns:
            pauses = [s for s in silences if s.start_ns <= reach_ns and s.end_ns >= wanted_ns]
            later = [max(s.start_ns, wanted_ns) for s in pauses]
            return self.after_word(min(later)) if later else self.after_word(wanted_ns)
        return self.after_word(wanted_ns)

    def before_word(self, t_ns: Ns) -> Ns:
        """The last breath between known words at or before `t_ns`."""
        return self._breath(t_ns, -1)

    def after_word(self, t_ns: Ns) -> Ns:
        """The first breath between known words at or after `t_ns`."""
        return self._breath(t_ns, 1)

    def clear(self, t_ns: Ns) -> Ns:
        """That time, or what comes after the known word it lies in."""
        place = bisect_right(self._starts, t_ns)
        return self.after_word(t_ns) if self._gap(place)[0] > t_ns else t_ns

    def _heard(self, t_ns: Ns, step: int) -> Ns:
        """`t_ns`, or a breath near it when somebody may be heard to speak there."""
        if self._breaths is None or not self._breaths.knows(t_ns) or self._breaths.at(t_ns):
            return t_ns
        return self._breath(t_ns, step)

    def _breath(self, t_ns: Ns, step: int) -> Ns:
        """`t_ns` moved into the nearest gap that is wide enough, else into the widest within reach."""
        place = bisect_right(self._starts, t_ns)
        inside = place > 0 and self._gap(place)[0] > t_ns
        place -= inside and step < 0
        best, widest = t_ns, -1
        while 0 <= place <= len(self._words):
            at_ns, width_ns = self._between(t_ns, self._gap(place), step)
            if widest >= 0 and abs(at_ns - t_ns) > REACH_NS:
                break
            if width_ns > widest:
                best, widest = at_ns, width_ns
            if widest >= _BREATH_NS:
                break
            place += step
        return best

    def _between(self, t_ns: Ns, gap: Gap, step: int) -> tuple[Ns, int]:
        """Where between two words to cut, and how wide the breath there is.

        A gap that may hold a word that was missed is as wide as what the sound leaves of it. Far from every word
        nobody was heard, and loud sound is something else.
        """
        start_ns, end_ns = gap
        at_ns, width_ns = into(gap, t_ns), end_ns - start_ns
        alone = min(at_ns - start_ns, end_ns - at_ns) > _MISSED_NS
        if alone or width_ns < _HOLDS_WORD_NS or self._breaths is None or not self._breaths.knows(at_ns):
            return at_ns, width_ns
        reach = max(start_ns, Ns(at_ns - REACH_NS)), min(end_ns, Ns(at_ns + REACH_NS))
        found = self._breaths.near(t_ns, reach, step)
        if found is None:
            return at_ns, 0
        return into(found, t_ns, FADE_NS), _BREATH_NS if lasts(found) else found[1] - found[0]

    def _gap(self, place: int) -> Gap:
        """What lies between the words before a place and the one at it; two people may talk at once."""
        ends = [word.end_ns for word in self._words[max(place - 2, 0) : place]]
        start_ns = max(ends) if ends else Ns(-FOREVER_NS)
        return start_ns, self._words[place].start_ns if place < len(self._words) else FOREVER_NS

    def _lead(self, word: Word) -> Ns:
        """A little before a word, but behind the one before it, or at a breath before that if there is no room."""
        start_ns, _ = self._gap(bisect_right(self._starts, word.start_ns) - 1)
        if word.start_ns - start_ns < 2 * MARGIN_NS:
            return self.before_word(word.start_ns)
        return Ns(max(word.start_ns - _ROOM_NS, min((start_ns + word.start_ns) // 2, word.start_ns)))

    def _tail(self, word: Word) -> Ns:
        """A little behind a word, but before the next one, or at a breath behind that when there is hardly room.

        The word's end while no next one is known.
        """
        place = bisect_right(self._starts, word.start_ns)
        if place == len(self._words):
            return word.end_ns
        _, next_ns = self._gap(place)
        if next_ns - word.end_ns < 2 * MARGIN_NS:
            return self.after_word(word.end_ns)
        return Ns(min(word.end_ns + _ROOM_NS, max((word.end_ns + next_ns) // 2, word.end_ns)))

    def _heard_out(self, t_ns: Ns, silences: Iterable[Silence]) -> Ns:
        """A little later when a pause begins then: recognisers miss words, and this may be in the middle of one."""
        soon = [s.start_ns for s in silences if s.end_ns > t_ns and s.start_ns <= t_ns + _MISSED_NS]
        return self.after_word(Ns(max(min(soon), t_ns))) if soon else t_ns

    def _heard_in(self, t_ns: Ns, silences: Iterable[Silence]) -> Ns:
        """A little earlier when a pause ends there: the sentence may begin with words that were not recognised."""
        before = [_into(s) for s in silences if s.start_ns < t_ns and s.end_ns >= t_ns - _MISSED_NS]
        return self.before_word(Ns(min(before[-1], t_ns))) if before else t_ns

    def _sentences(self, start_ns: Ns, end_ns: Ns) -> list[tuple[Word, ...]]:
        """Those that touch a span, whole as far as they are known."""
        first = bisect_right(self._starts, start_ns)
        while first > 0 and not self._words[first - 1].ends_sentence:
            first -= 1
        last = bisect_right(self._starts, end_ns)
        while last < len(self._words) and not self._words[last - 1].ends_sentence:
            last += 1
        return sentences(self._words[first:last])


def _into(silence: Silence) -> Ns:
    """Where a clip starts in a pause."""
    return Ns(max(silence.end_ns - _LEAD_NS, silence.start_ns))


def fit(start_ns: Ns, end_ns: Ns, anchor_ns: Ns, clip: ClipLengths) -> tuple[Ns, Ns]:
    """Bring a span to the profile's lengths: too long loses run-up first, then its end; too short starts earlier."""
    longest, shortest = ns(clip.max_s), ns(clip.min_s)
    if end_ns - start_ns > longest:
        start_ns = Ns(max(start_ns, min(end_ns - longest, anchor_ns - ns(clip.pre_s))))
        end_ns = Ns(min(end_ns, start_ns + longest))
    if end_ns - start_ns < shortest:
        start_ns = Ns(max(end_ns - shortest, 0))
        end_ns = Ns(max(end_ns, start_ns + shortest))
    return start_ns, end_ns


def overlap(a: tuple[Ns, Ns], b: tuple[Ns, Ns]) -> float:
    """Intersection over union of two spans."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return max(shared, 0) / max(max(a[1], b[1]) - min(a[0], b[0]), 1)
