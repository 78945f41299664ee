"""The rank of a clip without a model, from what was measured and from nothing else. Pure.

virality: the fused probability. hook: how soon the first word or the anchor comes. emotion: how strongly sound and chat
reacted. topic: how much the words weighed. completeness: whether it begins and ends between sentences. visual: picture
and game events. A signal that a stream does not have counts as 0: nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from core.times import NS_PER_S, Ns
from core.words import Word, sentences, text_of
from daemon.ranking.texts import DESCRIPTION, REASON, REASONS, hashtags, shown, shown_all
from daemon.ranking.values import Rank

_LATE_S: Final = 10.0  # a clip in which nothing happens for so long has no hook
_WORD_NS: Final = NS_PER_S // 10  # a word's times are no better


def heuristic_rank(
    *,
    why: str,
    p: float,
    bar: float,
    title: str,
    start_ns: Ns,
    end_ns: Ns,
    anchor_ns: Ns,
    parts: Mapping[str, float],
    reasons: Sequence[str],
    kinds: Sequence[str],
    words: Sequence[Word],
) -> Rank:
    """`kinds`: those of its events, the strongest first; `words`: all that overlap the clip."""
    inside = [word for word in words if word.end_ns > start_ns and word.start_ns < end_ns]
    first_ns = min([anchor_ns, *(word.start_ns for word in inside)])
    return Rank(
        state="heuristic",
        why=why,
        virality=round(100 * p),
        hook=round(100 * max(0.0, 1.0 - max(0, first_ns - start_ns) / NS_PER_S / _LATE_S)),
        emotion=_strength(parts, "audio", "chat"),
        topic=_strength(parts, "speech", "command"),
        visual=_strength(parts, "vision", "game"),
        completeness=_completeness(start_ns, end_ns, inside),
        reasons=shown_all(reasons, REASON, REASONS),
        title=title,
        description=shown(text_of(inside), DESCRIPTION),
        hashtags=hashtags(kind.replace("_", "") for kind in dict.fromkeys(kinds)),
        p=p,
        bar=bar,
        score=p,
    )


def _strength(parts: Mapping[str, float], *which: str) -> int:
    """2 logits, a strong family, are 63 of 100."""
    logits = sum(parts.get(part, 0.0) for part in which)
    return round(100 * (1.0 - math.exp(-max(0.0, logits) / 2)))


def _completeness(start_ns: Ns, end_ns: Ns, words: Sequence[Word]) -> int:
    """Each end that cuts a word costs half, each that cuts a sentence a quarter; where nobody speaks nothing is cut."""
    if not words:
        return 100
    lost = 50 * (words[0].start_ns < start_ns - _WORD_NS) + 50 * (words[-1].end_ns > end_ns + _WORD_NS)
    if not lost and not sentences(words)[-1][-1].ends_sentence:
        lost = 25
    return 100 - lost
