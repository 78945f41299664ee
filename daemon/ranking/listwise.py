"""Two orders of the same candidates, asked for with the list turned round, made into one. Pure.

Models favour what stands first (or last) in a list. A candidate that is placed by its place in the question gets places
that cancel each other; one that is placed by what it is gets the same place twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.ids import ClipId


@dataclass(frozen=True, slots=True)
class Standing:
    """`place` from -1 (last) to 1 (first), the mean of both; `agreement` from 0 (opposite ends) to 1 (the same)."""

    place: float
    agreement: float


def standings(first: Sequence[ClipId], second: Sequence[ClipId]) -> dict[ClipId, Standing]:
    """Both lists name the same candidates, best first. One that is alone stands nowhere."""
    last = len(first) - 1
    if last < 1:
        return {clip: Standing(0.0, 1.0) for clip in first}
    found = {}
    for at, clip in enumerate(first):
        other = second.index(clip)
        found[clip] = Standing(1.0 - (at + other) / last, 1.0 - abs(at - other) / last)
    return found
