"""Which order agreed with what people said of the clips: detection's, the published one, or the shadow's. Pure.

A pair is one clip that was kept and one that was rejected, of one session; an order agrees where it puts the kept one
higher, half where it puts both level. The share of such pairs is the AUC within sessions: 0.5 is a coin. Only pairs in
which a model had a say count, and detection is measured on the very same ones, so that both columns can be compared.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from core.errors import UsageError
from daemon.evaluation.resampling import Estimate, draws, estimate, ratio

ENOUGH: Final = 30  # pairs; with fewer nothing is claimed
_VERDICTS: Final = {"approved": True, "rejected": False}
_MAX_LINE: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A clip that somebody kept or rejected. `score` is None where the system had no say in it."""

    session: str
    kept: bool
    p: float
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of one system on its pairs. `gain` is its share less that of detection; intervals are over sessions."""

    system: str
    kept: int
    rejected: int
    sessions: int
    pairs: int
    agreed: Estimate
    heuristic: Estimate
    gain: Estimate

    @property
    def verdict(self) -> str:
        """In words, and no stronger than the numbers."""
        if self.pairs < ENOUGH:
            return f"too few pairs to tell ({self.pairs} of {ENOUGH})"
        if self.gain.low is None or self.gain.high is None:
            return "one session: no interval, so nothing is claimed"
        if self.gain.low > 0:
            return "agrees more than detection"
        return "agrees less than detection" if self.gain.high < 0 else "no difference shown"


def verdicts_of(lines: Iterable[str]) -> dict[str, bool]:
    """From JSON lines {clip, review}; the last word on a clip counts, and `none` takes one back. Raises UsageError."""
    found: dict[str, bool] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line[:_MAX_LINE])
            clip, review = str(said["clip"]), str(said["review"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _bad(number) from None
        if review in _VERDICTS:
            found[clip] = _VERDICTS[review]
        elif review == "none":
            found.pop(clip, None)
        else:
            raise _bad(number)
    return found


def judged(session: str, records: Iterable[Mapping[str, Any]], verdicts: Mapping[str, bool]) -> list[dict[str, Judged]]:
    """A session's clips with a rank and a verdict, each as `ranker` and as `shadow` see it."""
    found = []
    for record in records:
        rank = record.get("rank")
        if rank is None or record["id"] not in verdicts:
            continue
        shadow = rank.get("shadow") or {}
        scores = {
            "ranker": rank["score"] if rank["state"] == "ranked" else None,
            "shadow": shadow["score"] if shadow.get("state") == "ranked" else None,
        }
        kept, p = verdicts[record["id"]], rank["p"]
        found.append({name: Judged(session=session, kept=kept, p=p, score=score) for name, score in scores.items()})
    return found


def agreement(system: str, clips: Sequence[Judged]) -> Agreement:
    """Over all sessions."""
    sessions = sorted({clip.session for clip in clips})
    sums = np.array([_sums([clip for clip in clips if clip.session == session]) for session in sessions])
    theirs, own, pairs = sums.reshape(-1, 3).T
    counted = pairs > 0
    weights = draws(int(counted.sum()))
    theirs, own, pairs = theirs[counted], own[counted], pairs[counted]
    return Agreement(
        system=system,
        kept=sum(clip.kept for clip in clips),
        rejected=sum(not clip.kept for clip in clips),
        sessions=len(pairs),
        pairs=int(pairs.sum()),
        agreed=estimate(ratio(theirs, pairs), weights),
        heuristic=estimate(ratio(own, pairs), weights),
        gain=estimate(ratio(theirs - own, pairs), weights),
    )


def _sums(clips: Sequence[Judged]) -> tuple[float, float, float]:
    """Pairs that the system agrees with, that detection agrees with, and all, of one session."""
    theirs, own, pairs = 0.0, 0.0, 0
    kept, rejected = ([clip for clip in clips if clip.kept is wanted] for wanted in (True, False))
    for good, bad in itertools.product(kept, rejected):
        if good.score is None and bad.score is None:
            continue
        pairs += 1
        own += _agrees(good.p, bad.p)
        theirs += _agrees(good.p if good.score is None else good.score, bad.p if bad.score is None else bad.score)
    return theirs, own, float(pairs)


def _agrees(good: float, bad: float) -> float:
    return 0.5 if good == bad else float(good > bad)


def _bad(number: int) -> UsageError:
    return UsageError(
        f"Line {number} of the reviews is no verdict",
        remedy='A line looks like {"clip": "c0123", "review": "approved"}; also: rejected, none.',
        code="bad_reviews",
    )
