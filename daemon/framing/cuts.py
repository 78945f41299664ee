"""Scene cuts from thumbs of decoded frames: pure. Where frames were left out between two, the caller looks closer.

A cut changes where things are and mostly how much of each grey there is, and much more than the frames around it do; so
neither a pan, nor an explosion, nor a game's own motion counts. A flash comes back to what was there and counts not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from core.times import NS_PER_S, Ns
from daemon.framing.footage import Thumb

# Chosen on the tuning family of tests/synthetic_streams/faces.py and on the cuts of one real clip (bikes).
MIN_CHANGE: Final = 9.0  # mean difference of grey, of 255
MIN_TINTS: Final = 0.16  # half the L1 distance of the histograms, 0 to 1
SURE_CHANGE: Final = 28.0  # with this much the histograms may agree: two corners of one room
OBVIOUS: Final = 42.0  # whatever the neighbours do
RATIO: Final = 3.0  # to the median change of its neighbours
NEIGHBOURS_NS: Final = NS_PER_S // 2
FLASH_NS: Final = 3 * NS_PER_S // 10
_BINS: Final = 32


class Seen(NamedTuple):
    """A decoded frame, seen small."""

    t_ns: Ns
    thumb: Thumb


class Change(NamedTuple):
    """From one decoded frame to the next one at `t_ns`: mean difference of grey and distance of histograms."""

    t_ns: Ns
    grey: float
    tints: float


def change(one: Thumb, two: Thumb, t_ns: Ns) -> Change:
    """Thumbs of two sizes have nothing in common: that is a cut."""
    if one.shape != two.shape:
        return Change(t_ns, 255.0, 1.0)
    grey = float(np.abs(one.astype(np.int16) - two).mean())
    histograms = [np.bincount(thumb.ravel() >> 3, minlength=_BINS) for thumb in (one, two)]
    return Change(t_ns, grey, float(np.abs(histograms[0] - histograms[1]).sum()) / (2 * one.size))


def looks_cut(step: Change, neighbours: Sequence[Change]) -> bool:
    """Whether the change is a cut among its neighbours' changes."""
    if step.grey < MIN_CHANGE or (step.tints < MIN_TINTS and step.grey < SURE_CHANGE):
        return False
    usual = float(np.median([other.grey for other in neighbours])) if neighbours else 0.0
    return step.grey > RATIO * usual or (step.grey > OBVIOUS and step.tints >= MIN_TINTS)


def find_cuts(seen: Sequence[Seen]) -> list[tuple[Seen, Seen]]:
    """Pairs of decoded frames that a cut lies between, in order."""
    steps = [change(one.thumb, two.thumb, two.t_ns) for one, two in pairwise(seen)]
    found = [
        (seen[number], seen[number + 1])
        for number, step in enumerate(steps)
        if step.grey >= MIN_CHANGE and looks_cut(step, _neighbours(steps, number))
    ]
    return _without_flashes(found)


def _neighbours(steps: Sequence[Change], number: int) -> list[Change]:
    t_ns = steps[number].t_ns
    around = steps[max(0, number - 30) : number + 31]
    return [step for step in around if 0 < abs(step.t_ns - t_ns) <= NEIGHBOURS_NS]


def _without_flashes(cuts: Sequence[tuple[Seen, Seen]]) -> list[tuple[Seen, Seen]]:
    kept: list[tuple[Seen, Seen]] = []
    for cut in cuts:
        if kept and cut[1].t_ns - kept[-1][1].t_ns <= FLASH_NS:
            there_and_back = change(kept[-1][0].thumb, cut[1].thumb, cut[1].t_ns)
            if there_and_back.grey < MIN_CHANGE or there_and_back.tints < MIN_TINTS:
                kept.pop()
                continue
        kept.append(cut)
    return kept
