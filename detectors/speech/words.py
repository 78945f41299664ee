"""The words of the last minutes, in the order they were said, each with the token it is compared by. Pure.

Words may come late and out of order. What has been said up to `heard_ns` is known in full; later words may be missing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from core.times import Ns, ns
from core.words import Committed, Word, closes_sentence

_KEEP: Final = 2_000  # ten minutes of fast speech
_MAX_CHARS: Final = 40  # of a word that are read; text from outside is not trusted to be short
_HELD: Final = re.compile(r"(.)\1{2,}")
_CLAUSE_ENDS: Final = frozenset(",;:-–—")
_CACHED: Final = 4_096


@lru_cache(maxsize=_CACHED)
def token(text: str) -> str:
    """A word as it is compared: no case, accents, apostrophes or punctuation, held letters once ("gooo" is "go")."""
    plain = unicodedata.normalize("NFKD", text[:_MAX_CHARS].casefold())
    return _HELD.sub(r"\1", "".join(letter for letter in plain if letter.isalnum()))


@lru_cache(maxsize=_CACHED)
def laughs(word: str) -> bool:
    """Whether a token only writes a laugh down ("haha", "jaja", "he"): recognisers do so while people laugh."""
    return len(word) >= 2 and set(word) in ({"h", "a"}, {"h", "e"}, {"j", "a"}, {"j", "e"}, {"h", "i"}, {"k"})


def closes_clause(text: str) -> bool:
    """Whether a word's punctuation ends a clause or a sentence."""
    return text[-1:] in _CLAUSE_ENDS or closes_sentence(text)


class Transcript:
    """Words by time; what is handed in becomes visible with `settle`, so that the pieces it came in do not matter."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.tokens: list[str] = []
        self.starts: list[Ns] = []
        self.heard_ns = Ns(0)
        self._told = False
        self._incoming: list[Word] = []

    def take(self, commits: Sequence[Committed]) -> None:
        """Hold words for the next step."""
        for commit in commits:
            self._incoming.extend(word for word in commit.words if token(word.text))  # a lone "!" is no word

    def hear(self, t_ns: Ns) -> None:
        """All that was said before this time is known; nobody telling, that is what the newest word tells."""
        self._told = True
        self.heard_ns = Ns(max(self.heard_ns, t_ns))

    def settle(self) -> list[range]:
        """Put the held words in their places; the places changed, to be read again. A word known already is dropped."""
        if not self._incoming:
            return []
        incoming = sorted(self._incoming, key=lambda word: (word.start_ns, word.end_ns, word.text))
        self._incoming = []
        self._trim()
        touched: list[range] = []
        at, newest_ns = 0, self.starts[-1] if self.starts else -1
        while at < len(incoming) and incoming[at].start_ns <= newest_ns:
            self._insert(incoming[at], touched)
            at += 1
        first = len(self.words)
        for word in incoming[at:]:
            if word.start_ns > newest_ns:
                newest_ns = word.start_ns
                self.words.append(word)
                self.tokens.append(token(word.text))
                self.starts.append(newest_ns)
        if len(self.words) > first:
            touched.append(range(first, len(self.words)))
        if not self._told:
            self.heard_ns = Ns(max(self.heard_ns, self.words[-1].end_ns))
        return touched

    def _insert(self, word: Word, touched: list[range]) -> None:
        """A word that comes later than one said after it. Places ascend, so none noted before moves."""
        place = bisect_left(self.starts, word.start_ns)
        if self.starts[place] != word.start_ns:
            self.words.insert(place, word)
            self.tokens.insert(place, token(word.text))
            self.starts.insert(place, word.start_ns)
            touched.append(range(place, place + 1))

    def place(self, t_ns: int) -> int:
        """The first word that starts at or after a time."""
        return bisect_left(self.starts, t_ns)

    def joined(self, first: int, pause_ns: int) -> bool:
        """Whether a word and the next follow each other in one epoch."""
        one, other = self.words[first], self.words[first + 1]
        return other.start_ns - one.end_ns < pause_ns and one.epoch == other.epoch

    def ends_after(self, place: int, pause_ns: int) -> bool | None:
        """Whether what is said ends with this word; None while that is not known."""
        if closes_clause(self.words[place].text):
            return True
        if place + 1 < len(self.words) and self.joined(place, pause_ns):
            return False
        return True if self.heard_ns >= self.words[place].end_ns + pause_ns else None

    def line_before(self, place: int, *, longest_ns: Ns, pause_ns: Ns = ns(0.8)) -> range:
        """The sentence that ends before `place`, as places; cut to the newest `longest_ns`."""
        first = end = place
        while first > 0 and self.words[end - 1].end_ns - self.words[first - 1].start_ns <= longest_ns:
            if first < end and (self.words[first - 1].ends_sentence or not self.joined(first - 1, pause_ns)):
                break
            first -= 1
        return range(first, end)

    def _trim(self) -> None:
        if len(self.words) > 2 * _KEEP:
            old = len(self.words) - _KEEP
            del self.words[:old], self.tokens[:old], self.starts[:old]
