"""How far an answer may move a score: in logits, so that a bound means the same near 0.5 and near 1. Pure."""

from __future__ import annotations

import math
from typing import Final

_EDGE: Final = 1e-4  # of a probability: further out a logit says nothing


def logit(p: float) -> float:
    """Of a probability, held off 0 and 1."""
    held = min(max(p, _EDGE), 1.0 - _EDGE)
    return math.log(held / (1.0 - held))


def sigmoid(x: float) -> float:
    """The probability of a logit."""
    return 1.0 / (1.0 + math.exp(-x))


def moved(p: float, shift: float) -> float:
    """`p` with its logit moved; one that is not moved stays what it is."""
    return sigmoid(logit(p) + shift) if shift else p


def held(p: float, bound: float, wanted: float) -> float:
    """What is wanted in place of `p`, no further from it than `bound` logits."""
    return moved(p, max(-bound, min(bound, logit(wanted) - logit(p))))
