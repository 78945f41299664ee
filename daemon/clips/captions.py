"""Subtitles from words: which words a clip holds, cues that can be read, and the texts of .srt and .vtt. Pure.

Sizes follow Netflix's Timed Text Style Guide (two lines of 42 characters, 5/6 s to 7 s), breaks the BBC's Subtitle
Guidelines (single sentences, broken at natural points). How fast a viewer has to read is the speaker's doing.
"""

from __future__ import annotations

import html
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise, zip_longest
from typing import Any, Final

from core.breaking import best_parts
from core.lines import word_fields
from core.times import Ns, clock_text, ns
from core.words import Word, one_line, sentences, text_of

PAUSE_NS: Final = ns(0.5)
MIN_NS: Final = ns(0.7)
MAX_NS: Final = ns(6.0)
LINE: Final = 42  # columns; a wide letter (Chinese, Japanese, Korean) takes two
_CLAUSE_PAUSE_NS: Final = ns(0.2)
_CLAUSE_ENDS: Final = tuple(",;:.?!…，、；：。？！")
_BROKEN_CLAUSE: Final = 0.15  # what a break inside a clause costs, in squares of a cue's free room
_SRT_HAS_NO_ESCAPES: Final = str.maketrans("<>{}", "‹›()")  # players take these for markup and for the arrow


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One subtitle, counted from the clip's first frame."""

    start_ns: Ns
    end_ns: Ns
    lines: tuple[str, ...]


def spoken(words: Iterable[Word], start_ns: Ns, end_ns: Ns) -> list[Word]:
    """The words of a span in order, cut to it; one with less than half of its time inside is left out."""
    found = []
    for word in sorted(words, key=lambda word: word.start_ns):
        first_ns, last_ns = max(word.start_ns, start_ns), min(word.end_ns, end_ns)
        if last_ns > first_ns and 2 * (last_ns - first_ns) >= word.end_ns - word.start_ns:
            found.append(replace(word, start_ns=first_ns, end_ns=last_ns))
    return found


def cues(words: Sequence[Word], start_ns: Ns, end_ns: Ns) -> list[Cue]:
    """Subtitles of a span, none over another: at most two lines and 6 s, at least 0.7 s where there is room.

    They end with sentences and at pauses. A word longer than a line is cut short with an ellipsis.
    """
    inside = spoken(words, start_ns, end_ns)
    shown = [replace(word, text=_fitted(text)) for word in inside if (text := one_line(word.text))]
    parts = [part for sentence in sentences(shown, PAUSE_NS) for part in _cut(sentence)]
    return _timed(_joined(parts), start_ns, end_ns)


def srt(found: Sequence[Cue]) -> str:
    """SubRip. It has no escapes, so what players would take for markup is shown by letters that look alike."""
    return "\n".join(
        f"{number}\n{_span(cue, ',')}\n{_text(cue).translate(_SRT_HAS_NO_ESCAPES)}\n"
        for number, cue in enumerate(found, 1)
    )


def vtt(found: Sequence[Cue]) -> str:
    """WebVTT."""
    return "WEBVTT\n" + "".join(f"\n{_span(cue, '.')}\n{html.escape(_text(cue), quote=False)}\n" for cue in found)


def caption_texts(words: Sequence[Word], length_ns: Ns) -> dict[str, str]:
    """Both texts of a clip by kind, its words counted from its first frame; none when there is nothing to show."""
    found = cues(words, Ns(0), length_ns)
    return {"srt": srt(found), "vtt": vtt(found)} if found else {}


def words_json(words: Iterable[Word], start_ns: Ns) -> list[dict[str, Any]]:
    """Words as in clip.json: seconds from the clip's first frame."""
    return [word_fields(word, start_ns) for word in words]


def words_of(document: Iterable[Mapping[str, Any]]) -> list[Word]:
    """What words_json wrote, as far as captions need it. Raises what a document of other contents makes it raise."""
    return [
        Word(
            text=str(word["text"]),
            start_ns=ns(word["start_s"]),
            end_ns=ns(word["end_s"]),
            prob=float(word["prob"]),
            vad=1.0,
            epoch=0,
        )
        for word in document
    ]


def _columns(text: str) -> int:
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def _fitted(text: str) -> str:
    if _columns(text) <= LINE:
        return text
    return text[: sum(end < LINE for end in accumulate(_columns(letter) for letter in text))] + "…"


class _Ruler:
    """Measures stretches of a run of words by where each word stands when all are on one line."""

    def __init__(self, run: Sequence[Word]) -> None:
        self._run = run
        self._left, self._right = [0], [_columns(run[0].text)]
        for before, word in pairwise(run):
            both = _columns(text_of((before, word)))
            self._left.append(self._right[-1] + both - _columns(before.text) - _columns(word.text))
            self._right.append(self._left[-1] + _columns(word.text))

    def columns(self, first: int, end: int) -> int:
        """Of one line with the words from `first` to before `end`."""
        return self._right[end - 1] - self._left[first]

    def breaks(self, first: int, end: int) -> list[int]:
        """Where the second line may begin."""
        return [at for at in range(first + 1, end) if self.columns(first, at) <= LINE and self.columns(at, end) <= LINE]

    def fits(self, first: int, end: int) -> bool:
        """Whether the words are one cue: two lines and 6 s."""
        if self._run[end - 1].end_ns - self._run[first].start_ns > MAX_NS:
            return False
        second = bisect_right(self._right, self._left[first] + LINE)
        return second >= end or self.columns(second, end) <= LINE

    def breaks_clause(self, at: int) -> float:
        """What it costs to break before a word: nothing after a comma, at a pause and at the end."""
        if at == len(self._run) or self._run[at - 1].text.endswith(_CLAUSE_ENDS):
            return 0.0
        return _BROKEN_CLAUSE * (self._run[at].start_ns - self._run[at - 1].end_ns < _CLAUSE_PAUSE_NS)


def _cut(sentence: Sequence[Word]) -> list[tuple[Word, ...]]:
    """A sentence in as many cues as it needs, rather cut between clauses: the least squares of their free room."""
    ruler = _Ruler(sentence)

    def cost(first: int, end: int) -> float:
        free = 1 - ruler.columns(first, end) / (2 * LINE)
        return free * free + ruler.breaks_clause(end)

    return [tuple(sentence[first:end]) for first, end in best_parts(len(sentence), ruler.fits, cost)]


def _joined(parts: Sequence[tuple[Word, ...]]) -> list[tuple[Word, ...]]:
    """Cues too short to be seen, such as `Go! Go! Go!`, with what follows, as far as that fits."""
    joined: list[tuple[Word, ...]] = []
    for part in parts:
        both = (*joined[-1], *part) if joined else part
        if joined and part[0].start_ns - both[0].start_ns < MIN_NS and _Ruler(both).fits(0, len(both)):
            joined[-1] = both
        else:
            joined.append(part)
    return joined


def _timed(parts: Sequence[tuple[Word, ...]], start_ns: Ns, end_ns: Ns) -> list[Cue]:
    found = []
    for part, following in zip_longest(parts, parts[1:]):
        first_ns, said_ns = part[0].start_ns, max(word.end_ns for word in part)
        room_ns = following[0].start_ns if following else end_ns
        last_ns = min(max(said_ns, first_ns + MIN_NS), first_ns + MAX_NS, room_ns)
        found.append(Cue(start_ns=Ns(first_ns - start_ns), end_ns=Ns(last_ns - start_ns), lines=_lines(part)))
    return found


def _lines(part: Sequence[Word]) -> tuple[str, ...]:
    """One line, or two of like length, rather broken between clauses."""
    ruler, count = _Ruler(part), len(part)
    if ruler.columns(0, count) <= LINE:
        return (text_of(part),)
    at = min(
        ruler.breaks(0, count),
        key=lambda at: abs(ruler.columns(0, at) - ruler.columns(at, count)) / LINE + ruler.breaks_clause(at),
    )
    return (text_of(part[:at]), text_of(part[at:]))


def _span(cue: Cue, point: str) -> str:
    return " --> ".join(f"{clock_text(t_ns):0>12}".replace(".", point) for t_ns in (cue.start_ns, cue.end_ns))


def _text(cue: Cue) -> str:
    return "\n".join(cue.lines)
