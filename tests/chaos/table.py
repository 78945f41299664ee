"""Rows of the reliability table: what was done how often, what is asked for, what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """`id` is the row of reliability.md section 5; `facts` are samples and counts beside the value."""

    id: str
    what: str
    volume: str
    target: str
    value: str
    passed: bool | None  # None: not run, `value` says why
    facts: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """For the results."""
        return asdict(self)


def p99(samples: Sequence[float]) -> float:
    """The smallest sample that 99 % do not exceed: of few samples the longest one."""
    return sorted(samples)[math.ceil(0.99 * len(samples)) - 1]


def p95(samples: Sequence[float]) -> float:
    """The same for 95 %."""
    return sorted(samples)[math.ceil(0.95 * len(samples)) - 1]


def rounded(samples: Sequence[float]) -> list[float]:
    """For people."""
    return [round(sample, 2) for sample in samples]
