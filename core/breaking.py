"""Cutting a run of things (words, mostly) into parts of the least cost: subtitles, captions, lines. Pure."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise


def best_parts(
    count: int, fits: Callable[[int, int], bool], cost: Callable[[int, int], float]
) -> list[tuple[int, int]]:
    """`range(count)` in parts [first, end) whose costs add up to the least.

    `fits(first, end)` says whether a part may be; one more thing never makes a part fit that did not. A part of one
    always may. Of equal sums the one whose last part begins first is taken, so the answer depends on nothing else.
    """
    best: list[tuple[float, int]] = [(0.0, 0)]  # of the first N things: the cost, and where their last part begins
    for end in range(1, count + 1):
        options = []
        for first in range(end - 1, -1, -1):
            if first < end - 1 and not fits(first, end):
                break
            options.append((best[first][0] + cost(first, end), first))
        best.append(min(options))
    cuts = [count]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    return list(pairwise(reversed(cuts)))
