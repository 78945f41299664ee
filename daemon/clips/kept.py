"""From media time to a clip's own time, over ranges that were left out. Pure.

`kept` are ranges of media time in order; a clip shows them one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core.times import Ns
from core.words import Word
from daemon.clips.captions import spoken, words_json

Kept = Sequence[tuple[Ns, Ns]]


def length_of(kept: Kept) -> Ns:
    """How long the clip is."""
    return Ns(sum(end_ns - start_ns for start_ns, end_ns in kept))


def in_clip(t_ns: Ns | None, kept: Kept) -> Ns:
    """A media time counted from the clip's first frame; the clip's middle where it has no such time."""
    for at_ns, start_ns, end_ns in _placed(kept):
        if t_ns is not None and start_ns <= t_ns < end_ns:
            return Ns(at_ns + t_ns - start_ns)
    return Ns(length_of(kept) // 2)


def clip_words(words: Iterable[Word], kept: Kept) -> list[dict[str, Any]]:
    """Words as in clip.json; those in a range that was left out are gone."""
    said = list(words)
    parts = (words_json(spoken(said, start, end), Ns(start - at)) for at, start, end in _placed(kept))
    return [word for part in parts for word in part]


def _placed(kept: Kept) -> Iterator[tuple[int, Ns, Ns]]:
    """Each range with the clip's time at which it begins."""
    at_ns = 0
    for start_ns, end_ns in kept:
        yield at_ns, start_ns, end_ns
        at_ns += end_ns - start_ns
