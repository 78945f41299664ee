"""Which candidate found which true moment (detection.md section 5, "Matching"). Pure.

One-to-one, by falling score, so that the matching of the best k is the beginning of the matching of all: a threshold
can be swept without matching again. Whatever finds a moment that another has found is false. Moments and candidates
about which the truth is unsure are ignored both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from core.times import Ns, ns
from daemon.evaluation.candidates import Candidate
from daemon.evaluation.truth import Span, TrueNegative, Truth

Fate = Literal["hit", "duplicate", "false", "ignored"]
Cost = tuple[float, ...]
NEGATIVE_BEFORE_NS: Final = ns(10)  # a false clip this early before a hard negative, ...
NEGATIVE_AFTER_NS: Final = ns(20)  # ... or this late after it, is that negative's: an anchor is moved back by a lag


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate and what became of it; `truth` is the place in `truth.moments` of what it hit, or hit again."""

    candidate: Candidate
    fate: Fate
    truth: int | None = None


def by_anchor(candidates: Iterable[Candidate], truth: Truth, tolerance_ns: Ns) -> list[Match]:
    """Hit: the anchor lies in [start - tolerance, end + tolerance]. Of several moments it finds the nearest."""

    def cost(candidate: Candidate, span: Span) -> Cost | None:
        off_ns = max(span[0] - candidate.anchor_ns, candidate.anchor_ns - span[1], 0)
        return (off_ns, abs(candidate.anchor_ns - span[0])) if off_ns <= tolerance_ns else None

    return _match(candidates, truth, [(m.start_ns, m.end_ns) for m in truth.moments], cost)


def by_overlap(candidates: Iterable[Candidate], truth: Truth, least: float, pre_ns: Ns, post_ns: Ns) -> list[Match]:
    """Hit: intersection over union of the clip and the moment, with the profile's run-up and post-roll, >= `least`."""

    def cost(candidate: Candidate, span: Span) -> Cost | None:
        iou = overlap((candidate.start_ns, candidate.end_ns), span)
        return (-iou,) if iou >= least else None

    wide: list[Span] = [(Ns(m.start_ns - pre_ns), Ns(m.end_ns + post_ns)) for m in truth.moments]
    return _match(candidates, truth, wide, cost)


def overlap(a: Span, b: Span) -> float:
    """Intersection over union."""
    both = min(a[1], b[1]) - max(a[0], b[0])
    return max(both, 0) / max(max(a[1], b[1]) - min(a[0], b[0]), 1)


def sure(truth: Truth) -> list[bool]:
    """For each moment, whether it touches no unsure span."""
    return [all(m.end_ns <= a or b <= m.start_ns for a, b in truth.unsure) for m in truth.moments]


def negative_of(anchor_ns: Ns, truth: Truth) -> TrueNegative | None:
    """The hard negative that a false clip belongs to, the nearest of several; None for one without a cause."""
    near = [
        (max(n.start_ns - anchor_ns, anchor_ns - n.end_ns, 0), n.start_ns, place)
        for place, n in enumerate(truth.negatives)
        if n.start_ns - NEGATIVE_BEFORE_NS <= anchor_ns <= n.end_ns + NEGATIVE_AFTER_NS
    ]
    return truth.negatives[min(near)[2]] if near else None


def _match(
    candidates: Iterable[Candidate],
    truth: Truth,
    spans: list[Span],
    cost: Callable[[Candidate, Span], Cost | None],
) -> list[Match]:
    known = sure(truth)
    unsure = [*truth.unsure, *(span for span, yes in zip(spans, known, strict=True) if not yes)]
    free = {place for place, yes in enumerate(known) if yes}
    out: list[Match] = []
    for candidate in sorted(candidates, key=lambda c: (-c.score, c.anchor_ns)):
        costs = [(cost(candidate, span), place) for place, span in enumerate(spans) if known[place]]
        found = sorted((value, place) for value, place in costs if value is not None)
        best = next((place for _, place in found if place in free), None)
        if best is not None:
            free.discard(best)
            out.append(Match(candidate, "hit", best))
        elif any(cost(candidate, span) is not None or _inside(candidate, span) for span in unsure):
            out.append(Match(candidate, "ignored"))
        elif found:
            out.append(Match(candidate, "duplicate", found[0][1]))
        else:
            out.append(Match(candidate, "false"))
    return out


def _inside(candidate: Candidate, span: Span) -> bool:
    """A long stretch that nobody is sure about overlaps little of itself with a clip in it."""
    return span[0] <= candidate.anchor_ns <= span[1]
